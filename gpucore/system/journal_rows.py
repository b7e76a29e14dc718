"""Rows of a journal by their numbers: asked for one by one, read many at a time when that is less.

Who goes on with a run asks for the ends of its steps in the order of the plan, and they were
written in nearly that order. The rows are not proved again: they were when the journal was opened,
and what is written is not changed.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, TypeAlias

from gpucore.system.journal_store import open_to_read

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Rows"]

_KEPT = 8
_MOST = 512
"""Rows of one read; and so far from one read another counts as going on with it."""
_BYTES = 1 << 20
"""Where one read ends, but for its last row: it can be large."""
_WORTH = 8
"""To read as far ahead again, one in so many rows must have been asked for."""

_Row: TypeAlias = tuple[bytes, int, bytes]


class _Run:
    """The rows of one kind between two numbers."""

    __slots__ = ("asked", "end", "first", "rows")

    def __init__(self, first: int, end: int, rows: dict[int, _Row]) -> None:
        self.first = first
        self.end = end
        self.rows = rows
        self.asked = 0


class _Stream:
    """The rows of one kind, as they are asked for."""

    def __init__(self, connection: sqlite3.Connection, kind: int) -> None:
        self._connection = connection
        self._kind = kind
        self._kept: list[_Run] = []
        self._latest: _Run | None = None
        self._length = 1

    def row(self, n: int) -> _Row | None:
        for place, run in enumerate(self._kept):
            if run.first <= n < run.end:
                if place:
                    self._kept.insert(0, self._kept.pop(place))
                run.asked += 1
                return run.rows.get(n)
        length = self._length = self._next_length(n)
        # Ends come a little out of order: nothing is left out between what was read and this.
        first = max((run.end for run in self._kept if n - length < run.end <= n), default=n)
        try:
            run = self._read(first, n, length)
        except sqlite3.Error:
            run = self._read(n, n, 1)  # a page beside it may be damaged
        self._latest = run
        run.asked += 1
        self._kept.insert(0, run)
        del self._kept[_KEPT:]
        return run.rows.get(n)

    def _next_length(self, n: int) -> int:
        """Return how many rows are to be read, now that one is asked for that is not kept."""
        latest = self._latest
        near = any(run.first - _MOST < n < run.end + _MOST for run in self._kept)
        if latest is None or not near:
            return 1
        if latest.asked * _WORTH >= len(latest.rows):
            return min(2 * self._length, _MOST)
        return max(self._length // 2, 1)

    def _read(self, first: int, n: int, length: int) -> _Run:
        """Read on from one row at least until another."""
        rows: dict[int, _Row] = {}
        size, end = 0, first + length
        for number, step, attempt, body in self._connection.execute(
            "SELECT n, step, attempt, body FROM event WHERE n BETWEEN ? AND ? AND kind = ?"
            " ORDER BY n",
            (first, end - 1, self._kind),
        ):
            rows[number] = (step, attempt, body)
            size += len(body)
            if size > _BYTES and number >= n:
                end = number + 1
                break
        return _Run(first, end, rows)


class Rows:
    """The rows of a journal's file, for one thread at a time.

    Parameters
    ----------
    source : Path
        The file.

    Raises
    ------
    sqlite3.Error
        When it cannot be opened.
    """

    def __init__(self, source: Path) -> None:
        self._connection = open_to_read(source)
        self._streams: dict[int, _Stream] = {}

    def close(self) -> None:
        """Let go of the file."""
        self._streams.clear()
        self._connection.close()

    def row(self, n: int, kind: int) -> _Row | None:
        """Return step, attempt and body of a row of a kind; None when it is not there.

        Raises
        ------
        sqlite3.Error, TypeError
            When the file can no longer be read.
        """
        stream = self._streams.get(kind)
        if stream is None:
            stream = self._streams[kind] = _Stream(self._connection, kind)
        return stream.row(n)
