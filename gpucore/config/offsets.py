"""Where in one statement of a TOML text a key or an element of a list stands, to the character.

As in `gpucore.config.places` the TOML parser itself decides, and no grammar of our own: a key is
where another name, written instead, changes this key path and no other; an element begins where
the text before it, closed, holds as many elements as are before it. So names inside of texts and
comments, and keys of the same name in tables side by side, are told apart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KeyPath", "offset_of"]

KeyPath: TypeAlias = tuple[str | int, ...]
_Parse: TypeAlias = "Callable[[str], dict[str, object] | None]"

_OTHER = "written-instead"
_CLOSED = ("]", "]}", "]]", "]}]", "]}}", "]]}", "]}]}")
_BUDGET = 1 << 13
"""Characters that are parsed for one place: a list of hundreds of numbers is told by its line."""


def offset_of(text: str, path: KeyPath, parse: _Parse) -> tuple[int, int] | None:
    """Return where a key path stands in a statement, and how many characters of it are meant.

    Parameters
    ----------
    text : str
        One statement: a header, or a key with its value.
    path : KeyPath
        The path within it.
    parse : callable
        Returns what a text says; None when it is no TOML.

    Returns
    -------
    tuple of int or None
        Offset and width; None when it was not found at a reasonable cost.
    """
    if not path:
        return None
    last = path[-1]
    if isinstance(last, str):
        return _key(text, path[:-1], last, parse)
    return _element(text, path[:-1], last, parse)


def _key(text: str, above: KeyPath, name: str, parse: _Parse) -> tuple[int, int] | None:
    budget = _BUDGET
    for match in re.finditer(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
        budget -= len(text)
        if budget < 0:
            return None
        changed = parse(f"{text[: match.start()]}{_OTHER}{text[match.end() :]}")
        table = _at(changed, above)
        if isinstance(table, dict) and _OTHER in table and name not in table:
            return match.start(), len(name)
    return None


def _element(text: str, above: KeyPath, place: int, parse: _Parse) -> tuple[int, int] | None:
    budget = _BUDGET
    closed, start = "", None
    for match in re.finditer(r"[\[,\]]", text):
        opens = match[0] == "["
        before = text[: match.start() + opens]
        budget -= len(before) * (1 if closed else len(_CLOSED))
        if budget < 0:
            return None
        if not closed:
            # What closes the list where it is empty closes it further on, and no list inside it.
            closed = next((one for one in _CLOSED if _at(parse(before + one), above) == []), "")
            if not closed or place:
                continue
            start = _begin(text, match.end())
        elif not opens:
            found = _at(parse(before + closed), above)
            count = len(found) if isinstance(found, list) else -1
            if start is None and count == place:
                start = _begin(text, match.end())
            elif start is not None and count == place + 1:
                whole = text[start : match.start()]
                return start, len(whole.partition("\n")[0].rstrip())
    return None


def _begin(text: str, at: int) -> int:
    """Return where the next value begins: after blanks, line ends and comments."""
    found = re.compile(r"(?:\s|#[^\n]*)*").match(text, at)
    return found.end() if found else at


def _at(value: object, path: KeyPath) -> object:
    for key in path:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value
