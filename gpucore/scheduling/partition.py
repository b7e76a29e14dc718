"""Which devices a step gets that asks for several: near ones, so that those left are near, too.

The rule is that of NVIDIA's best-effort policy (``gpuallocator/besteffort_policy.go`` in
NVIDIA/go-gpuallocator): not the nearest set there is, but the nearest one of the *partition* of
all free devices into such sets that is best as a whole. Taking the nearest pair may leave two
devices that nothing joins.

Up to eight devices that are joined by links, near or far, every partition is looked at; of more,
sets are grown around each device. What it costs does not grow with the number of devices.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations, islice
from typing import TYPE_CHECKING

from gpucore.scheduling.supply import UNKNOWN_MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpucore.standard.model import Device

__all__ = ["EXACT", "Partition", "best_set"]

EXACT = 8
"""So many devices have 280 partitions at most (into threes)."""

_MOST = 16
_LOOKED_AT = 32


class Partition:
    """The free devices of a run, by islands: devices that links join, over others if need be.

    Parameters
    ----------
    devices : sequence of Device
        Their numbers are their places. None of them is free yet.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        numbers = {device.uuid: number for number, device in enumerate(devices)}
        self._near: list[dict[int, int]] = [{} for _ in devices]
        for number, device in enumerate(devices):
            for uuid, score in device.links:
                other = numbers.get(uuid)
                if other is not None and other != number and score > 0:
                    both = max(score, self._near[other].get(number, 0))
                    self._near[number][other] = self._near[other][number] = both
        self._island_of = self._islands()
        self._free: list[dict[int, None]] = [
            {} for _ in range(max(self._island_of, default=-1) + 1)
        ]
        self._memory = [0] * len(self._free)
        for number, device in enumerate(devices):
            island = self._island_of[number]
            self._memory[island] = max(self._memory[island], device.memory_mib or UNKNOWN_MIB)
        self._by_kind: dict[tuple[int, int], dict[int, None]] = {}
        """Islands by how many are free and by the most memory that one of theirs has."""

    @property
    def known(self) -> bool:
        """Whether any two of the devices are joined."""
        return any(self._near)

    def add(self, number: int) -> None:
        """Count a device as free."""
        self._change(number, free=True)

    def remove(self, number: int) -> None:
        """Count a device as not free."""
        self._change(number, free=False)

    def choose(
        self, count: int, suits: Callable[[int], bool], memory_mib: int = 0
    ) -> list[int] | None:
        """Return the free devices that a step should get, by number; None: there are too few.

        Parameters
        ----------
        count : int
            How many, 1 or more.
        suits : callable
            Whether a device may be among them.
        memory_mib : int
            No device with less in all suits.
        """
        best: tuple[int, list[int]] | None = None
        kinds = sorted(kind for kind in self._by_kind if kind[1] >= memory_mib)
        for kind in kinds:
            if kind[0] < count:
                continue
            # Of two equally good sets that of the smaller island is taken: the larger one stays
            # whole for a step that needs more.
            for island in islice(self._by_kind[kind], _LOOKED_AT):
                members = [number for number in self._free[island] if suits(number)][:_MOST]
                if len(members) >= count:
                    score, chosen = self._best_of(members, count)
                    if best is None or score > best[0]:
                        best = score, chosen
                    break
        return self._across(count, suits, kinds) if best is None else sorted(best[1])

    def _best_of(self, members: list[int], count: int) -> tuple[int, list[int]]:
        near = self._near
        scores = tuple(near[one].get(other, 0) for one, other in combinations(members, 2))
        score, places = best_set(count, len(members), scores)
        return score, [members[place] for place in places]

    def _across(
        self, count: int, suits: Callable[[int], bool], kinds: Sequence[tuple[int, int]]
    ) -> list[int] | None:
        """Take whole islands, the largest first, and of the last one what is lacking."""
        chosen: list[int] = []
        for kind in reversed(kinds):
            for island in self._by_kind[kind]:
                members = [number for number in self._free[island] if suits(number)]
                lacking = count - len(chosen)
                if lacking < len(members):
                    members = self._best_of(members[:_MOST], lacking)[1]
                chosen += members
                if len(chosen) == count:
                    return sorted(chosen)
        return None

    def _change(self, number: int, *, free: bool) -> None:
        island = self._island_of[number]
        members = self._free[island]
        if free == (number in members):
            return
        if members:
            kind = len(members), self._memory[island]
            del self._by_kind[kind][island]
            if not self._by_kind[kind]:
                del self._by_kind[kind]
        if free:
            members[number] = None
        else:
            del members[number]
        if members:
            self._by_kind.setdefault((len(members), self._memory[island]), {})[island] = None

    def _islands(self) -> list[int]:
        islands = [-1] * len(self._near)
        count = 0
        for first in range(len(islands)):
            if islands[first] >= 0:
                continue
            islands[first], ahead = count, [first]
            while ahead:
                for other in self._near[ahead.pop()]:
                    if islands[other] < 0:
                        islands[other] = count
                        ahead.append(other)
            count += 1
        return islands


@lru_cache(maxsize=4096)  # machines are built of equal islands, which are as often equally free
def best_set(count: int, size: int, scores: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Return the set to take, and its score: the sum over its pairs.

    Parameters
    ----------
    count : int
        How many.
    size : int
        Of how many.
    scores : tuple of int
        How near each pair is: of 0 and 1, 0 and 2, …, 1 and 2, …

    Examples
    --------
    Four in a row: the nearest pair would leave two that nothing joins.

    >>> best_set(2, 4, (5, 0, 0, 6, 0, 5))
    (5, (0, 1))
    """
    if count >= size:
        return sum(scores), tuple(range(size))
    near = [[0] * size for _ in range(size)]
    for (one, other), score in zip(combinations(range(size), 2), scores, strict=True):
        near[one][other] = near[other][one] = score
    if count == 1:
        # Whoever is joined to the others least is missed by them least.
        return 0, (min(range(size), key=lambda one: sum(near[one])),)
    if size > EXACT:
        return _grown(near, count)
    sets = [places for places in _partition(near, count) if len(places) == count]
    return max(((_score(near, places), places) for places in sets), key=_first)


def _first(found: tuple[int, object]) -> int:
    return found[0]


def _score(near: Sequence[Sequence[int]], places: Sequence[int]) -> int:
    return sum(near[one][other] for one, other in combinations(places, 2))


def _partition(near: Sequence[Sequence[int]], count: int) -> list[tuple[int, ...]]:
    """Return the best partition into sets of so many, and one of those that are left over."""
    found: dict[tuple[int, ...], tuple[int, list[tuple[int, ...]]]] = {(): (0, [])}

    def cut(left: tuple[int, ...]) -> tuple[int, list[tuple[int, ...]]]:
        if left not in found:
            found[left] = max(ways(left), key=_first)
        return found[left]

    def ways(left: tuple[int, ...]) -> Iterator[tuple[int, list[tuple[int, ...]]]]:
        one, *others = left
        # As long as those left over are in no set, the number of all does not divide.
        for length in dict.fromkeys((count, len(left) % count or count)):
            for more in combinations(others, length - 1):
                score, sets = cut(tuple(other for other in others if other not in more))
                yield score + _score(near, (one, *more)), [(one, *more), *sets]

    return cut(tuple(range(len(near))))[1]


def _grown(near: Sequence[Sequence[int]], count: int) -> tuple[int, tuple[int, ...]]:
    """Return the nearest of the sets that grow around each device, the best cut off on a tie."""

    def rank(places: tuple[int, ...]) -> tuple[int, int]:
        inside = _score(near, places)
        return inside, 2 * inside - sum(sum(near[one]) for one in places)

    best = max(_around(near, count), key=rank)
    return _score(near, best), tuple(sorted(best))


def _around(near: Sequence[Sequence[int]], count: int) -> Iterator[tuple[int, ...]]:
    """Yield for each device the set that it becomes when the nearest is added again and again."""
    joined = [sum(row) for row in near]
    for first in range(len(near)):
        chosen = [first]
        gain = list(near[first])
        left = [one for one in range(len(near)) if one != first]
        while len(chosen) < count:
            best = max(left, key=lambda one: (gain[one], -joined[one]))
            left.remove(best)
            chosen.append(best)
            gain = [have + more for have, more in zip(gain, near[best], strict=True)]
        yield tuple(chosen)
