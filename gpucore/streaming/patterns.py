"""Which names in a watched folder are files to run over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NamePattern", "is_unfinished_name"]

_UNFINISHED = (
    "~", ".crdownload", ".filepart", ".part", ".partial", ".swp", ".temp", ".tmp",
)  # fmt: skip


def is_unfinished_name(name: str) -> bool:
    """Say whether programs give such names to files that they have not finished, or hide.

    Examples
    --------
    >>> [is_unfinished_name(name) for name in ("m1.tif", ".m1.tif.Xa3", "m1.tif.part")]
    [False, True, True]
    """
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


class NamePattern:
    """Patterns of paths below a folder: ``*`` stays within a name, ``**/`` stands for any folders.

    Parameters
    ----------
    patterns : sequence of str
        A path fits when it fits one of them.

    Attributes
    ----------
    depth : int or None
        How many folders deep files can lie; None: as deep as there are any.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._expression = re.compile("|".join(map(_expression, patterns)))
        deep = any("**" in one.split("/") for one in patterns)
        self.depth = None if deep else max(one.count("/") for one in patterns)

    def fits(self, path: str) -> bool:
        """Say whether a path, relative to the folder, is one to run over."""
        parts = path.split("/")
        return self._expression.fullmatch(path) is not None and not any(
            map(is_unfinished_name, parts)
        )

    def may_hold(self, folder: str) -> bool:
        """Say whether files of such a folder below the watched one may fit."""
        parts = folder.split("/")
        return (self.depth is None or len(parts) <= self.depth) and not any(
            part.startswith(".") for part in parts
        )


def _expression(pattern: str) -> str:
    parts = pattern.split("/")
    pieces = [
        "(?:[^/]+/)*" if part == "**" and place < len(parts) - 1 else _name(part)
        for place, part in enumerate(parts)
    ]
    text = ""
    for place, piece in enumerate(pieces):
        text += piece
        if place < len(pieces) - 1 and parts[place] != "**":
            text += "/"
    return f"(?s:{text})"


def _name(part: str) -> str:
    """Return the expression of one name; what opens a set and does not end it is itself."""
    text, place = "", 0
    while place < len(part):
        sign = part[place]
        end = part.find("]", place + 2) if sign == "[" else -1
        if sign == "*":
            text += "[^/]*"
        elif sign == "?":
            text += "[^/]"
        elif end > 0:
            held = part[place + 1 : end].replace("\\", r"\\").replace("[", r"\[")
            text += f"[{'^' + held[1:] if held[0] == '!' else held}]"
            place = end
        else:
            text += re.escape(sign)
        place += 1
    return text
