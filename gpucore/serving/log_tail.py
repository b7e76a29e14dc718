"""The end of a step's log, and what is added to it."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass

__all__ = ["MOST", "LogPart", "read_log"]

MOST = 64 << 10
"""Bytes that are given at once, and of a long log at first."""

_KEPT = "\n\t\r"
_INNER = bytes(range(0x80, 0xC0))
"""Bytes that no character begins with."""


@dataclass(frozen=True, kw_only=True)
class LogPart:
    """A part of a log.

    Parameters
    ----------
    text : str
        What it says; control characters but for the ends of lines and tabs are told by their codes.
    start, end : int
        Where in the file it begins, and where the next part does.
    size : int
        How long the file is.
    """

    text: str
    start: int
    end: int
    size: int


def read_log(descriptor: int, start: int | None = None, *, ended: bool = True) -> LogPart:
    """Return what a log says from somewhere on; its last part when nothing is said.

    Parameters
    ----------
    descriptor : int
        Of the log.
    start : int, optional
        Where the part begins. A log that is shorter was begun anew: then its last part is given.
    ended : bool
        Whether nothing comes any more: otherwise a character of which the end is still to come is
        left for the next part.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    size = os.fstat(descriptor).st_size
    last = start is None or start > size
    at = max(size - MOST, 0) if last or start is None else start
    content = os.pread(descriptor, MOST, at)
    if last and at:
        # From the beginning of a line on, when there is one with something in it.
        lines = content[content.find(b"\n") + 1 :] or content
        lines = lines.lstrip(_INNER)
        content, at = lines, at + len(content) - len(lines)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(content, final=ended and at + len(content) >= size)
    end = at + len(content) - len(decoder.getstate()[0])
    if not text.isprintable():
        text = "".join(map(_shown, text))
    return LogPart(text=text, start=at, end=end, size=size)


def _shown(c: str) -> str:
    return c if c in _KEPT or c.isprintable() else c.encode("unicode_escape").decode()
