"""Words of a report: times, durations, and names from outside made harmless."""

from __future__ import annotations

import os
import re
import shlex
import time
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "command_words",
    "duration",
    "link_to",
    "percent",
    "shell_word",
    "shown",
    "utc_offset",
    "when",
]

_SECOND = 1.0
_MINUTE = 60
_HOUR = 3600
_DAY = 86400
_PLAIN = re.compile(r"[\w.-]+", re.ASCII)


def shown(text: str) -> str:
    r"""Return a text as it may be shown: nothing in it steers whoever shows it.

    Control characters, bidirectional overrides and undecodable bytes become their codes.

    Examples
    --------
    >>> shown("a\x1b[2Jb\u202e")
    'a\\x1b[2Jb\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def duration(seconds: float) -> str:
    """Return a duration as people say it.

    Examples
    --------
    >>> duration(0.31), duration(75), duration(7384), duration(200000)
    ('0.31 s', '1 min 15 s', '2 h 3 min', '2 d 7 h')
    """
    if seconds < _SECOND:
        return f"{seconds:.2f} s"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if seconds < _HOUR:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, _MINUTE)
    if seconds < _DAY:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, _DAY // _HOUR)
    return f"{days} d {hours} h"


def percent(share: float) -> str:
    """Return a share from 0 to 1 in per cent.

    Examples
    --------
    >>> percent(0.871), percent(0.002), percent(0)
    ('87 %', '0.2 %', '0 %')
    """
    value = 100 * share
    return f"{value:.1f} %" if 0 < value < 1 else f"{value:.0f} %"


def utc_offset(at: float) -> int:
    """Return the machine's distance from UTC at a moment, in seconds."""
    return time.localtime(at).tm_gmtoff


def when(at: float, *, day: bool = True) -> str:
    """Return a moment by the machine's clock.

    Parameters
    ----------
    at : float
        Seconds since the epoch.
    day : bool
        Whether the date is said, too.
    """
    return time.strftime("%Y-%m-%d %H:%M:%S" if day else "%H:%M:%S", time.localtime(at))


def command_words(env: Mapping[str, str], argv: Sequence[str]) -> list[str]:
    r"""Return a command as the words of a shell's line, exact and harmless to show.

    The marks by which gpucore knows its programs again are left out.

    Examples
    --------
    >>> command_words({"CUDA_VISIBLE_DEVICES": "0"}, ["prog", "a b", "x\x1b"])
    ['CUDA_VISIBLE_DEVICES=0', 'prog', "'a b'", "$'x\\x1b'"]
    """
    told = (
        f"{shown(name)}={shell_word(value)}"
        for name, value in env.items()
        if not name.startswith("GPUCORE_")
    )
    return [*told, *map(shell_word, argv)]


def link_to(path: str, start: str) -> str:
    """Return a relative link from a folder to a file; empty when the file does not lie below.

    Examples
    --------
    >>> link_to("/data/out/.gpucore/a b.txt", "/data/out"), link_to("/etc/passwd", "/data")
    ('./.gpucore/a%20b.txt', '')
    """
    folder, _, name = path.rpartition("/")
    way = _way(folder or "/", start)
    if not path or not name or way is None:
        return ""
    return f"{way}{name if _PLAIN.fullmatch(name) else quote(os.fsencode(name))}"


@lru_cache(maxsize=64)
def _way(folder: str, start: str) -> str | None:
    way = os.path.relpath(folder, start)
    if way == ".." or way.startswith("../"):
        return None
    return "./" if way == "." else f"./{quote(os.fsencode(way))}/"


@lru_cache(maxsize=4096)
def shell_word(text: str) -> str:
    r"""Return a text as one word for a shell, nothing in which steers whoever shows it.

    Examples
    --------
    >>> shell_word("a b"), shell_word("a\nb")
    ("'a b'", "$'a\\x0ab'")
    """
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(map(_escaped, text)) + "'"


def _escaped(c: str) -> str:
    if c in "\\'":
        return f"\\{c}"
    if c.isprintable():
        return c
    raw = c.encode("utf-8", "surrogateescape") if not "\ud800" <= c <= "\udbff" else b"?"
    return "".join(f"\\x{byte:02x}" for byte in raw)
