"""Where bars are drawn: attempts that overlap on a GPU lie in rows below each other."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gpucore.report.history import Attempt, History

__all__ = ["NO_GPU", "lane_order", "rows_of"]

NO_GPU = -1
"""The lane of what runs without a GPU."""


def lane_order(history: History) -> list[int]:
    """Return the places of the GPUs in the order in which people look for them."""

    def by_index(place: int) -> tuple[bool, int, int]:
        index = history.gpus[place].index
        return index is None, index or 0, place

    return sorted(range(len(history.gpus)), key=by_index)


def rows_of(attempts: Iterable[Attempt]) -> Mapping[tuple[int, int], int]:
    """Return for each attempt (by its event) and lane the row in which nothing overlaps it.

    Parameters
    ----------
    attempts : iterable of Attempt
        In the order of their beginnings.
    """
    free: dict[int, list[int]] = {}
    ends: dict[int, list[tuple[float, int]]] = {}
    count: dict[int, int] = {}
    rows: dict[tuple[int, int], int] = {}
    for one in attempts:
        if not one.event:
            continue
        for lane in one.gpus or (NO_GPU,):
            ending, spare = ends.setdefault(lane, []), free.setdefault(lane, [])
            while ending and ending[0][0] <= one.began:
                heappush(spare, heappop(ending)[1])
            if spare:
                row = heappop(spare)
            else:
                row = count[lane] = count.get(lane, -1) + 1
            rows[one.event, lane] = row
            heappush(ending, (one.ended, row))
    return rows
