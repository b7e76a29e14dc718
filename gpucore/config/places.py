"""Where a key stands in a TOML text, found with the TOML parser itself and no grammar of our own.

Each statement of a TOML text, a table's header or a key with its value, begins on a line of its
own and is a TOML text by itself; no part of it that ends earlier is one. So the shortest run of
lines that parses is the next statement, and the whole text is taken apart in one pass. This is
done only when something is wrong.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import lru_cache

from gpucore.config.offsets import KeyPath, offset_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["KeyPath", "Place", "key_text", "locate"]

_CLOSERS = ("]", "}", '"""', "'''")
_BUDGET = 1 << 20  # characters that may be parsed in vain: a hostile text must not take minutes
_INSIDE = 16 << 10  # characters of a statement whose elements are told apart


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a key stands.

    Parameters
    ----------
    line, column : int
        Both counted from 1, the column in characters.
    source : str
        The text of that line.
    width : int
        How many characters of it are meant.
    """

    line: int
    column: int
    source: str
    width: int = 1


@dataclass(frozen=True, kw_only=True)
class _Statement:
    first: int
    lines: tuple[str, ...]
    table: KeyPath


def key_text(path: KeyPath) -> str:
    """Return a key path as messages show it.

    Examples
    --------
    >>> key_text(("stage", 1, "params", "voltage"))
    'stage[1].params.voltage'
    """
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            shown = key if re.fullmatch(r"[\w-]+", key) else _quoted(key)
            text += f".{shown}" if text else shown
    return text


@lru_cache(maxsize=256)
def locate(text: str, path: KeyPath) -> Place:
    r"""Return where a key path stands in a text that is TOML.

    A key that is not there is placed at the nearest table that is.

    Examples
    --------
    >>> locate("[run]\nthreads = 3\n", ("run", "threads")).line
    2
    """
    index = _index(text)
    found = path
    while found and found not in index:
        found = found[:-1]
    if found not in index:
        return Place(line=1, column=1, source=text.partition("\n")[0].rstrip("\r"))
    statement = index[found]
    inner = found[len(statement.table) :]
    return _exact(statement, found, inner) or _near(statement, found, inner)


def _exact(statement: _Statement, found: KeyPath, inner: KeyPath) -> Place | None:
    whole = "\n".join(statement.lines)
    if len(whole) > _INSIDE:
        return None
    spot = offset_of(whole, inner, _parse) if inner else _of_header(whole, found)
    if spot is None:
        return None
    before = whole[: spot[0]]
    line = before.count("\n")
    column = len(before) - (before.rfind("\n") + 1)
    return Place(
        line=statement.first + line,
        column=column + 1,
        source=statement.lines[line],
        width=max(spot[1], 1),
    )


def _of_header(header: str, found: KeyPath) -> tuple[int, int] | None:
    """Return where the last key of a header stands: it names tables, and no elements of lists."""
    return offset_of(header, tuple(key for key in found if isinstance(key, str)), _parse)


def _near(statement: _Statement, found: KeyPath, inner: KeyPath) -> Place:
    """Return the place by the look of the lines, where the parser would be asked too often."""
    offset = _inside(statement, inner)
    source = statement.lines[offset]
    names = [key for key in inner if isinstance(key, str)] or [str(found[0])]
    if not inner:
        names = [str(key) for key in found if isinstance(key, str)]
    column, width = _column(source, names)
    return Place(line=statement.first + offset, column=column, source=source, width=width)


def _quoted(key: str) -> str:
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in key[:60])
    return f'"{shown}{"…" if len(key) > len(shown) else ""}"'


def _column(source: str, names: list[str]) -> tuple[int, int]:
    """Return column and width of the last of these names, each looked for after the one before."""
    place = len(source) - len(source.lstrip())
    start, width = 0, 1
    for name in names:
        match = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])").search(source, start)
        if match:
            place, start, width = match.start(), match.end(), len(name)
    return place + 1, width


def _parse(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=4)
def _index(text: str) -> dict[KeyPath, _Statement]:
    """Return the statement in which each key path first appears."""
    lines = text.replace("\r\n", "\n").split("\n")
    index: dict[KeyPath, _Statement] = {}
    lengths: dict[KeyPath, int] = {}
    table: KeyPath = ()
    first, budget = 0, _BUDGET
    while first < len(lines):
        end, parsed, budget = _shortest(lines, first, budget)
        if parsed is None:
            break
        chunk = tuple(lines[first:end])
        if parsed and chunk[0].lstrip(" \t").startswith("["):
            table, new = _entered(parsed, lengths)
            statement = _Statement(first=first + 1, lines=chunk, table=table)
            for path in new:
                index.setdefault(path, statement)
        elif parsed:
            statement = _Statement(first=first + 1, lines=chunk, table=table)
            for path in _paths(parsed):
                index.setdefault(table + path, statement)
        first = end
    return index


def _shortest(
    lines: list[str], first: int, budget: int
) -> tuple[int, dict[str, object] | None, int]:
    """Return the end and the parse of the statement that begins here, and what is left to spend."""
    for end in range(first + 1, len(lines) + 1):
        # Only a line that closes something can be the last of several.
        if end > first + 1 and not any(closer in lines[end - 1] for closer in _CLOSERS):
            continue
        chunk = "\n".join(lines[first:end])
        parsed = _parse(chunk)
        if parsed is not None:
            return end, parsed, budget
        budget -= len(chunk)
        if budget < 0:
            break
    return len(lines), None, budget


def _entered(
    parsed: dict[str, object], lengths: dict[KeyPath, int]
) -> tuple[KeyPath, list[KeyPath]]:
    """Return the path of the table that a header opens, and all paths that it names."""
    path: KeyPath = ()
    named: list[KeyPath] = []
    value: object = parsed
    while isinstance(value, dict) and value:
        key, value = next(iter(value.items()))
        path = (*path, key)
        named.append(path)
        if isinstance(value, list):
            lengths[path] = lengths.get(path, 0) + 1
        if path in lengths:
            path = (*path, lengths[path] - 1)
            named.append(path)
    return path, named


def _paths(parsed: dict[str, object]) -> list[KeyPath]:
    """Return every key path of a value, itself first."""
    found: list[KeyPath] = []
    left: list[tuple[KeyPath, object]] = [((), parsed)]
    while left:
        path, value = left.pop()
        children: list[tuple[str | int, object]] = []
        if isinstance(value, dict):
            children = list(value.items())
        elif isinstance(value, list):
            children = list(enumerate(value))
        for key, child in children:
            found.append((*path, key))
            left.append(((*path, key), child))
    return found


def _inside(statement: _Statement, inner: KeyPath) -> int:
    """Return on which line of its statement an element of a list begins.

    The first m lines of a list and a bracket are again TOML, where m ends an element.
    """
    lines = statement.lines
    numbers = [place for place, key in enumerate(inner) if isinstance(key, int)]
    if len(lines) == 1 or not numbers or sum(map(len, lines)) > _INSIDE:
        return 0
    wanted = inner[: numbers[0] + 1]
    before, low, high = 0, 0, len(lines)
    while high - low > 1:
        middle = end = (low + high) // 2
        while end > low and (parsed := _parse("\n".join((*lines[:end], "]")))) is None:
            end -= 1
        if end == low:
            low = middle
        elif parsed is not None and wanted in _paths(parsed):
            high = end
        else:
            before, low = end, middle
    while before < len(lines) - 1 and not lines[before].partition("#")[0].strip():
        before += 1
    return before
