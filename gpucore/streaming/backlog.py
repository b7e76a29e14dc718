"""How far a run is behind the files that come, and when it will have caught up."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

__all__ = ["Backlog", "Pace", "said_pace"]

_WINDOW = 600.0
_EVERY = 300.0
_OFTEN = 5.0
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


class Pace(NamedTuple):
    """How far a run is behind now, and how fast.

    Parameters
    ----------
    files : int
        Files that came and are not done yet.
    come, done : float
        Files in a second, of late.
    seconds : float or None
        When it will have caught up at this rate; None: never, or nothing is done yet.
    """

    files: int
    come: float
    done: float
    seconds: float | None


class Backlog:
    """Counts files that came and files that are done; it is told what the time is.

    Parameters
    ----------
    now : float
        When counting begins.
    workers : int
        Steps at once: so many files are worked on, and not behind.

    Attributes
    ----------
    behind : int
        Files that came and are not done yet.
    """

    def __init__(self, now: float, workers: int) -> None:
        self.behind = 0
        self._workers = workers
        self._begun = now
        self._came: deque[tuple[int, int]] = deque()
        self._done: deque[tuple[int, int]] = deque()
        self._next_word: float | None = None
        self._reported = 0
        self._next_report = now
        self._was_told = False

    def came(self, files: int, now: float) -> None:
        """Count files that have become complete."""
        self.behind += files
        _count(self._came, files, now)

    def done(self, files: int, now: float, *, earlier: bool = False) -> None:
        """Count files whose steps have ended; those that were done before say nothing of a rate."""
        self.behind -= files
        if not earlier:
            _count(self._done, files, now)

    def word(self, now: float) -> str:
        """Return what is to be said now: after a minute behind, every five more, and at its end."""
        if self.behind <= self._workers:
            self._next_word = None
            told, self._was_told = self._was_told, False
            return "caught up with the files that come" if told else ""
        if self._next_word is None:
            self._next_word = now + _MINUTE
        if now < self._next_word or self.behind <= 2 * self._workers:
            return ""
        self._next_word = now + _EVERY
        self._was_told = True
        return self.said(now)

    def report(self, now: float) -> Pace | None:
        """Return what displays are to show from now on; None: what they showed five seconds ago."""
        if self.behind == self._reported or now < self._next_report:
            return None
        self._reported, self._next_report = self.behind, now + _OFTEN
        return self.pace(now)

    def next_word(self) -> float | None:
        """Return when `word` is to be asked next; None: when something has happened."""
        return self._next_word if self.behind > 2 * self._workers else None

    def next_report(self) -> float | None:
        """Return when `report` is to be asked next; None: when something has happened."""
        return self._next_report if self.behind != self._reported else None

    def pace(self, now: float) -> Pace:
        """Return how far the run is behind, and when it will have caught up at this rate."""
        came, done = self._rate(self._came, now), self._rate(self._done, now)
        if not self.behind:
            return Pace(0, came, done, 0.0)
        seconds = self.behind / (done - came) if done > came else None
        return Pace(self.behind, came, done, seconds)

    def said(self, now: float) -> str:
        """Return `pace` as people say it."""
        return said_pace(*self.pace(now))

    def _rate(self, counts: deque[tuple[int, int]], now: float) -> float:
        """Return how many there were in a second, of late."""
        while counts and counts[0][0] < now - _WINDOW:
            counts.popleft()
        return sum(files for _, files in counts) / max(now - max(self._begun, now - _WINDOW), 1.0)


def said_pace(files: int, come: float, done: float, seconds: float | None) -> str:
    """Return how far a run is behind as people say it.

    Examples
    --------
    >>> said_pace(214, 0.07, 0.085, 14267.0)
    '214 files behind; 4.2 a minute come, 5.1 a minute are done: caught up in about 4 h'
    """
    text = f"{files} file{'s' * (files != 1)} behind"
    if not done:
        return text
    text += f"; {_per(come)} come, {_per(done)} are done"
    if seconds is None:
        return f"{text}: at this rate it never catches up"
    return f"{text}: caught up in about {_span(seconds)}"


def _count(counts: deque[tuple[int, int]], files: int, now: float) -> None:
    """Count files second by second: of ten minutes there are no more than six hundred."""
    if not files:
        return
    second = int(now)
    if counts and counts[-1][0] == second:
        files += counts.pop()[1]
    counts.append((second, files))
    while counts[0][0] < second - _WINDOW:
        counts.popleft()


def _per(rate: float) -> str:
    for unit, seconds in (("second", 1.0), ("minute", _MINUTE)):
        if rate * seconds >= 1:
            return f"{rate * seconds:.4g} a {unit}"
    return f"{rate * _HOUR:.4g} an hour"


def _span(seconds: float) -> str:
    for unit, length in (("days", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
