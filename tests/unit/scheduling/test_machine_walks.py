"""Random walks with seeds: every invariant of the machine after every event."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from gpucore.scheduling.ledger import Grant, Ledger
from gpucore.scheduling.machine import (
    Cancelled,
    DeviceLost,
    Drained,
    Ended,
    Fate,
    Launch,
    Machine,
    MachineEvent,
    Refuse,
    Skip,
    Stop,
    Submitted,
)
from gpucore.scheduling.policies import cut_pool, cut_units
from gpucore.standard.gpulist import VOID
from gpucore.standard.model import Device, Need

WALKS = 320
EVENTS = 220
GPUS = tuple(Device(uuid=f"GPU-{index}", index=index) for index in range(5))
ENDED = {Fate.DONE, Fate.FAILED, Fate.SKIPPED, Fate.CANCELLED}


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
    head: int | None = None
    ahead: set[int] = field(default_factory=set)

    def tell(self, event: MachineEvent) -> None:
        if isinstance(event, Submitted):
            self.needs[event.step], self.after[event.step] = event.need, tuple(event.after)
        elif isinstance(event, Ended):
            del self.running[event.step]
            self.stopping.discard(event.step)
            self.endings[event.step] += 1
            if event.done:
                self.done.add(event.step)
        elif isinstance(event, DeviceLost):
            self.lost.add(event.uuid)
        for action in self.machine.handle(event):
            if isinstance(action, Launch):
                assert action.step not in self.running
                assert not self.endings[action.step]
                assert set(self.after[action.step]) <= self.done, "prerequisites are done"
                self.running[action.step] = action.grant
            elif isinstance(action, Stop):
                assert action.step in self.running
                self.stopping.add(action.step)
            else:
                assert isinstance(action, (Skip, Refuse))
                assert action.step not in self.running
                self.endings[action.step] += 1
        self.check(reset=isinstance(event, (DeviceLost, Drained)))

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
        gone = {u.number for u in ledger.units if any(d.uuid in self.lost for d in u.devices)}
        assert set(ledger.free) == {u.number for u in ledger.units} - set(hands) - gone
        assert self.machine.grants == self.running

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
            assert grant.devices == units[grant.units[0]].devices
            assert need.alone or len(grant.units) == 1
        else:
            assert len({device.uuid for device in grant.devices}) == need.gpus
            assert len(grant.devices) == need.gpus
        if need.alone:
            first = {n if units[n].copy_of is None else units[n].copy_of for n in grant.units}
            copies = {unit.number for unit in units if unit.copy_of in first} | first
            assert set(grant.units) == copies, "another could share what must not be shared"

    def ready(self) -> list[int]:
        return [step for step in self.needs if self.machine.fate(step) is Fate.READY]

    def could_start(self, need: Need) -> bool:
        """Say, the slow way, whether a step could be given all that it asks for now."""
        if need.worker and not self.machine.idle:
            return False
        if need.gpus == 0:
            return True
        free = set(self.machine.ledger.free)
        found: set[str] = set()
        for unit in self.machine.ledger.units:
            root = unit.number if unit.copy_of is None else unit.copy_of
            copies = {u.number for u in self.machine.ledger.units if u.copy_of == root} | {root}
            if (copies if need.alone else {unit.number}) <= free:
                found |= {device.uuid for device in unit.devices}
        return len(found) >= (need.gpus or 1)

    def check_head(self, *, reset: bool) -> None:
        ready = self.ready()
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


def random_need(rng: random.Random, gpus: int) -> Need:
    kind = rng.choice([None, None, 0, 1, 2, 3, gpus])
    return Need(gpus=kind, worker=rng.random() < 0.85, alone=rng.random() < 0.3)


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
        return Ended(step, step not in walk.stopping and rng.random() < 0.9)
    if count and dice < 0.06:
        return Cancelled(rng.randrange(count))
    if dice < 0.063:
        return DeviceLost(rng.choice(GPUS).uuid)
    after = rng.sample(range(count), min(count, rng.choice([0, 0, 0, 1, 1, 2, 4])))
    near = [step for step in after if step > count - 25]
    return Submitted(count, random_need(rng, len(GPUS)), near)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(8))
def test_after_every_event_of_a_random_walk_every_invariant_holds(block: int) -> None:
    for seed in range(block, WALKS, 8):
        rng = random.Random(f"walk {seed}")
        walk = random_walk(seed)
        load = rng.choice([0.35, 0.5, 0.6])
        for _ in range(EVENTS):
            walk.tell(random_event(rng, walk, load))
        if seed % 4 == 0:
            walk.tell(Drained())
        while walk.running:
            walk.tell(Ended(rng.choice(sorted(walk.running)), rng.random() < 0.9))
        assert set(walk.endings) == set(walk.needs), "every step ended"
        assert set(walk.endings.values()) <= {1}, "and once"
        assert walk.machine.idle == walk.machine.workers
        assert not walk.machine.grants


@pytest.mark.slow
def test_the_walks_reach_every_fate_and_every_kind_of_need() -> None:
    fates: Counter[Fate] = Counter()
    launched: Counter[Need] = Counter()
    for seed in range(20):
        rng = random.Random(f"walk {seed}")
        walk = random_walk(seed)
        for _ in range(EVENTS):
            walk.tell(random_event(rng, walk, 0.4))
            fates.update(walk.machine.fate(step) for step in walk.needs)
            launched.update(walk.needs[step] for step in walk.running)
    assert set(fates) == set(Fate)
    assert {need.alone for need in launched} == {need.worker for need in launched} == {True, False}
    assert {need.gpus for need in launched} >= {None, 0, 1, 2, 3}
