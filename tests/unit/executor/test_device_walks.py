"""Random sequences of device events with steps that run: no step is lost, none on a bad device."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from gpucore.retrying import Tried
from gpucore.scheduling import Drained, Ended, Fate, Launch, Ledger, Machine, Submitted, Unit
from gpucore.scheduling.health import Health
from gpucore.scheduling.verdicts import decide
from gpucore.standard.model import SLOT, Device, FailureClass, Need, Outcome, StepState
from gpucore.standard.readings import Reading, Snapshot, Xid
from gpucore.stewardship import RunSteward

pytestmark = pytest.mark.slow

WALKS = 2000
EVENTS = 40
XIDS = (13, 31, 43, 45, 48, 63, 64, 74, 79, 92, 94, 95, 109, 119, 140, 4711)
FAULTS = ("GpuIsLost", "ResetRequired", "Unknown", "Timeout")
FAILURES = (
    FailureClass.DEVICE_FAULT,
    FailureClass.OUT_OF_MEMORY,
    FailureClass.NO_DEVICE,
    FailureClass.PROGRAM_FAULT,
    FailureClass.BAD_INPUT,
    FailureClass.LIMIT,
    FailureClass.CPU_FALLBACK,
)
HOUR = 3600.0


@dataclass
class Walk:
    """A machine, its devices' health and the steward between them; programs are numbers."""

    rng: random.Random
    devices: tuple[Device, ...]
    machine: Machine = field(init=False)
    running: dict[int, tuple[str, ...]] = field(default_factory=dict)
    ended: list[int] = field(default_factory=list)
    lost: dict[int, str] = field(default_factory=dict)
    tried: dict[int, Tried] = field(default_factory=dict)
    now: float = 1e9
    halted: bool = False

    def __post_init__(self) -> None:
        units = [Unit(number, (device,)) for number, device in enumerate(self.devices)]
        self.machine = Machine(Ledger(units), len(units))
        self.health = Health([device.uuid for device in self.devices])
        around = SimpleNamespace(run="walk", record=None, renumbered=False)
        tell = SimpleNamespace(note_once=lambda *_: None)
        provision = SimpleNamespace(devices=self.devices, foreign="avoid")
        self.steward = RunSteward(self, around, _Quiet(tell), provision)

    def handle(self, event: object) -> None:
        for action in self.machine.handle(event):
            if isinstance(action, Launch):
                uuids = tuple(device.uuid for device in action.grant.devices)
                for uuid in uuids:
                    standing = self.health.standing(uuid)
                    assert not standing.withheld, f"a step was given {uuid}: {standing}"
                self.running[action.step] = uuids

    def end_steps(self, uuid: str, reason: str) -> None:
        self.lost.update((step, reason) for step, uuids in self.running.items() if uuid in uuids)

    def halt(self, error: Exception) -> None:
        assert "GPU" in str(error)
        if not self.halted:
            self.halted = True
            self.handle(Drained())

    def carry_out(self, changes: list) -> None:
        for change in changes:
            if change.after.withheld:
                assert change.after.reason
                assert change.after.remedy
        if changes:
            self.steward.stands({change.uuid: change.after for change in changes})
        for change in changes:
            if change.stop_steps:
                self.steward.end_steps(change.uuid, change.after.reason)
        for step in sorted(self.lost):
            if step in self.running:
                self.end(step, FailureClass.DEVICE_FAULT)
        self.lost.clear()

    def see(self, snapshot: Snapshot) -> None:
        self.carry_out([*self.health.see(snapshot, self.now), *self.health.tick(self.now)])
        if self.health.lost:
            self.steward.lost(self.health.lost)
        self.steward.looked()

    def end(self, step: int, failure: FailureClass | None) -> None:
        uuids = self.running.pop(step)
        outcome = Outcome(
            step=str(step),
            adapter="walk",
            state=StepState.FAILED if failure else StepState.DONE,
            failure=failure,
            devices=tuple(one for one in self.devices if one.uuid in uuids),
        )
        verdict = None
        if failure:
            tried = self.tried.setdefault(step, Tried(limit=1))
            need = self.machine.need(step)
            verdict = tried.allowed(
                outcome, decide(outcome, need, tried.attempts, None, self.machine.ledger.usable)
            )
        # What is found of the devices comes first: the step must not be given them again.
        self.carry_out(self.health.ended(str(step), uuids, failure, self.now))
        if verdict is not None and not verdict.ends and not self.halted:
            self.handle(Ended(step, done=False, again=True, need=verdict.need))
        else:
            self.handle(Ended(step, done=failure is None))
            self.ended.append(step)

    def readings(self, *, well: bool = False) -> Snapshot:
        rng = self.rng
        readings, xids = [], []
        for device in self.devices:
            if not well and rng.random() < 0.1:
                continue  # it has vanished
            fault = rng.choice(FAULTS) if not well and rng.random() < 0.1 else ""
            readings.append(
                Reading(
                    uuid=device.uuid,
                    fault=fault,
                    ecc_uncorrected=None if well else rng.choice((0, 0, 0, 1)),
                    remap_failed=not well and rng.random() < 0.03,
                    recovery_action="none" if well else rng.choice(("none",) * 9 + ("gpu_reset",)),
                    clock_reasons=0 if well else rng.choice((0, 0x40, 0x80)),
                )
            )
            if not well and rng.random() < 0.15:
                xids.append(Xid(uuid=device.uuid, number=rng.choice(XIDS), time=self.now))
        rng.shuffle(readings)
        return Snapshot(time=self.now, readings=tuple(readings), xids=tuple(xids))

    def step(self) -> None:
        rng = self.rng
        self.now += rng.choice((0.5, 2.0, 2.0, 700.0))
        kind = rng.random()
        if kind < 0.35:
            gpus = rng.choice((None, None, 1, 2, 0))
            need = SLOT if gpus is None else Need(gpus=gpus)
            self.handle(Submitted(self.machine.submitted, need))
        elif kind < 0.65 and self.running:
            step = rng.choice(sorted(self.running))
            self.end(step, rng.choice((None, None, *FAILURES)))
        elif kind < 0.9:
            self.see(self.readings(well=rng.random() < 0.3))
        else:
            self.carry_out(self.health.silent(self.now - rng.choice((1.0, 30.0, 90.0)), self.now))
            self.steward.looked()


class _Quiet:
    """Nobody is told anything, but every text must be there."""

    def __init__(self, tell: SimpleNamespace) -> None:
        self.note_once = tell.note_once

    def __call__(self, event: object) -> None:
        level = getattr(event, "level", "good")
        assert level == "good" or getattr(event, "reason", "")


@pytest.mark.parametrize("part", range(4))
def test_no_step_is_lost_and_none_is_started_on_a_device_that_is_withheld(part: int) -> None:
    for number in range(part * WALKS // 4, (part + 1) * WALKS // 4):
        rng = random.Random(number)
        devices = tuple(
            Device(uuid=f"GPU-{index}", index=index, memory_mib=10_000)
            for index in range(rng.randint(1, 4))
        )
        walk = Walk(rng, devices)
        for _ in range(EVENTS):
            walk.step()
        finish(walk)
        fates = [walk.machine.fate(step) for step in range(walk.machine.submitted)]
        assert not {Fate.RUNNING, Fate.READY} & set(fates) or stuck(walk), f"walk {number}"


def finish(walk: Walk) -> None:
    """Let every device be well for a day, and every program end well."""
    for _ in range(60):
        walk.now += HOUR
        for step in sorted(walk.running):
            walk.end(step, None)
        walk.see(walk.readings(well=True))


def stuck(walk: Walk) -> bool:
    """Say whether what still waits waits for a device that only a person can bring back."""
    hard = [
        walk.health.standing(device.uuid)
        for device in walk.devices
        if walk.health.standing(device.uuid).withheld
    ]
    assert all(one.hard and one.reason and one.remedy for one in hard)
    return bool(hard) and not walk.running
