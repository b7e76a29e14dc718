"""An adapter as TOML: what `gpucore.config.adapterfile` reads back as an equal adapter."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING

from gpucore.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from dataclasses import Field

    from gpucore.standard.adapter import Adapter

__all__ = ["adapter_toml", "toml_line"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100


def adapter_toml(adapter: Adapter) -> str:
    """Return the TOML file that says what an adapter says.

    It is written from the fields that the form has, so that one that is added to the form needs no
    line here. What is as the form has it by default is left out.

    Raises
    ------
    AdapterError
        When it is not data only: a value of it is code, or a text that is no Unicode.

    Examples
    --------
    >>> from gpucore.standard import Adapter, Program, Template
    >>> print(adapter_toml(Adapter(name="hello", title="say hello",
    ...     program=Program(executable="echo"), command=Template(argv=("%(EXE)s", "hello")))))
    schema = 1
    name = "hello"
    title = "say hello"
    <BLANKLINE>
    [program]
    executable = "echo"
    <BLANKLINE>
    [command]
    argv = ["%(EXE)s", "hello"]
    <BLANKLINE>
    """
    try:
        return "\n\n".join(_blocks(adapter)) + "\n"
    except _NoData as fault:
        raise AdapterError(
            f"the adapter `{adapter.name}` is not data only: {fault}",
            hint="what needs code stays in Python, in a package with an entry point",
            code="E410",
        ) from None


class _NoData(Exception):  # noqa: N818 - it never leaves this module
    """A value that TOML cannot say."""


def _blocks(adapter: Adapter) -> Iterator[str]:
    """Yield the file's own keys, then each table, parted by a blank line."""
    plain = [f"schema = {adapter.schema}"]
    tables: list[str] = []
    for key, value in _said(adapter):
        if key == "schema":
            continue
        if is_dataclass(value):
            tables.append(_table(f"[{key}]", _said(value)))
        elif isinstance(value, Mapping):
            tables.append(_table(f"[{key}]", value.items()))
        elif isinstance(value, tuple) and value and all(is_dataclass(one) for one in value):
            tables += [_table(f"[[{key}]]", _said(one)) for one in value]
        else:
            plain.append(toml_line(key, value))
    yield "\n".join(plain)
    yield from tables


def _table(header: str, items: Iterable[tuple[str, object]]) -> str:
    return "\n".join([header, *(toml_line(key, value) for key, value in items)])


def _said(value: object) -> Iterator[tuple[str, object]]:
    """Yield TOML's key and the value of each field that is not as it is by default."""
    assert is_dataclass(value)  # noqa: S101 - for the type checker
    for field in fields(value):
        one = getattr(value, field.name)
        if one is not None and not _is_default(field, one):
            yield field.name.rstrip("_"), one


def _is_default(field: Field[object], value: object) -> bool:
    default: object = field.default
    if field.default_factory is not MISSING:
        default = field.default_factory()
    # True is 1, and is written otherwise.
    return value == default and type(value) is type(default)


def toml_line(key: str, value: object) -> str:
    """Return a key with its value; a long list takes several lines."""
    line = f"{_key(key)} = {_value(value)}"
    if isinstance(value, tuple) and len(line) > _WIDTH:
        return "\n".join([f"{_key(key)} = [", *(f"  {one}" for one in _lines(value)), "]"])
    return line


def _lines(values: Iterable[object]) -> Iterator[str]:
    """Yield a long list in lines: each begins with an option or a table, or where it is full."""
    line = ""
    alone = False
    for value in values:
        said = f"{_value(value)},"
        begins = not isinstance(value, (str, int, float)) or str(value).startswith("-")
        if line and (begins or alone or len(f"  {line} {said}") > _WIDTH):
            yield line
            line = ""
        line = f"{line} {said}" if line else said
        alone = not isinstance(value, (str, int, float))
    yield line


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _text(text)


def _value(value: object) -> str:  # noqa: PLR0911 - a return for each kind of value
    if isinstance(value, Enum):
        return _value(value.value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        return str(value) if not isinstance(value, float) or math.isfinite(value) else _no(value)
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, Mapping):
        return _inline(value.items())
    if is_dataclass(value):
        return _inline(_said(value))
    return _no(value)


def _inline(items: Iterable[tuple[object, object]]) -> str:
    said = ", ".join(f"{_key(str(key))} = {_value(value)}" for key, value in items)
    return f"{{ {said} }}" if said else "{}"


def _text(text: str) -> str:
    if not _is_unicode(text):
        raise _NoData(f"the text {text!r} is no Unicode")
    # Regular expressions read best as they are.
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    # JSON's escapes are among TOML's. What a terminal would obey is written as its code, too.
    said = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in said)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= one <= "\udfff" for one in text)


def _no(value: object) -> str:
    raise _NoData(f"`{value!r}` is no value that TOML knows here")
