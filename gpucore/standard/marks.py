"""The marks of a template: ``%(name)s``, ``%(name.part)s``; any other ``%`` is itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["GPU_PARTS", "PATH_PARTS", "Mark", "marks", "split"]

PATH_PARTS = {
    "name": "file name",
    "stem": "file name without its suffix",
    "suffix": "suffix, with the dot",
    "dir": "folder",
    "base": "path without its suffix",
}
"""What of a path a mark can name."""

GPU_PARTS = {"count": "how many GPUs the step uses"}
"""What of the step's GPUs a mark can name."""

_MARK = re.compile(r"%\(([A-Za-z_][\w-]*)(?:\.([\w-]+))?\)s")


@dataclass(frozen=True)
class Mark:
    """One mark in a template: a name and, after a dot, a part of it."""

    name: str
    part: str = ""

    def __str__(self) -> str:
        return f"%({self.name}{'.' if self.part else ''}{self.part})s"


@lru_cache(maxsize=4096)
def split(text: str) -> tuple[str | Mark, ...]:
    """Return the literal texts and marks of a template, in order.

    Examples
    --------
    >>> split("mic_%03d_%(out.stem)s.mrc")
    ('mic_%03d_', Mark(name='out', part='stem'), '.mrc')
    """
    pieces: list[str | Mark] = []
    end = 0
    for match in _MARK.finditer(text):
        if match.start() > end:
            pieces.append(text[end : match.start()])
        pieces.append(Mark(match[1], match[2] or ""))
        end = match.end()
    if end < len(text) or not pieces:
        pieces.append(text[end:])
    return tuple(pieces)


def marks(text: str) -> list[Mark]:
    """Return the marks of a template."""
    return [piece for piece in split(text) if isinstance(piece, Mark)]
