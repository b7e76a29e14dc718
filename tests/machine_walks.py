"""A machine that is walked through at random, and beside it a naive account of all it is told."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from math import ceil

from gpucore.scheduling.ledger import Grant, Ledger, Unit
from gpucore.scheduling.machine import (
    Cancelled,
    DeviceAvoided,
    DeviceLost,
    DeviceReturned,
    DeviceWithheld,
    Drained,
    Ended,
    Fate,
    Launch,
    Machine,
    MachineEvent,
    MemorySeen,
    Refuse,
    Skip,
    Stop,
    Submitted,
)
from gpucore.scheduling.policies import cut_pool, cut_units
from gpucore.standard.gpulist import VOID
from gpucore.standard.model import Device, Need

__all__ = ["GPUS", "Walk", "all_back", "drain", "end_all", "random_event", "random_walk"]

GPUS = tuple(
    Device(uuid=f"GPU-{index}", index=index, memory_mib=memory)
    for index, memory in enumerate((8_000, 16_000, 24_000, 24_000, 0))
)
ENDED = {Fate.DONE, Fate.FAILED, Fate.SKIPPED, Fate.CANCELLED}
PLENTY = 10**9


@dataclass
class Walk:
    """A machine and, beside it, a naive account of all that it said and was told."""

    machine: Machine
    needs: dict[int, Need] = field(default_factory=dict)
    after: dict[int, tuple[int, ...]] = field(default_factory=dict)
    running: dict[int, Grant] = field(default_factory=dict)
    endings: Counter[int] = field(default_factory=Counter)
    done: set[int] = field(default_factory=set)
    stopping: set[int] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    said: dict[str, dict[str, str]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    head: int | None = None
    ahead: set[int] = field(default_factory=set)

    def tell(self, event: MachineEvent) -> None:
        self._note(event)
        for action in self.machine.handle(event):
            if isinstance(action, Launch):
                self._launched(action)
            elif isinstance(action, Stop):
                assert action.step in self.running
                self.stopping.add(action.step)
            else:
                assert isinstance(action, (Skip, Refuse))
                assert action.step not in self.running
                self.endings[action.step] += 1
        self.check(reset=not isinstance(event, (Submitted, Ended, Cancelled)))

    def _note(self, event: MachineEvent) -> None:
        if isinstance(event, Submitted):
            self.needs[event.step], self.after[event.step] = event.need, tuple(event.after)
        elif isinstance(event, Ended):
            del self.running[event.step]
            self.stopping.discard(event.step)
            if event.again and not event.done:
                self.needs[event.step] = event.need or self.needs[event.step]
            else:
                self.endings[event.step] += 1
            if event.done:
                self.done.add(event.step)
        elif isinstance(event, DeviceLost):
            self.lost.add(event.uuid)
        elif isinstance(event, MemorySeen):
            self._seen(event)
        elif isinstance(event, (DeviceWithheld, DeviceAvoided)):
            avoided = "last" if getattr(event, "last", False) else "shunned"
            word = avoided if isinstance(event, DeviceAvoided) else "withheld"
            self.said.setdefault(event.uuid, {})[event.by] = word
        elif isinstance(event, DeviceReturned):
            self.said.get(event.uuid, {}).pop(event.by, None)

    def _seen(self, event: MemorySeen) -> None:
        self.seen.update(event.free)
        for step, mib in event.held.items():
            grant = self.running.get(step)
            if grant is not None and grant.devices and mib > grant.memory_mib:
                self.running[step] = Grant(grant.units, grant.devices, ceil(mib * 1.1))

    def _launched(self, action: Launch) -> None:
        step, grant = action.step, action.grant
        assert step not in self.running
        assert not self.endings[step]
        assert set(self.after[step]) <= self.done, "prerequisites are done"
        self.running[step] = grant
        for device in grant.devices:
            assert "withheld" not in self.standing(device), "it was withheld before the launch"
            assert device.uuid not in self.lost
            if grant.memory_mib:
                assert self.promised(device) <= self.free(device), "memory is given twice"
        assert grant.memory_mib == (self.needs[step].memory_mib if grant.devices else 0)
        away = self.binding(self.needs[step])
        assert not away & {device.uuid for device in grant.devices}, "it was to keep off"

    def standing(self, device: Device) -> set[str]:
        return set(self.said.get(device.uuid, {}).values())

    def total(self, device: Device) -> int:
        return device.memory_mib or PLENTY

    def free(self, device: Device) -> int:
        return self.seen.get(device.uuid, self.total(device))

    def promised(self, device: Device) -> int:
        return sum(one.memory_mib for one in self.running.values() if device in one.devices)

    def check(self, *, reset: bool) -> None:
        self.check_hands()
        self.check_workers()
        for step, grant in self.running.items():
            self.check_grant(self.needs[step], grant)
        for step in self.needs:
            ended = self.machine.fate(step) in ENDED
            assert self.endings[step] == ended
            assert (self.machine.fate(step) is Fate.RUNNING) == (step in self.running)
        self.check_head(reset=reset)

    def check_hands(self) -> None:
        ledger = self.machine.ledger
        hands = Counter(number for grant in self.running.values() for number in grant.units)
        assert not hands or max(hands.values()) == 1, "a unit is in two hands"
        open_ = {unit.number for unit in ledger.units if self.is_given(unit)}
        assert set(ledger.free) == open_ - set(hands)
        assert len(ledger.free) == len(set(ledger.free))
        assert self.machine.grants == self.running

    def is_given(self, unit: Unit) -> bool:
        return not any(
            device.uuid in self.lost or "withheld" in self.standing(device)
            for device in unit.devices
        )

    def check_workers(self) -> None:
        busy = sum(self.needs[step].worker for step in self.running)
        assert self.machine.idle == self.machine.workers - busy
        assert self.machine.idle >= 0

    def check_grant(self, need: Need, grant: Grant) -> None:
        units = self.machine.ledger.units
        inside = [device for number in grant.units for device in units[number].devices]
        assert set(grant.devices) <= set(inside)
        if need.gpus == 0:
            assert grant == Grant()
        elif need.gpus is None:
            assert grant.devices in {units[number].devices for number in grant.units}
            assert need.alone or need.whole or len(grant.units) == 1
        else:
            assert len({device.uuid for device in grant.devices}) == need.gpus
            assert len(grant.devices) == need.gpus
        if need.alone and not need.whole:
            held = {one for number in grant.units for one in self.rivals(units[number], need)}
            assert set(grant.units) == held, "another could share what must not be shared"
        if need.whole:
            for other in self.running.values():
                assert other is grant or not set(grant.devices) & {
                    device for number in other.units for device in units[number].devices
                }, "another is on a device that it must have to itself"

    def ready(self) -> list[int]:
        return [step for step in self.needs if self.machine.fate(step) is Fate.READY]

    def rivals(self, unit: Unit, need: Need) -> set[int]:
        """Return the units that nobody else may hold when a step is given one."""
        units = self.machine.ledger.units
        if need.whole:
            return {one.number for one in units if set(one.devices) & set(unit.devices)}
        if not need.alone:
            return {unit.number}
        root = unit.number if unit.copy_of is None else unit.copy_of
        return {one.number for one in units if one.copy_of == root} | {root}

    def serving(self, need: Need, away: set[str], *, ever: bool) -> list[Unit]:
        return [
            unit
            for unit in self.machine.ledger.units
            if self.is_given(unit)
            and not away & {device.uuid for device in unit.devices}
            and all(
                (self.total(device) if ever else self.free(device)) >= need.memory_mib
                for device in unit.devices
            )
        ]

    def binding(self, need: Need) -> set[str]:
        """Return the devices that a need keeps off: those that it can do without."""
        shunned = {
            uuid for uuid, said in self.said.items()
            if "shunned" in said.values() and "withheld" not in said.values()
        }  # fmt: skip
        for away in (set(need.avoid) | shunned, set(need.avoid)):
            if enough(self.serving(need, away, ever=True), need):
                return away
        return set()

    def possible(self, need: Need) -> bool:
        return enough(self.serving(need, self.binding(need), ever=False), need)

    def could_start(self, need: Need) -> bool:
        """Say, the slow way, whether a step could be given all that it asks for now."""
        if need.worker and not self.machine.idle:
            return False
        held = {number for grant in self.running.values() for number in grant.units}
        found = [
            unit
            for unit in self.serving(need, self.binding(need), ever=False)
            if not held & self.rivals(unit, need)
            and all(
                self.free(device) - self.promised(device) >= need.memory_mib
                for device in unit.devices
            )
        ]
        return enough(found, need)

    def check_head(self, *, reset: bool) -> None:
        ready = [step for step in self.ready() if self.possible(self.needs[step])]
        if not ready:
            self.head = None
            return
        head = min(ready)
        assert not self.could_start(self.needs[head]), "a wake-up was lost"
        if head != self.head or reset:
            self.head, self.ahead = head, set(self.running)
        # Once all that ran when it became the oldest has ended, and older ones whose prerequisites
        # were done meanwhile, it runs: none that passed it is waited for, so none waits for ever.
        self.ahead = {step for step in self.running if step in self.ahead or step < head}
        assert self.ahead, f"step {head} waits for steps that passed it"


def enough(units: list[Unit], need: Need) -> bool:
    if need.gpus is None:
        return bool(units)
    return len({device.uuid for unit in units for device in unit.devices}) >= need.gpus


def random_need(rng: random.Random) -> Need:
    kind = rng.choice([None, None, 0, 1, 2, 3, len(GPUS)])
    return Need(
        gpus=kind,
        worker=rng.random() < 0.85,
        alone=rng.random() < 0.3,
        whole=rng.random() < 0.1,
        memory_mib=rng.choice([0, 0, 0, 0, 3_000, 7_000, 12_000, 20_000]),
        avoid=frozenset(one.uuid for one in GPUS if rng.random() < rng.choice([0, 0, 0.3])),
    )


def random_walk(seed: int) -> Walk:
    rng = random.Random(seed)
    workers = rng.randint(1, 6)
    places = [rng.choice([*GPUS, *GPUS, VOID]) for _ in range(rng.randint(0, 8))]
    if not any(place is not VOID for place in places):
        places = list(GPUS[: rng.randint(0, 3)])
    cut = rng.choice([cut_units, cut_units, cut_pool])
    return Walk(Machine(Ledger(cut(places, workers + 1, rng.random() < 0.8)), workers))


def random_event(rng: random.Random, walk: Walk, load: float) -> MachineEvent:
    count = len(walk.needs)
    dice = rng.random()
    if walk.running and dice > load:
        step = rng.choice(sorted(walk.running))
        done = step not in walk.stopping and rng.random() < 0.9
        again = rng.random() < 0.5
        return Ended(step, done, again, rng.choice([None, random_need(rng)]))
    if count and dice < 0.06:
        return Cancelled(rng.randrange(count))
    if dice < 0.063:
        return DeviceLost(rng.choice(GPUS).uuid)
    if dice < 0.15:
        return random_news(rng, walk)
    after = rng.sample(range(count), min(count, rng.choice([0, 0, 0, 1, 1, 2, 4])))
    near = [step for step in after if step > count - 25]
    return Submitted(count, random_need(rng), near)


def random_news(rng: random.Random, walk: Walk) -> MachineEvent:
    uuid, by = rng.choice([*GPUS, Device(uuid="GPU-77", index=77)]).uuid, rng.choice("ab")
    kind = rng.randrange(6)
    if kind == 0:
        return DeviceWithheld(uuid, "why", by)
    if kind == 1:
        return DeviceAvoided(uuid, "why", by, last=rng.random() < 0.5)
    if kind in {2, 3}:
        return DeviceReturned(uuid, by)
    free = {one.uuid: int(walk.total(one) * rng.random()) for one in GPUS if rng.random() < 0.3}
    held = {step: rng.randrange(20_000) for step in walk.running if rng.random() < 0.2}
    return MemorySeen(free, {**held, 10**6: 5})


def all_back(walk: Walk) -> None:
    """Give all devices back, with all their memory."""
    for device in GPUS:
        for by in "ab":
            walk.tell(DeviceReturned(device.uuid, by))
    walk.tell(MemorySeen({device.uuid: walk.total(device) for device in GPUS}))


def end_all(rng: random.Random, walk: Walk) -> None:
    """End whatever runs, and what starts then, until nothing runs."""
    while walk.running:
        walk.tell(Ended(rng.choice(sorted(walk.running)), rng.random() < 0.9))


def drain(walk: Walk) -> None:
    """Start nothing more."""
    walk.tell(Drained())
