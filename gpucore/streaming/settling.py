"""When a file is complete: whoever writes it has closed it, or nothing of it changes any more."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["SETTLE", "UNCLOSED", "FileStamp", "Settling"]

SETTLE = 2.0
"""Seconds without a change, where nobody can tell whether a file is still written."""

UNCLOSED = 60.0
"""The same for a file that was seen to be made and not to be closed: a detector may pause."""


class FileStamp(NamedTuple):
    """What of a file changes when it is written."""

    size: int
    changed_ns: int


@dataclass
class _Waiting:
    stamp: FileStamp
    quiet: float
    due: float


class Settling:
    """Decides which of the files that were seen are complete; it is told what the time is.

    Parameters
    ----------
    settle : float or None
        Seconds in which a complete file does not change; None: closing it is enough, and where that
        cannot be seen `SETTLE`.
    """

    def __init__(self, settle: float | None) -> None:
        self._settle = settle
        self._waiting: dict[str, _Waiting] = {}
        self._due: list[tuple[float, int, str]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, path: str) -> bool:
        return path in self._waiting

    def found(self, path: str, stamp: FileStamp, now: float) -> None:
        """Take in a file of which nothing else is known: it was there, or is a link."""
        self._wait(path, stamp, now, SETTLE if self._settle is None else self._settle)

    def opened(self, path: str, stamp: FileStamp, now: float) -> None:
        """Take in a file that somebody has just made, and will close."""
        self._wait(path, stamp, now, UNCLOSED if self._settle is None else self._settle)

    def closed(self, path: str, stamp: FileStamp, now: float) -> bool:
        """Take in that a file was closed, or got its name; say whether it is complete with that."""
        if self._settle is None and stamp.size:
            self._waiting.pop(path, None)
            return True
        self.found(path, stamp, now)
        return False

    def due(self, now: float) -> list[str]:
        """Return the files that are to be looked at, in the order in which they were due."""
        paths = []
        while self._due and self._due[0][0] <= now:
            due, _, path = heapq.heappop(self._due)
            waiting = self._waiting.get(path)
            if waiting is not None and waiting.due == due:
                paths.append(path)
        return paths

    def looked(self, path: str, stamp: FileStamp | None, now: float) -> bool:
        """Take in how a file that was due looks (None: it is gone); say whether it is complete."""
        waiting = self._waiting.pop(path, None)
        if waiting is None or stamp is None:
            return False
        if stamp == waiting.stamp and now >= waiting.due:
            return True
        self._wait(path, stamp, now, waiting.quiet)
        return False

    def next_due(self) -> float | None:
        """Return when a file is to be looked at next; None: there is none."""
        while self._due:
            due, _, path = self._due[0]
            waiting = self._waiting.get(path)
            if waiting is not None and waiting.due == due:
                return due
            heapq.heappop(self._due)
        return None

    def _wait(self, path: str, stamp: FileStamp, now: float, quiet: float) -> None:
        self._waiting[path] = _Waiting(stamp, quiet, now + quiet)
        self._count += 1
        heapq.heappush(self._due, (now + quiet, self._count, path))
