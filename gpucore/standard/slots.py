"""Slots from threads and list: which neighbours in a GPU list one step gets.

Source: Scipion's page "GPU parameters standardization" and, for the cutting, pyworkflow 3.11.7
``protocol/executor.py _assignGPUperNode``. Where the list is shorter than the workers the page's
rule is kept (the list is repeated), not that of Scipion 3.9 and later (it is not).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gpucore.errors import GpuListError
from gpucore.standard.gpulist import VOID, Void

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["cut", "cut_slots", "workers"]

T = TypeVar("T")


def workers(threads: int) -> int:
    """Return how many steps run at once: thread 0 is the master, the others work.

    Examples
    --------
    >>> [workers(threads) for threads in (1, 2, 3, 5)]
    [1, 1, 2, 4]
    """
    return max(threads - 1, 1)


def cut(items: Sequence[T], parts: int) -> list[tuple[T, ...]]:
    """Cut a sequence into neighbouring parts whose lengths differ by one at most, longest first.

    Examples
    --------
    >>> cut([0, 1, 2, 3, 4], 3)
    [(0, 1), (2, 3), (4,)]
    """
    size, larger = divmod(len(items), parts)
    slots, start = [], 0
    for part in range(parts):
        end = start + size + (part < larger)
        slots.append(tuple(items[start:end]))
        start = end
    return slots


def cut_slots(
    items: Sequence[T | Void], threads: int, *, extend: bool = True
) -> tuple[tuple[T, ...], ...]:
    """Cut a GPU list into the slots of a run with this many threads.

    Parameters
    ----------
    items : sequence
        The list in the user's order, void places and repetitions included.
    threads : int
        Threads of the run, the master thread counted; with 1 there is one slot, the whole list.
    extend : bool
        Whether a list that is shorter than the workers is repeated (``sharing = "repeat"``); if
        not, there are as many slots as items.

    Returns
    -------
    tuple of tuple
        Slots without void places; an empty list has no slots.

    Raises
    ------
    GpuListError
        When every item is void.

    Examples
    --------
    >>> cut_slots([0, 1, 2, 3], threads=3)
    ((0, 1), (2, 3))
    >>> cut_slots([0, 1], threads=5)
    ((0,), (1,), (0,), (1,))
    >>> cut_slots([0, 1], threads=5, extend=False)
    ((0,), (1,))
    >>> cut_slots([0, VOID, 2], threads=5)
    ((0,), (2,), (0,))
    """
    if not items:
        return ()
    count = workers(threads)
    if len(items) < count:
        if extend:
            items = [items[place % len(items)] for place in range(count)]
        else:
            count = len(items)
    filled = (
        tuple(item for item in part if not isinstance(item, Void)) for part in cut(items, count)
    )
    slots = tuple(slot for slot in filled if slot)
    if not slots:
        raise GpuListError(
            f"the list holds nothing but void places ({VOID.value})",
            hint="name at least one GPU, or leave the list empty to run without one",
            code="E104",
        )
    return slots
