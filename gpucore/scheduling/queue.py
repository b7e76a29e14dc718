"""Steps that are ready: the more urgent first, and of those the one submitted first."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.model import Need

__all__ = ["ReadyQueue"]

_NUMBERS = 48
_MASK = (1 << _NUMBERS) - 1
"""A rank is one whole number, smaller for who comes first: no tuple for each of a million steps."""


class ReadyQueue:
    """One heap for each kind of need: finding the first step of a kind is O(log n).

    Steps of one need are alike to the ledger: when the first has to wait, so do the others, and
    none of them is looked at.
    """

    def __init__(self) -> None:
        self._heaps: dict[Need, list[int]] = {}
        self._gone: set[int] = set()
        self.looked_at = 0

    def add(self, step: int, need: Need, priority: int = 0) -> None:
        """Put a step in; its number is its age, and a higher priority comes before all ages."""
        rank = step - (priority << _NUMBERS) if priority else step
        heapq.heappush(self._heaps.setdefault(need, []), rank)

    def leads(self, step: int, need: Need) -> bool:
        """Say whether a step may be the first of its need: if not, it cannot start before others.

        While steps that were taken out are not dropped yet, any may be.
        """
        heap = self._heaps.get(need)
        if not heap:
            return False
        return bool(self._gone) or heap[0] & _MASK == step

    def remove(self, step: int) -> None:
        """Take a step out, wherever it stands; it is dropped when it comes to the front."""
        self._gone.add(step)

    def heads(self) -> Iterator[tuple[int, Need]]:
        """Yield the first step of each need, in their order, as they are now."""
        fronts = []
        for need, heap in self._heaps.items():
            while heap and heap[0] & _MASK in self._gone:
                self._gone.discard(heapq.heappop(heap) & _MASK)
            if heap:
                fronts.append((heap[0], need))
        self.looked_at += len(fronts)
        fronts.sort(key=_rank)
        return ((rank & _MASK, need) for rank, need in fronts)

    def pop(self, need: Need) -> int:
        """Take the first step of a need out."""
        heap = self._heaps[need]
        step = heapq.heappop(heap) & _MASK
        if not heap:
            del self._heaps[need]
        return step


def _rank(front: tuple[int, Need]) -> int:
    return front[0]
