"""What a type of ours is called in a message, and what stands below it."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

__all__ = [
    "Shape",
    "branch",
    "child",
    "choices",
    "described",
    "is_table",
    "is_union",
    "keys_of",
    "kind_of_value",
    "shown",
]

Shape: TypeAlias = object
"""A type as an annotation has it: a class, or ``tuple[str, ...]`` and the like."""

_PLAIN = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
_MANY = {"a text": "texts", "a whole number": "whole numbers", "a number": "numbers",
         "a table": "tables"}  # fmt: skip
_LONGEST = 60


@lru_cache(maxsize=256)
def keys_of(table: Shape) -> Mapping[str, tuple[str, Shape]]:
    """Return field and type for each key of a table, under TOML's name for it (``class``)."""
    if not isinstance(table, type) or not is_dataclass(table):
        return {}
    hints = get_type_hints(table)
    return {one.name.rstrip("_"): (one.name, hints[one.name]) for one in fields(table)}


def is_table(shape: Shape) -> bool:
    """Say whether a type is one of our dataclasses."""
    return isinstance(shape, type) and is_dataclass(shape)


def is_union(shape: Shape) -> bool:
    """Say whether a type has several branches beside None."""
    return len(_branches(shape)) > 1


def branch(shape: Shape, value: object) -> Shape | None:
    """Return the branch of a union that a value must mean, None when it fits none of them.

    Examples
    --------
    >>> branch(str | tuple[str, ...], ["a"])
    tuple[str, ...]
    """
    branches = _branches(shape)
    if len(branches) == 1:
        return branches[0]
    for one in branches:
        if isinstance(value, dict) and (is_table(one) or get_origin(one) is Mapping):
            return one
        if isinstance(value, list) and get_origin(one) is tuple:
            return one
        if isinstance(one, type) and type(value) is one:
            return one
    return None


def child(shape: Shape, key: str | int) -> Shape | None:
    """Return the type of what stands under a key, None when nothing may."""
    if is_table(shape):
        return keys_of(shape).get(str(key), ("", None))[1]
    arguments = get_args(shape)
    if get_origin(shape) is tuple and isinstance(key, int):
        return _shape(arguments[0])
    if get_origin(shape) is Mapping and isinstance(key, str):
        return _shape(arguments[1])
    return None


def choices(shape: Shape) -> list[str]:
    """Return the values that a closed set has."""
    if get_origin(shape) is Literal:
        return [str(one) for one in get_args(shape)]
    if isinstance(shape, type) and issubclass(shape, Enum):
        return [str(one.value) for one in shape]
    return []


def described(shape: Shape) -> str:
    """Return what a type is called.

    Examples
    --------
    >>> described(str | tuple[str, ...])
    'a text or a list of texts'
    """
    branches = _branches(shape)
    if len(branches) > 1:
        names = [described(one) for one in branches if not (one is int and float in branches)]
        return f"{', '.join(names[:-1])} or {names[-1]}"
    shape = branches[0]
    if isinstance(shape, type) and shape in _PLAIN:
        return _PLAIN[shape]
    if get_origin(shape) is tuple:
        element = described(get_args(shape)[0])
        return f"a list of {_MANY[element]}" if element in _MANY else "a list"
    if known := choices(shape):
        return f"one of {', '.join(known)}"
    return "a table"


def kind_of_value(value: object) -> str:
    """Return what a TOML value is called."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return _PLAIN[type(value)]
    return "a list" if isinstance(value, list) else "a table"


def shown(value: object) -> str:
    """Return a TOML value fit for a message: printable, and no longer than a line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        printable = "".join(c if c.isprintable() else repr(c)[1:-1] for c in value[:_LONGEST])
        return f'"{printable}{"…" if len(value) > _LONGEST else ""}"'
    return f"{value!r}"


def _shape(argument: object) -> Shape:
    return argument


def _branches(shape: Shape) -> list[Shape]:
    if get_origin(shape) in {Union, types.UnionType}:
        return [one for one in get_args(shape) if one is not type(None)]
    return [shape]
