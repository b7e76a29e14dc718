"""The ledger: all at once or nothing, the longest free first, never a unit in two hands."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gpucore.errors import InternalError, NeedError
from gpucore.scheduling.ledger import Grant, Ledger, Unit
from gpucore.scheduling.policies import cut_pool, cut_units
from gpucore.standard.gpulist import VOID
from gpucore.standard.model import SLOT, Device, Need

GPUS = tuple(Device(uuid=f"GPU-{index}", index=index) for index in range(8))


def pool(*places: int) -> Ledger:
    return Ledger(cut_pool([GPUS[place] for place in places], 1, False))


def slots(threads: int, *places: int) -> Ledger:
    return Ledger(cut_units([GPUS[place] for place in places], threads, True))


def indexes(grant: Grant | None) -> list[int] | None:
    return None if grant is None else [device.index for device in grant.devices]


def test_a_step_that_needs_no_gpu_takes_no_unit() -> None:
    ledger = Ledger(())
    assert ledger.take(Need(gpus=0)) == Grant()
    assert ledger.take(Need(gpus=0, alone=True)) == Grant()


def test_the_slot_that_has_been_free_longest_is_taken() -> None:
    ledger = slots(4, 0, 1, 2)
    first, second = ledger.take(SLOT), ledger.take(SLOT)
    assert (indexes(first), indexes(second)) == ([0], [1])
    assert second is not None
    assert first is not None
    ledger.give(second)
    ledger.give(first)
    assert [indexes(ledger.take(SLOT)) for _ in range(4)] == [[2], [1], [0], None]


def test_a_slot_keeps_its_repetitions() -> None:
    assert indexes(slots(3, 0, 0, 1, 1).take(SLOT)) == [0, 0]


def test_k_gpus_are_given_all_at_once_or_not_at_all() -> None:
    ledger = pool(0, 1, 2, 3)
    grant = ledger.take(Need(gpus=3))
    assert indexes(grant) == [0, 1, 2]
    assert ledger.take(Need(gpus=2)) is None
    assert ledger.free == (3,), "what was refused has taken nothing"
    assert indexes(ledger.take(Need(gpus=1))) == [3]


def test_k_gpus_are_different_ones() -> None:
    ledger = pool(0, 0, 1, 1)
    assert indexes(ledger.take(Need(gpus=2))) == [0, 1]
    assert indexes(ledger.take(Need(gpus=2))) == [0, 1]
    assert ledger.free == ()


def test_fewer_gpus_than_a_slot_holds_still_hold_the_whole_slot() -> None:
    ledger = slots(3, 0, 1, 2, 3)
    grant = ledger.take(Need(gpus=1))
    assert grant == Grant((0,), (GPUS[0],))
    assert indexes(ledger.take(Need(gpus=2))) == [2, 3]


def test_reserved_units_are_not_given() -> None:
    ledger = pool(0, 1, 2)
    assert indexes(ledger.take(SLOT, {0})) == [1]
    assert ledger.take(Need(gpus=2), {0}) is None
    assert ledger.take(SLOT, {0, 2}) is None


def test_a_step_that_must_not_share_takes_the_copies_too() -> None:
    ledger = slots(5, 0, 1)
    grant = ledger.take(Need(gpus=None, alone=True))
    assert grant == Grant((0, 2), (GPUS[0],))
    assert indexes(ledger.take(SLOT)) == [1]
    assert ledger.take(Need(gpus=None, alone=True)) is None
    assert grant is not None
    ledger.give(grant)
    assert indexes(ledger.take(Need(gpus=1, alone=True))) == [0]


def test_an_id_that_the_user_repeats_is_not_a_copy() -> None:
    ledger = slots(5, 0, 0, 1, 1)
    alone = Need(gpus=None, alone=True)
    assert [indexes(ledger.take(alone)) for _ in range(5)] == [[0], [0], [1], [1], None]


@pytest.mark.parametrize("numbers", [(0,), (1,), (5,), (-1,)])
def test_a_unit_that_is_free_or_unknown_cannot_be_given_back(numbers: tuple[int, ...]) -> None:
    ledger = pool(0, 1)
    with pytest.raises(InternalError, match="given back twice"):
        ledger.give(Grant(numbers, ()))


@pytest.mark.parametrize(
    ("ledger", "need", "what"),
    [
        (pool(0, 1), Need(gpus=3), "3 GPUs are needed, and the run has 2"),
        (pool(0, 0, 1), Need(gpus=3), "3 GPUs are needed, and the run has 2"),
        (pool(), SLOT, "a GPU is needed, and the run has none"),
        (pool(), Need(gpus=1), "a GPU is needed, and the run has none"),
    ],
)
def test_a_need_that_can_never_be_met_is_refused(ledger: Ledger, need: Need, what: str) -> None:
    with pytest.raises(NeedError) as error:
        ledger.check(need)
    assert error.value.what == what
    assert "give the run" in error.value.hint


def test_a_need_that_can_be_met_is_not_refused() -> None:
    pool().check(Need(gpus=0))
    pool(0, 1).check(Need(gpus=2))
    slots(5, 0, 1).check(Need(gpus=2, alone=True))


def test_a_retired_device_is_given_no_more() -> None:
    ledger = slots(5, 0, 1)
    held = ledger.take(SLOT)
    assert ledger.retire("GPU-0") == (0, 2)
    assert held is not None
    ledger.give(held)
    assert ledger.free == (1, 3)
    with pytest.raises(NeedError):
        ledger.check(Need(gpus=2))
    assert indexes(ledger.take(Need(gpus=None, alone=True))) == [1]
    assert ledger.retire("GPU-77") == ()


@pytest.mark.parametrize(
    ("ledger", "held", "need", "kept"),
    [
        (pool(0, 1, 2, 3), 2, Need(gpus=4), {2, 3}),
        (pool(0, 1, 2, 3), 0, Need(gpus=2), {0, 1}),
        (pool(0, 0, 1, 1), 0, Need(gpus=1), {0}),
        (pool(0, 0, 1), 0, Need(gpus=2), {0, 2}),
        (pool(0, 1, 1), 1, Need(gpus=2), {1}),
        (slots(3, 0, 1), 2, SLOT, set()),
        (slots(3, 0, 1), 1, SLOT, {1}),
        (slots(3, 0, 1), 0, Need(gpus=0), set()),
        (slots(5, 0, 1), 1, Need(gpus=None, alone=True), {1, 3}),
        (slots(5, 0, 1), 2, Need(gpus=None, alone=True), {2, 3}),
        (slots(5, 0, 1), 2, Need(gpus=2, alone=True), {2, 3}),
        (slots(5, 0, 1), 1, Need(gpus=2, alone=True), {1, 2, 3}),
    ],
)
def test_a_reservation_keeps_what_the_need_lacks_and_nothing_else(
    ledger: Ledger, held: int, need: Need, kept: set[int]
) -> None:
    for _ in range(held):
        ledger.take(SLOT)
    assert ledger.reserve(need) == kept


NEEDS = [Need(gpus=gpus, alone=alone) for gpus in (None, 0, 1, 2, 3) for alone in (False, True)]


class Hands(RuleBasedStateMachine):
    """Takes, gives and retires in every order, beside a naive account of who holds what."""

    grants = Bundle("grants")

    def __init__(self) -> None:
        super().__init__()
        items = [GPUS[0], GPUS[1], VOID, GPUS[2]]
        self.ledger = Ledger(cut_units(items, 9, True))
        self.held: list[int] = []
        self.lost: set[str] = set()

    def whole(self, need: Need) -> set[str]:
        """Return the devices that could be given now, found the slow way."""
        found = set()
        for unit in self.ledger.units:
            copies = [other for other in self.ledger.units if other.devices == unit.devices]
            wanted = copies if need.alone else [unit]
            if not any(other.number in self.held for other in wanted):
                found |= {device.uuid for device in unit.devices}
        return found - self.lost

    @rule(target=grants, need=st.sampled_from(NEEDS))
    def take(self, need: Need) -> Grant:
        possible = need.gpus == 0 or len(self.whole(need)) >= (need.gpus or 1)
        grant = self.ledger.take(need)
        assert (grant is not None) == possible
        if grant is None:
            return Grant()
        assert not set(grant.units) & set(self.held)
        assert len({device.uuid for device in grant.devices}) == (
            1 if need.gpus is None else need.gpus
        )
        self.held += grant.units
        return grant

    @rule(grant=consumes(grants))
    def give(self, grant: Grant) -> None:
        self.ledger.give(grant)
        for number in grant.units:
            self.held.remove(number)

    @rule(place=st.integers(0, 2))
    def lose(self, place: int) -> None:
        self.ledger.retire(GPUS[place].uuid)
        self.lost.add(GPUS[place].uuid)

    @rule(need=st.sampled_from(NEEDS))
    def reserve(self, need: Need) -> None:
        assert self.ledger.reserve(need) <= set(self.ledger.free)

    @invariant()
    def every_unit_is_free_held_or_lost(self) -> None:
        expected = {
            unit.number
            for unit in self.ledger.units
            if unit.number not in self.held and unit.devices[0].uuid not in self.lost
        }
        assert set(self.ledger.free) == expected
        assert len(self.ledger.free) == len(expected)


test_no_order_of_taking_and_giving_puts_a_unit_into_two_hands = pytest.mark.slow(Hands.TestCase)
test_no_order_of_taking_and_giving_puts_a_unit_into_two_hands.settings = settings(
    deadline=None, max_examples=100
)


def test_a_unit_is_a_value() -> None:
    assert Unit(0, (GPUS[0],)) == Unit(0, (GPUS[0],), None)
