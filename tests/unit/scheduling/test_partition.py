"""Several devices for one step: near ones, and near ones left for the next."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from gpucore.scheduling.ledger import Ledger
from gpucore.scheduling.partition import EXACT, Partition, best_set
from gpucore.scheduling.policies import cut_pool, cut_units
from gpucore.scheduling.supply import Offer
from gpucore.standard.model import Device, Need

# NVLinks between the GPUs of a DGX-1 with V100 (NVIDIA DGX-1 user guide, hybrid cube mesh).
DGX = {
    (0, 1): 1, (0, 2): 1, (0, 3): 2, (0, 4): 2, (1, 2): 2, (1, 3): 1, (1, 5): 2, (2, 3): 2,
    (2, 6): 1, (3, 7): 1, (4, 5): 1, (4, 6): 1, (4, 7): 2, (5, 6): 2, (5, 7): 1, (6, 7): 2,
}  # fmt: skip


def devices(count: int, near: dict[tuple[int, int], int]) -> list[Device]:
    return [
        Device(
            uuid=f"GPU-{one}",
            index=one,
            links=tuple((f"GPU-{other}", score) for (first, other), score in near.items()
                        if first == one),
        )
        for one in range(count)
    ]  # fmt: skip


def islands(count: int, size: int, score: int = 100) -> dict[tuple[int, int], int]:
    return {
        pair: score for pair in combinations(range(count), 2) if pair[0] // size == pair[1] // size
    }


def pool(count: int, near: dict[tuple[int, int], int]) -> Ledger:
    return Ledger(cut_pool(devices(count, near), 1, False))


def take(ledger: Ledger, *counts: int) -> list[list[int]]:
    grants = [ledger.take(Need(gpus=count)) for count in counts]
    return [[device.index for device in grant.devices] for grant in grants if grant is not None]


def score(near: dict[tuple[int, int], int], places: list[int]) -> int:
    return sum(near.get(pair, 0) for pair in combinations(sorted(places), 2))


def partitions(left: list[int], count: int) -> list[list[tuple[int, ...]]]:
    """Return every way to cut a list into sets of so many, and one of those that are left over."""
    if not left:
        return [[]]
    first, *others = left
    found = []
    for length in {count, len(left) % count or count}:
        for more in combinations(others, length - 1):
            rest = [one for one in others if one not in more]
            found += [[(first, *more), *sets] for sets in partitions(rest, count)]
    return found


def test_the_nearest_pair_is_not_taken_when_it_leaves_two_that_nothing_joins() -> None:
    row = {(0, 1): 5, (1, 2): 6, (2, 3): 5}
    assert take(pool(4, row), 2, 2) == [[0, 1], [2, 3]]


def test_each_of_four_pairs_of_a_dgx_1_has_two_links() -> None:
    pairs = take(pool(8, DGX), 2, 2, 2, 2)
    assert len(pairs) == 4
    assert [score(DGX, pair) for pair in pairs] == [2, 2, 2, 2]


def test_two_fours_of_a_dgx_1_are_its_two_boards() -> None:
    assert sorted(take(pool(8, DGX), 4, 4)) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_what_is_not_known_to_be_near_is_given_in_the_order_in_which_it_became_free() -> None:
    ledger = pool(4, {})
    held = ledger.take(Need(gpus=2))
    assert held is not None
    ledger.give(held)
    assert take(ledger, 2, 2) == [[2, 3], [0, 1]]


def test_the_smaller_of_two_equally_good_islands_is_taken() -> None:
    ledger = pool(8, islands(8, 4))
    assert take(ledger, 2) == [[0, 1]]
    assert take(ledger, 2, 4) == [[2, 3], [4, 5, 6, 7]]


def test_a_step_that_needs_more_than_any_island_has_gets_whole_islands() -> None:
    assert take(pool(12, islands(12, 4)), 6, 6) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]
    assert take(pool(6, islands(6, 2)), 7) == []


def test_a_link_that_one_of_two_tells_of_joins_both() -> None:
    one = Device(uuid="GPU-0", index=0)
    two = Device(uuid="GPU-1", index=1, links=(("GPU-2", 3), ("GPU-77", 9), ("GPU-1", 9)))
    three = Device(uuid="GPU-2", index=2)
    assert take(Ledger(cut_pool([one, two, three], 1, False)), 2) == [[1, 2]]


def test_devices_that_are_given_last_are_taken_when_the_others_do_not_suffice() -> None:
    ledger = pool(4, islands(4, 2))
    ledger.offer("GPU-0", Offer.LAST, "hot", "health")
    assert take(ledger, 2, 2) == [[2, 3], [0, 1]]


def test_what_does_not_suit_is_not_among_them() -> None:
    near = islands(8, 4)
    ledger = pool(8, near)
    ledger.offer("GPU-0", Offer.WITHHELD, "lost", "health")
    avoiding = Need(gpus=3, avoid=frozenset({"GPU-1"}))
    grant = ledger.take(avoiding)
    assert grant is not None
    assert [device.index for device in grant.devices] == [4, 5, 6]
    assert ledger.take(Need(gpus=3), reserved=[1, 7]) is None


def test_slots_of_several_devices_are_given_in_order_whatever_is_near() -> None:
    row = {(0, 3): 9, (1, 2): 9}
    ledger = Ledger(cut_units(devices(4, row), 3, True))
    assert take(ledger, 2, 2) == [[0, 1], [2, 3]]


@pytest.mark.slow
@pytest.mark.parametrize("size", range(2, EXACT + 1))
def test_up_to_eight_devices_the_best_partition_of_all_is_found(size: int) -> None:
    rng = random.Random(size)
    for count in range(2, size + 1):
        for _ in range(5):
            near = {pair: rng.choice([0, 0, 10, 20, 100, 200])
                    for pair in combinations(range(size), 2)}  # fmt: skip
            found, places = best_set(count, size, tuple(near.values()))
            assert len(set(places)) == count
            assert found == score(near, list(places))
            ways = partitions(list(range(size)), count)
            most = max(sum(score(near, list(one)) for one in sets) for sets in ways)
            rest = [one for one in range(size) if one not in places]
            kept = max(sum(score(near, list(one)) for one in sets)
                       for sets in partitions(rest, count))  # fmt: skip
            assert found + kept == most, "what is left can still be cut as well"


@pytest.mark.parametrize("count", [2, 3, 4])
def test_of_more_than_eight_devices_those_of_one_group_are_taken(count: int) -> None:
    groups = islands(16, 4) | {
        pair: 10 for pair in combinations(range(16), 2) if pair[0] // 4 != pair[1] // 4
    }
    ledger = pool(16, groups)
    for found in take(ledger, *[count] * 4):
        assert len({index // 4 for index in found}) == 1


def test_of_more_than_eight_equally_near_sets_the_one_that_is_cut_off_best_is_taken() -> None:
    # 0…8 are joined in a ring, and 9 and 10 to each other and by one link to the ring.
    near = {(one, one + 1): 10 for one in range(8)} | {(0, 8): 10, (9, 10): 10, (0, 9): 1}
    assert take(pool(11, near), 2) == [[9, 10]]


@pytest.mark.slow
def test_what_is_free_is_known_after_every_change() -> None:
    rng = random.Random(5)
    near = {
        pair: rng.choice([10, 100]) for pair in combinations(range(24), 2) if rng.random() < 0.08
    }
    all_ = devices(24, near)
    partition, free = Partition(all_), set()
    for _ in range(2_000):
        number = rng.randrange(24)
        if rng.random() < 0.5:
            partition.add(number)
            free.add(number)
        else:
            partition.remove(number)
            free.discard(number)
        count, shut = rng.randint(1, 9), {rng.randrange(24) for _ in range(rng.randrange(4))}
        found = partition.choose(count, lambda one, shut=shut: one not in shut)
        if len(free - shut) < count:
            assert found is None
        else:
            assert found is not None
            assert len(set(found)) == count
            assert set(found) <= free - shut
            assert found == sorted(found)
