"""Steps that share devices by their memory: what fits is given, and no more."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from math import ceil

import pytest

from gpucore.scheduling.ledger import Grant
from gpucore.scheduling.machine import (
    DeviceAvoided,
    DeviceReturned,
    DeviceWithheld,
    Ended,
    Fate,
    Launch,
    Machine,
    MachineEvent,
    MemorySeen,
    Submitted,
)
from gpucore.scheduling.policies import cut_devices
from gpucore.scheduling.sharing import CONTEXT_MIB, SharedLedger
from gpucore.standard.model import Device, Need

GPUS = tuple(
    Device(uuid=f"GPU-{index}", index=index, memory_mib=memory, compute_mode=mode)
    for index, (memory, mode) in enumerate(
        [(24_000, "default"), (24_000, "default"), (48_000, "exclusive_process"), (0, "default")]
    )
)
RESERVE = 512


def ledger(*places: int) -> SharedLedger:
    return SharedLedger(cut_devices([GPUS[place] for place in places], 1, True), RESERVE)


def asks(mib: int, **more: object) -> Need:
    return Need(gpus=more.pop("gpus", None), memory_mib=mib, **more)


def indexes(grant: Grant | None) -> list[int] | None:
    return None if grant is None else [device.index for device in grant.devices]


def taken(books: SharedLedger, *needs: Need) -> list[list[int] | None]:
    return [indexes(books.take(need)) for need in needs]


def test_two_steps_are_on_one_device_when_both_fit() -> None:
    assert taken(ledger(0), asks(10_000), asks(10_000), asks(3_000)) == [[0], [0], None]


def test_what_a_list_repeats_is_one_device() -> None:
    assert [unit.devices for unit in ledger(0, 0, 1).units] == [(GPUS[0],), (GPUS[1],)]


def test_an_idle_device_comes_before_one_that_is_shared() -> None:
    assert taken(ledger(0, 1), *[asks(4_000)] * 3) == [[0], [1], [0]]


def test_of_shared_devices_the_fullest_that_has_room_is_taken() -> None:
    books = ledger(0, 1)
    assert taken(books, asks(10_000), asks(16_000), asks(6_000), asks(6_000)) == [
        [0], [1], [1], [0],
    ]  # fmt: skip


def test_a_step_by_itself_may_have_all_there_is_and_two_leave_the_reserve() -> None:
    assert taken(ledger(0), asks(24_000), asks(1)) == [[0], None]
    both = 24_000 - RESERVE - 2 * CONTEXT_MIB
    assert taken(ledger(0), asks(4_000), asks(both - 4_000)) == [[0], [0]]
    assert taken(ledger(0), asks(4_000), asks(both - 4_000 + 1)) == [[0], None]


def test_a_step_that_says_nothing_of_memory_has_the_device_to_itself() -> None:
    assert taken(ledger(0), Need(gpus=None), asks(100)) == [[0], None]
    assert taken(ledger(0), asks(100), Need(gpus=1)) == [[0], None]


@pytest.mark.parametrize("fact", ["alone", "whole"])
def test_a_step_that_must_not_share_does_not_even_when_it_says_its_memory(fact: str) -> None:
    single = asks(100, **{fact: True})
    assert taken(ledger(0), single, asks(100)) == [[0], None]
    assert taken(ledger(0), asks(100), single) == [[0], None]


def test_a_device_that_is_exclusive_or_does_not_tell_its_memory_is_not_shared() -> None:
    assert taken(ledger(2, 3), *[asks(100)] * 3) == [[2], [3], None]


def test_a_device_is_shared_as_soon_as_its_memory_is_known() -> None:
    books = ledger(3)
    books.see({"GPU-3": 10_000})
    assert taken(books, asks(4_000), asks(4_000), asks(4_000)) == [[3], [3], None]


def test_memory_is_given_back_by_whoever_ends() -> None:
    books = ledger(0)
    first, second = books.take(asks(10_000)), books.take(asks(10_000))
    assert first is not None
    assert second is not None
    books.give(first)
    assert indexes(books.take(asks(10_000))) == [0]
    books.give(second)
    assert books.free == ()
    assert books.supply.promised == [10_000]


def test_several_devices_are_idle_ones_and_shared_ones_together() -> None:
    books = ledger(0, 1)
    assert taken(books, asks(4_000), asks(4_000, gpus=2)) == [[0], [1, 0]]
    assert taken(books, asks(20_000, gpus=2)) == [None]


def test_memory_that_strangers_take_is_not_given() -> None:
    books = ledger(0)
    books.take(asks(4_000))
    books.see({"GPU-0": 8_000})
    assert taken(books, asks(4_000)) == [None]
    books.see({"GPU-0": 24_000})
    assert taken(books, asks(4_000)) == [[0]]


def test_a_declaration_that_proved_wrong_is_not_believed() -> None:
    machine = Machine(ledger(0), 4)
    machine.handle(Submitted(0, asks(4_000)))
    machine.handle(MemorySeen({}, {0: 15_000}))
    assert machine.grants[0].memory_mib == 16_500
    assert machine.handle(Submitted(1, asks(7_000))) == []
    (launch,) = machine.handle(Submitted(2, Need(gpus=0)))
    assert isinstance(launch, Launch)
    (launch,) = machine.handle(Ended(0, done=True))
    assert isinstance(launch, Launch)
    assert launch.step == 1


def test_who_waits_for_a_whole_device_is_not_passed_for_ever_by_small_ones() -> None:
    machine = Machine(ledger(0), 8)
    machine.handle(Submitted(0, asks(2_000)))
    assert machine.handle(Submitted(1, Need(gpus=1))) == []
    assert machine.handle(Submitted(2, asks(2_000))) == []
    (launch,) = machine.handle(Ended(0, done=True))
    assert (launch.step, machine.fate(2)) == (1, Fate.READY)


def test_what_a_step_lacks_is_said_with_what_is_left() -> None:
    machine = Machine(ledger(0, 1), 8)
    for step, need in enumerate([asks(20_000), Need(gpus=None), asks(10_000), Need(gpus=None)]):
        machine.handle(Submitted(step, need))
    assert machine.waits_for(2) == "needs 9.8 GiB free; GPU 0 has 2.8 GiB; GPU 1 is in use"
    assert machine.waits_for(3) == "needs a slot; GPU 0 and 1 are in use"


@dataclass
class Walk:
    """A machine whose steps share devices, and a naive account of who has what."""

    machine: Machine
    needs: dict[int, Need] = field(default_factory=dict)
    running: dict[int, Grant] = field(default_factory=dict)
    free: dict[str, int] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)
    avoided: set[str] = field(default_factory=set)
    shared: int = 0
    head: int | None = None
    ahead: set[int] = field(default_factory=set)

    def tell(self, event: MachineEvent) -> None:
        self.note(event)
        for action in self.machine.handle(event):
            assert isinstance(action, Launch)
            self.running[action.step] = action.grant
            self.check_launch(action.step, action.grant)
        assert self.machine.grants == self.running
        self.check_head(reset=not isinstance(event, (Submitted, Ended)))

    def note(self, event: MachineEvent) -> None:
        if isinstance(event, Submitted):
            self.needs[event.step] = event.need
        elif isinstance(event, Ended):
            del self.running[event.step]
        elif isinstance(event, MemorySeen):
            self.free |= event.free
            for step, mib in event.held.items():
                if mib > self.running[step].memory_mib:
                    old = self.running[step]
                    self.running[step] = Grant(old.units, old.devices, ceil(mib * 1.1))
        elif isinstance(event, (DeviceWithheld, DeviceAvoided, DeviceReturned)):
            self.withheld.discard(event.uuid)
            self.avoided.discard(event.uuid)
            if isinstance(event, DeviceWithheld):
                self.withheld.add(event.uuid)
            elif isinstance(event, DeviceAvoided):
                self.avoided.add(event.uuid)

    def on(self, device: Device) -> list[int]:
        return [step for step, grant in self.running.items() if device in grant.devices]

    def has(self, device: Device) -> int:
        return self.free.get(device.uuid, device.memory_mib or 10**9)

    def check_launch(self, step: int, grant: Grant) -> None:
        need = self.needs[step]
        assert len(set(grant.devices)) == len(grant.devices) == (need.gpus or 1)
        for device in grant.devices:
            assert device.uuid not in self.withheld
            steps = self.on(device)
            given = sum(self.running[one].memory_mib for one in steps)
            if len(steps) == 1:
                assert need.memory_mib <= self.has(device)
                continue
            self.shared += 1
            assert given + CONTEXT_MIB * len(steps) + RESERVE <= self.has(device)
            assert all(self.needs[one].memory_mib for one in steps)
            assert not any(self.needs[one].alone or self.needs[one].whole for one in steps)
            assert device.compute_mode == "default"

    def possible(self, need: Need) -> bool:
        for away in (set(need.avoid) | (self.avoided), set(need.avoid), set()):
            left = [one for one in GPUS if one.uuid not in self.withheld | away]
            ever = [one for one in left if (one.memory_mib or 10**9) >= need.memory_mib]
            if len(ever) >= (need.gpus or 1):
                able = [one for one in left if self.has(one) >= need.memory_mib]
                return len(able) >= (need.gpus or 1)
        return False

    def check_head(self, *, reset: bool) -> None:
        waiting = [s for s in self.needs if self.machine.fate(s) is Fate.READY]
        ready = [step for step in waiting if self.possible(self.needs[step])]
        if not ready:
            self.head = None
            return
        head = min(ready)
        assert self.machine.ledger.find(self.needs[head]) is None or not self.machine.idle
        if head != self.head or reset:
            self.head, self.ahead = head, set(self.running)
        self.ahead = {step for step in self.running if step in self.ahead or step < head}
        assert self.ahead, f"step {head} waits for steps that passed it"


def random_need(rng: random.Random) -> Need:
    return Need(
        gpus=rng.choice([None, None, 1, 1, 2, 3]),
        memory_mib=rng.choice([0, 500, 1_000, 3_000, 5_000, 9_000, 20_000]),
        alone=rng.random() < 0.1,
        whole=rng.random() < 0.1,
        avoid=frozenset(one.uuid for one in GPUS if rng.random() < rng.choice([0, 0, 0.3])),
    )


def random_event(rng: random.Random, walk: Walk) -> MachineEvent:
    dice, device = rng.random(), rng.choice(GPUS)
    if dice < 0.45 and walk.running:
        return Ended(rng.choice(sorted(walk.running)), done=True)
    if dice < 0.5:
        kind = rng.choice([DeviceWithheld, DeviceAvoided, DeviceReturned, DeviceReturned])
        return kind(device.uuid)
    if dice < 0.56:
        held = {step: rng.randrange(9_000) for step in walk.running if rng.random() < 0.2}
        most = device.memory_mib or 30_000
        return MemorySeen({device.uuid: rng.randrange(most // 2, most + 1)}, held)
    return Submitted(len(walk.needs), random_need(rng))


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_what_is_given_of_a_device_never_exceeds_what_is_there_less_the_reserve(block: int) -> None:
    shared = 0
    for seed in range(block, 200, 4):
        rng = random.Random(f"sharing {seed}")
        walk = Walk(Machine(SharedLedger(cut_devices(GPUS, 1, True), RESERVE), rng.randint(2, 9)))
        for _ in range(200):
            walk.tell(random_event(rng, walk))
        for device in GPUS:
            walk.tell(DeviceReturned(device.uuid))
        walk.tell(MemorySeen({one.uuid: one.memory_mib or 30_000 for one in GPUS}))
        while walk.running:
            walk.tell(Ended(rng.choice(sorted(walk.running)), done=True))
        fates = Counter(walk.machine.fate(step) for step in walk.needs)
        assert set(fates) == {Fate.DONE}, "none waits for ever"
        assert not any(walk.machine.ledger.supply.promised)
        shared += walk.shared
    assert shared > 500, "steps did share"
