"""Values packed for the page: few bytes a step, and nothing in them that a browser would obey."""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["as_json", "changes", "coded", "steps_apart"]


def as_json(value: object) -> str:
    r"""Return JSON that may stand in a page's script element, whatever texts are in it.

    Nothing but ASCII is in it, and no character that ends an element, a comment or a line.

    Examples
    --------
    >>> as_json(["</script><!--", "\u2028"])
    '["\\u003c/script\\u003e\\u003c!--","\\u2028"]'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def coded(texts: Iterable[str]) -> list[int | str]:
    """Return texts as what each has in common with the one before it, and the rest.

    Names and paths of a run's steps differ in few characters. Lengths count UTF-16 units, as
    browsers do.

    Examples
    --------
    >>> coded(["align/m01.tif", "align/m02.tif"])
    [0, 0, 'align/m01.tif', 8, 4, '2']
    """
    found: list[int | str] = []
    before = ""
    for text in map(_units, texts):
        found += _difference(before, text)
        before = text
    return found


def changes(before: Sequence[str], words: Sequence[str]) -> list[int | str] | list[list[str]]:
    """Return the words of a command as their differences from those of the one before it.

    Examples
    --------
    >>> changes(["prog", "m01.tif", "-x"], ["prog", "m02.tif", "-x"])
    [1, 2, 4, '2']
    >>> changes(["prog"], ["prog", "-x"])
    [['prog', '-x']]
    """
    if len(before) != len(words):
        return [list(words)]
    found: list[int | str] = []
    for place, (old, new) in enumerate(zip(before, words, strict=True)):
        if old != new:
            found += [place, *_difference(_units(old), _units(new))]
    return found


def steps_apart(values: Iterable[int]) -> list[int]:
    """Return numbers as their distances from the one before.

    Examples
    --------
    >>> steps_apart([5, 7, 7, 30])
    [5, 2, 0, 23]
    """
    found, before = [], 0
    for value in values:
        found.append(value - before)
        before = value
    return found


def _difference(before: str, text: str) -> tuple[int, int, str]:
    most = min(len(before), len(text))
    ahead = _common(before, text, most)
    # What differs by a few characters is looked at from its other end.
    one, other = before[ahead:], text[ahead:]
    behind = _common(one[::-1], other[::-1], most - ahead)
    return ahead, behind, other[: len(other) - behind]


def _common(one: str, other: str, most: int) -> int:
    """Return how many first characters two texts share."""
    if one[:most] == other[:most]:
        return most
    low, high = 0, most - 1
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _units(text: str) -> str:
    """Return a text in which each character is one UTF-16 unit."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    return "".join(map(chr, array("H", text.encode("utf-16", "surrogatepass")[2:])))
