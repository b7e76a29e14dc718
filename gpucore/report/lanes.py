"""Where bars are drawn: attempts that overlap on a GPU lie in rows below each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.report.history import Attempt, Gpu, History

__all__ = ["NO_GPU", "Layout", "RowKeeper", "lane_order", "layout_of", "rows_of"]

NO_GPU = -1
"""The lane of what runs without a GPU."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the lanes, rows and stages of a page are.

    Parameters
    ----------
    zero : float
        Where its time begins, in seconds since the epoch.
    order : sequence of int
        The places of the GPUs that its lanes stand for; `NO_GPU` may be the last.
    rows : Mapping of (int, int) to int
        The row of an attempt, by its event and the GPU's place.
    stages : Mapping of str to int
        The number of each stage.
    """

    zero: float
    order: Sequence[int]
    rows: Mapping[tuple[int, int], int]
    stages: Mapping[str, int]

    def ms(self, at: float) -> int:
        """Return a moment in milliseconds of the page's time."""
        return round((at - self.zero) * 1000)


def layout_of(history: History) -> Layout:
    """Return the layout of a page that tells a history, and nothing later."""
    order = lane_order(history.gpus)
    if any(one.event and not one.gpus for one in history.attempts):
        order.append(NO_GPU)
    names = dict.fromkeys(one.stage for one in history.attempts)
    return Layout(
        zero=history.began,
        order=order,
        rows=rows_of(history.attempts),
        stages={name: number for number, name in enumerate(names)},
    )


def lane_order(gpus: Sequence[Gpu]) -> list[int]:
    """Return the places of the GPUs in the order in which people look for them."""

    def by_index(place: int) -> tuple[bool, int, int]:
        index = gpus[place].index
        return index is None, index or 0, place

    return sorted(range(len(gpus)), key=by_index)


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


class RowKeeper:
    """Gives attempts their rows as they begin, when nobody knows yet when they will end.

    Attributes
    ----------
    rows : dict of (int, int) to int
        The row of each attempt, by its event and the GPU's place.
    count : dict of int to int
        How many rows each lane has.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[int, int], int] = {}
        self.count: dict[int, int] = {}
        self._spare: dict[int, list[int]] = {}

    def began(self, event: int, gpus: Sequence[int]) -> None:
        """Give an attempt the first free row of each of its lanes."""
        for lane in gpus or (NO_GPU,):
            if spare := self._spare.get(lane):
                row = heappop(spare)
            else:
                row = self.count.get(lane, 0)
                self.count[lane] = row + 1
            self.rows[event, lane] = row

    def ended(self, event: int, gpus: Sequence[int]) -> None:
        """Take its rows back."""
        for lane in gpus or (NO_GPU,):
            heappush(self._spare.setdefault(lane, []), self.rows[event, lane])
