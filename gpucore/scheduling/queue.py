"""Steps that are ready, in the order in which they were submitted."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.model import Need

__all__ = ["ReadyQueue"]


class ReadyQueue:
    """One heap for each kind of need: finding the oldest step of a kind is O(log n).

    Steps of one need are alike to the ledger: when the oldest has to wait, so do the others, and
    none of them is looked at.
    """

    def __init__(self) -> None:
        self._heaps: dict[Need, list[int]] = {}
        self._gone: set[int] = set()
        self.looked_at = 0

    def add(self, step: int, need: Need) -> None:
        """Put a step in; its number is its age."""
        heapq.heappush(self._heaps.setdefault(need, []), step)

    def remove(self, step: int) -> None:
        """Take a step out, wherever it stands; it is dropped when it comes to the front."""
        self._gone.add(step)

    def heads(self) -> Iterator[tuple[int, Need]]:
        """Yield the oldest step of each need, the oldest first, as they are now."""
        fronts = []
        for need, heap in self._heaps.items():
            while heap and heap[0] in self._gone:
                self._gone.discard(heapq.heappop(heap))
            if heap:
                fronts.append((heap[0], need))
        self.looked_at += len(fronts)
        fronts.sort(key=_age)
        return iter(fronts)

    def pop(self, need: Need) -> int:
        """Take the oldest step of a need out."""
        heap = self._heaps[need]
        step = heapq.heappop(heap)
        if not heap:
            del self._heaps[need]
        return step


def _age(front: tuple[int, Need]) -> int:
    return front[0]
