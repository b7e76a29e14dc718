"""Why a GPU did nothing: each gap between its steps, and what the run waited for meanwhile.

The journal says when steps came, when what they wait for was there, when they began and ended, and
what was thought of the GPUs. A gap is put down to what is known of the GPU itself first (it was in
quarantine, others used it), and then to what the run's steps waited for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from gpucore.report.history import Attempt, GpuNote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gpucore.report.history import History

__all__ = ["Cause", "Gap", "GpuTime", "busy_times", "gpu_times"]

_BETWEEN = 5.0
"""Seconds that may lie between two steps of a busy GPU: the next is made ready meanwhile."""


class Cause(str, Enum):
    """What the time was spent on in which a GPU did nothing."""

    INPUT = "input"
    PREREQUISITE = "prerequisite"
    SLOT = "slot"
    OTHERS = "others"
    QUARANTINE = "quarantine"
    BETWEEN = "between"
    OVER = "over"

    @property
    def words(self) -> str:
        """The cause in words."""
        return _WORDS[self]


_WORDS = {
    Cause.INPUT: "waiting for input",
    Cause.PREREQUISITE: "waiting for a prerequisite",
    Cause.SLOT: "waiting for a slot",
    Cause.OTHERS: "used by others",
    Cause.QUARANTINE: "in quarantine",
    Cause.BETWEEN: "between two steps",
    Cause.OVER: "no step left for a GPU",
}
_WITHHELD = {
    "quarantined": Cause.QUARANTINE,
    "unknown": Cause.QUARANTINE,
    "busy": Cause.OTHERS,
    "held": Cause.OTHERS,
}


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A time in which a GPU of a run did nothing.

    Parameters
    ----------
    gpu, run : int
        Places.
    began, ended : float
        Seconds since the epoch.
    causes : Mapping of Cause to float
        Seconds by what they were spent on.
    next : Attempt or None
        What began there afterwards.
    all_busy : bool
        Whether the run had steps in as many hands as it had workers, while one was ready.
    notes : tuple of GpuNote
        What was thought of the GPU meanwhile.
    """

    gpu: int
    run: int
    began: float
    ended: float
    causes: Mapping[Cause, float]
    next: Attempt | None = None
    all_busy: bool = False
    notes: tuple[GpuNote, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.began

    @property
    def cause(self) -> Cause:
        """What most of it was spent on."""
        return max(self.causes, key=lambda one: self.causes[one])


@dataclass(kw_only=True)
class GpuTime:
    """How the time of one GPU was spent, over all runs that it was given to.

    Parameters
    ----------
    gpu : int
        Its place.
    seconds, busy : float
        How long the runs had it, and how long a step ran on it.
    idle : dict of Cause to float
        The rest, by cause.
    gaps : list of Gap
        In order of time.
    """

    gpu: int
    seconds: float = 0.0
    busy: float = 0.0
    idle: dict[Cause, float] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The part of the time in which a step ran on it, from 0 to 1."""
        return min(self.busy / self.seconds, 1.0) if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class _Piece:
    """From a moment on, until the next piece: why a GPU without a step has none."""

    cause: Cause
    all_busy: bool = False


def busy_times(attempts: Iterable[Attempt]) -> list[tuple[float, float, Attempt]]:
    """Return the times in which at least one of some attempts ran, each with its first one.

    Parameters
    ----------
    attempts : iterable of Attempt
        In the order of their beginnings.
    """
    found: list[tuple[float, float, Attempt]] = []
    for one in attempts:
        if found and one.began <= found[-1][1]:
            began, ended, first = found[-1]
            found[-1] = (began, max(ended, one.ended), first)
        else:
            found.append((one.began, one.ended, one))
    return found


def gpu_times(history: History) -> list[GpuTime]:
    """Return for each GPU how its time was spent."""
    busy = [
        busy_times(one for one in history.attempts if gpu in one.gpus)
        for gpu in range(len(history.gpus))
    ]
    times = [GpuTime(gpu=gpu) for gpu in range(len(history.gpus))]
    by_run: list[list[Attempt]] = [[] for _ in history.runs]
    for one in history.attempts:
        by_run[one.run].append(one)
    for place, run in enumerate(history.runs):
        pieces = _pieces(history, place, by_run[place])
        for gpu in sorted(history.used[place]):
            _look(history, times[gpu], busy[gpu], place, (run.began, run.ended), pieces)
    return times


def _look(
    history: History,
    time: GpuTime,
    busy: Sequence[tuple[float, float, Attempt]],
    run: int,
    window: tuple[float, float],
    pieces: tuple[list[float], list[_Piece]],
) -> None:
    """Add what one run did with a GPU."""
    began, ended = window
    time.seconds += ended - began
    notes = [
        one
        for one in history.notes
        if one.gpu == time.gpu and one.level in _WITHHELD and one.ended > began
    ]
    at = began
    first = max(bisect_right(busy, began, key=lambda one: one[0]) - 1, 0)
    for start, end, attempt in (*busy[first:], (ended, ended, None)):
        if start > at and at < ended:
            _gap(time, run, (at, min(start, ended)), attempt, notes, pieces)
        time.busy += max(min(end, ended) - max(start, at), 0.0)
        at = max(at, end)
        if start >= ended:
            break


def _gap(
    time: GpuTime,
    run: int,
    window: tuple[float, float],
    after: Attempt | None,
    notes: Sequence[GpuNote],
    pieces: tuple[list[float], list[_Piece]],
) -> None:
    causes: dict[Cause, float] = {}
    told = tuple(one for one in notes if one.began < window[1] and one.ended > window[0])
    rest = [window]
    for note in told:
        rest, taken = _without(rest, (note.began, note.ended))
        if taken > 0:
            cause = _WITHHELD[note.level]
            causes[cause] = causes.get(cause, 0.0) + taken
    all_busy = False
    for start, end in rest:
        for piece, seconds in _over(pieces, start, end):
            cause = piece.cause
            if cause is Cause.SLOT and not piece.all_busy and window[1] - window[0] <= _BETWEEN:
                cause = Cause.BETWEEN
            causes[cause] = causes.get(cause, 0.0) + seconds
            all_busy = all_busy or piece.all_busy
    if not causes:
        return
    for cause, seconds in causes.items():
        time.idle[cause] = time.idle.get(cause, 0.0) + seconds
    time.gaps.append(
        Gap(
            gpu=time.gpu,
            run=run,
            began=window[0],
            ended=window[1],
            causes=causes,
            next=after,
            all_busy=all_busy,
            notes=told,
        )
    )


def _without(
    windows: Sequence[tuple[float, float]], cut: tuple[float, float]
) -> tuple[list[tuple[float, float]], float]:
    """Return what is left of some windows without another, and how much it took from them."""
    left, taken = [], 0.0
    for start, end in windows:
        low, high = max(start, cut[0]), min(end, cut[1])
        if low >= high:
            left.append((start, end))
            continue
        taken += high - low
        left += [(a, b) for a, b in ((start, low), (high, end)) if a < b]
    return left, taken


def _over(
    pieces: tuple[list[float], list[_Piece]], start: float, end: float
) -> Iterator[tuple[_Piece, float]]:
    """Yield the pieces of a window, with how long each is of it."""
    times, what = pieces
    place = max(bisect_right(times, start) - 1, 0)
    while place < len(what) and start < end:
        until = times[place + 1] if place + 1 < len(times) else end
        until = min(max(until, start), end)
        if until > start:
            yield what[place], until - start
        start, place = until, place + 1


def _pieces(
    history: History, run: int, attempts: Sequence[Attempt]
) -> tuple[list[float], list[_Piece]]:
    """Return the moments of a run at which it changes why a GPU has no step, and to what."""
    changes = list(_changes(history, run, attempts))
    to_come = sum(change[4] < 0 for change in changes)
    workers = history.runs[run].workers or _most_at_once(changes)
    changes.sort(key=lambda change: change[0])
    times, what = [history.runs[run].began], [_Piece(Cause.INPUT if to_come else Cause.OVER)]
    ready = blocked = running = 0
    for place, (at, more_ready, more_blocked, more_running, more_to_come) in enumerate(changes):
        ready += more_ready
        blocked += more_blocked
        running += more_running
        to_come += more_to_come
        if place + 1 < len(changes) and changes[place + 1][0] == at:
            continue
        if ready:
            piece = _Piece(Cause.SLOT, running >= workers)
        elif blocked:
            piece = _Piece(Cause.PREREQUISITE)
        else:
            piece = _Piece(Cause.INPUT if to_come else Cause.OVER)
        if piece != what[-1]:
            times.append(at)
            what.append(piece)
    return times, what


_Change = tuple[float, int, int, int, int]
"""When, and how many more are ready, blocked, running, yet to come."""


def _changes(history: History, run: int, attempts: Sequence[Attempt]) -> Iterator[_Change]:
    for one in attempts:
        if not one.event:
            continue
        yield one.began, 0, 0, 1, 0
        yield one.ended, 0, 0, -1, 0
        if not one.gpus:
            continue  # it keeps no GPU busy, and none waits for it
        yield one.arrived, 0, 1, 0, -1
        yield one.ready, 1, -1, 0, 0
        yield one.began, -1, 0, 0, 0
    for left in history.unbegun:
        if left.run != run:
            continue
        blocked = int(left.chained)
        yield left.arrived, 1 - blocked, blocked, 0, -1
        yield left.until, blocked - 1, -blocked, 0, 0


def _most_at_once(changes: Iterable[_Change]) -> int:
    """Return how many steps ran at once at most: as many as there were workers, it is taken."""
    most = running = 0
    for change in sorted(changes, key=lambda one: (one[0], one[3])):
        running += change[3]
        most = max(most, running)
    return most
