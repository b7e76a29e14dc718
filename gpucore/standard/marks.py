"""The marks of a template: ``%(name)s``, ``%(name.part)s``; any other ``%`` is itself.

A mark may also be a sum of whole numbers, ``%(epochs - 1)s``, and be written in so many digits,
``%(iterations)03d``.
"""

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

_TERM = re.compile(r" ([+-]) (\w+)")
_MARK = re.compile(
    rf"%\(([A-Za-z_][\w-]*)(?:\.([\w-]+)\)s|((?:{_TERM.pattern})*)\)(?:s|(0[1-9])d))",
    re.ASCII,
)


@dataclass(frozen=True)
class Mark:
    """One mark in a template.

    Parameters
    ----------
    name : str
        What it names.
    part : str
        What of that, after a dot.
    terms : tuple of (str, str)
        Sign and operand, a name or digits, of what is added to it.
    digits : str
        ``03``: it is a whole number, written in three digits at least.
    """

    name: str
    part: str = ""
    terms: tuple[tuple[str, str], ...] = ()
    digits: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it is a sum, or written in so many digits: a whole number."""
        return bool(self.terms or self.digits)

    @property
    def names(self) -> tuple[str, ...]:
        """All that it names."""
        return (self.name, *(text for _, text in self.terms if not text.isdecimal()))

    def __str__(self) -> str:
        said = f"{self.name}.{self.part}" if self.part else self.name
        said += "".join(f" {sign} {text}" for sign, text in self.terms)
        return f"%({said}){f'{self.digits}d' if self.digits else 's'}"


@lru_cache(maxsize=4096)
def split(text: str) -> tuple[str | Mark, ...]:
    """Return the literal texts and marks of a template, in order.

    Examples
    --------
    >>> [str(one) for one in split("mic_%03d_%(out.stem)s_it%(rounds - 1)03d.mrc")]
    ['mic_%03d_', '%(out.stem)s', '_it', '%(rounds - 1)03d', '.mrc']
    """
    pieces: list[str | Mark] = []
    end = 0
    for match in _MARK.finditer(text):
        if match.start() > end:
            pieces.append(text[end : match.start()])
        terms = tuple((one[1], one[2]) for one in _TERM.finditer(match[3] or ""))
        pieces.append(Mark(match[1], match[2] or "", terms, match[6] or ""))
        end = match.end()
    if end < len(text) or not pieces:
        pieces.append(text[end:])
    return tuple(pieces)


def marks(text: str) -> list[Mark]:
    """Return the marks of a template."""
    return [piece for piece in split(text) if isinstance(piece, Mark)]
