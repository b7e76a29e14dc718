"""What a program printed: searched for the messages that its adapter knows, in bounded memory."""

from __future__ import annotations

import os
import re
import stat
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gpucore.standard.adapter import Failure

__all__ = [
    "HEAD",
    "TAIL",
    "find_marks",
    "holds_any",
    "holds_line",
    "last_line",
    "last_lines",
    "open_log",
]

HEAD = 1 << 20
"""Bytes looked at from the start of a log: where a program says what it could not do."""

TAIL = 4 << 20
"""Bytes looked at from its end: where it says why it died."""

_LINE = 4096


def find_marks(
    log: str, failures: Iterable[Failure], *, but: Iterable[str] = ()
) -> list[tuple[Failure, str]]:
    """Return the failures whose message is in a log, each with its first line, in their order.

    A log larger than `HEAD` and `TAIL` together is looked at from both ends.

    Parameters
    ----------
    log : str
        The log.
    failures : iterable of Failure
        What is looked for.
    but : iterable of str
        Regular expressions of lines that do not count.
    """
    patterns = [(failure, _compiled(failure.match)) for failure in failures]
    known = [_compiled(one) for one in but]
    found: dict[int, str] = {}
    if patterns:
        for line in _lines(log):
            for place, (_, pattern) in enumerate(patterns):
                if place in found or not pattern.search(line):
                    continue
                if not any(one.search(line) for one in known):
                    found[place] = line.strip()
            if len(found) == len(patterns):
                break
    return [(patterns[place][0], found[place]) for place in sorted(found)]


def holds_line(path: str, pattern: str) -> bool:
    """Say whether a line of a text file holds a pattern; both ends of a large file are read."""
    return any(map(_compiled(pattern).search, _lines(path)))


def holds_any(path: str, texts: Iterable[bytes]) -> bool:
    """Say whether a file holds one of some texts; of a large one both ends are read."""
    try:
        if not os.stat(path).st_size:  # noqa: PTH116 - on the way of every step
            return False
    except OSError:
        return False
    parts = _parts(path)
    return any(text in part for text in texts for part in parts)


def last_line(log: str) -> str:
    """Return the last line of a log that says something; empty when there is none."""
    return next(reversed(last_lines(log)), "")


def last_lines(log: str | int) -> list[str]:
    """Return the last lines of a log that say something, some 4,000 bytes of them.

    Parameters
    ----------
    log : str or int
        The log, or a descriptor of it, which is closed.
    """
    lines = (line.strip() for line in _lines(log, head=0, tail=_LINE))
    return [line for line in lines if line]


def open_log(folder: Path, log: str) -> int | None:
    """Return a descriptor of a log; None when there is none that lies in the output folder.

    No link below that is followed, and nothing but a plain file is opened: whoever may write there
    must not make others read what is elsewhere.

    Parameters
    ----------
    folder : Path
        The output folder, which may have been moved since.
    log : str
        Where its journal says that the log is.
    """
    _, mark, below = log.rpartition("/.gpucore/")
    names = [".gpucore", *below.split("/")]
    if not mark or "\0" in log or any(name in {"", ".", ".."} for name in names):
        return None
    try:
        here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        for name in names[:-1]:
            below_here = os.open(
                name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here
            )
            os.close(here)
            here = below_here
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        found = os.open(names[-1], flags, dir_fd=here)
    except (OSError, ValueError):
        return None
    finally:
        os.close(here)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        return None
    return found


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _parts(log: str | int, head: int = HEAD, tail: int = TAIL) -> list[bytes]:
    try:
        with open(log, "rb") as file:  # noqa: PTH123 - a descriptor, maybe
            size = os.fstat(file.fileno()).st_size
            parts = [file.read(size)] if size <= head + tail else [file.read(head)]
            if size > head + tail:
                file.seek(size - tail)
                parts.append(file.read(tail))
    except OSError:
        return []
    return parts


def _lines(log: str | int, head: int = HEAD, tail: int = TAIL) -> Iterator[str]:
    for part in _parts(log, head, tail):
        # Progress bars rewrite one line with carriage returns; each rewriting is a line here.
        for line in re.split(rb"[\r\n]+", part):
            yield line[:_LINE].decode("utf-8", "replace")
