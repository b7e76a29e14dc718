"""Units that nobody holds, in the order in which they became free; those with memory found fast."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Alike", "Idle", "Mixed", "queue_of"]

_STEP_MIB = 2_048


class Alike(dict[int, None]):
    """A queue of units that have equally much memory.

    A dict keeps the order in which they came, and finds one in O(1).
    """

    def add(self, number: int) -> None:
        """Put a unit at the end."""
        self[number] = None

    def discard(self, number: int) -> bool:
        """Take a unit out, wherever it stands; return whether it was there."""
        if number not in self:
            return False
        del self[number]
        return True

    def that_may_have(self, mib: int) -> Iterator[int]:  # noqa: ARG002 - all or none may
        """Yield the units that may have so much memory, the first that came first."""
        return iter(self)


class Mixed:
    """Queues of units by how much memory they have, read as one.

    Whoever needs much memory looks at none of the many units that could never have it.

    Parameters
    ----------
    memory : sequence of int
        For each unit the most that it can have, in MiB.
    """

    def __init__(self, memory: Sequence[int]) -> None:
        self._size_of = [mib // _STEP_MIB for mib in memory]
        self._queues: dict[int, dict[int, int]] = {}
        self._age = count()

    def add(self, number: int) -> None:
        """Put a unit at the end."""
        self._queues.setdefault(self._size_of[number], {})[number] = next(self._age)

    def discard(self, number: int) -> bool:
        """Take a unit out, wherever it stands; return whether it was there."""
        size = self._size_of[number]
        queue = self._queues.get(size)
        if queue is None or queue.pop(number, None) is None:
            return False
        if not queue:
            del self._queues[size]
        return True

    def that_may_have(self, mib: int) -> Iterator[int]:
        """Yield the units that may have so much memory, the first that came first."""
        queues = [queue for size, queue in self._queues.items() if (size + 1) * _STEP_MIB > mib]
        if len(queues) == 1:
            return iter(queues[0])
        ages = (zip(queue.values(), queue, strict=True) for queue in queues)
        return (number for _, number in heapq.merge(*ages))

    def __contains__(self, number: object) -> bool:
        return any(number in queue for queue in self._queues.values())

    def __bool__(self) -> bool:
        return bool(self._queues)

    def __iter__(self) -> Iterator[int]:
        return self.that_may_have(0)


Idle: TypeAlias = Alike | Mixed


def queue_of(memory: Sequence[int]) -> Idle:
    """Return an empty queue for units of these sizes, in MiB."""
    return Alike() if len({mib // _STEP_MIB for mib in memory}) <= 1 else Mixed(memory)
