"""The end of a log, as it grows."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

from gpucore.cli.terminal import clean
from gpucore.report.failures import log_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LogTail"]

_FIRST_LOOK = 1 << 18
_BLOCK = 1 << 20
"""Bytes taken in at one look: of a log that grows faster the view falls behind, and then skips."""

_LINES = 5_000
_LONGEST = 2_000


class LogTail:
    """The last lines of one log.

    Parameters
    ----------
    folder : str
        The output folder.
    log : str
        The log's path as recorded.

    Attributes
    ----------
    lines : deque of str
        Its last lines, fit for a terminal; the last may be in the making.
    """

    def __init__(self, folder: str, log: str) -> None:
        self.lines: deque[str] = deque(maxlen=_LINES)
        self._folder = folder
        self._log = log
        self._at = 0
        self._file = 0
        self._rest = b""
        self._open_end = False

    def look(self) -> int:
        """Take in what is new; return how many lines there are more."""
        path = log_file(self._folder, self._log)
        if path is None:
            return 0
        try:
            return self._look(path)
        except OSError as error:
            return self._say(f"the log cannot be read ({error.strerror})")

    def _look(self, path: Path) -> int:
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            if facts.st_ino != self._file or facts.st_size < self._at:
                # Another attempt's, or begun anew.
                self._begin(facts)
            elif facts.st_size - self._at > _BLOCK:
                self._skip(facts.st_size - _FIRST_LOOK)
            file.seek(self._at)
            data = file.read(_BLOCK)
        if not data:
            return 0
        self._at += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        # A line without an end takes no memory.
        self._rest = self._rest[-4 * _LONGEST :]
        if self._open_end:
            self.lines.pop()
        before = -1 if self._open_end else 0
        self.lines.extend(map(_shown, whole))
        self._open_end = bool(self._rest)
        if self._open_end:
            self.lines.append(_shown(self._rest))
        return before + len(whole) + self._open_end

    def _begin(self, facts: os.stat_result) -> None:
        self.lines.clear()
        self._file, self._rest, self._at, self._open_end = facts.st_ino, b"", 0, False
        if facts.st_size > _FIRST_LOOK:
            self._skip(facts.st_size - _FIRST_LOOK)

    def _skip(self, at: int) -> None:
        self._at, self._rest, self._open_end = at, b"", False
        self.lines.append("… what came before is not shown: `gpucore logs` prints all")

    def _say(self, text: str) -> int:
        if self.lines and self.lines[-1] == text:
            return 0
        self.lines.append(text)
        return 1


def _shown(line: bytes) -> str:
    # Of a line that was written over the last writing is what a terminal would show.
    text = line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace").expandtabs()
    return clean(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
