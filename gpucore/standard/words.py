"""What a value becomes as text: in an argument, in a file's name, on standard input."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gpucore.errors import TemplateError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.standard.adapter import Param, Scalar, Value
    from gpucore.standard.marks import Mark

__all__ = ["filled_mark", "part_of", "value_of", "word"]


def word(value: Scalar, param: Param | None) -> str:
    """Return the text of one value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return (param.yes if value else param.no) if param else str(value).lower()
    return param.format % value if param and param.format else repr(value)


def value_of(mark: Mark, names: Mapping[str, Value]) -> Value:
    """Return what a mark names: a part of a path as text, a sum as a number.

    Raises
    ------
    TemplateError
        When it names nothing, or nothing that has a value.
    """
    value = _named(mark, mark.name, names)
    if mark.is_number:
        return _sum(mark, value, names)
    return part_of(str(value), mark.part) if mark.part and not isinstance(value, tuple) else value


def filled_mark(mark: Mark, names: Mapping[str, Value], params: Mapping[str, Param]) -> str:
    """Return the text of a mark.

    Raises
    ------
    TemplateError
        When it has no value, or one that is not a single text.
    """
    value = value_of(mark, names)
    if mark.is_number:
        return format(value, f"{mark.digits}d")
    param = params.get(mark.name)
    if not isinstance(value, tuple):
        return word(value, param) if value is not None else ""
    if mark.part or param is None or param.separator is None:
        raise TemplateError(
            f"the list {mark} stands inside a text",
            hint="let it be an argument of its own, or give the parameter a `separator`",
            code="E324",
        )
    return param.separator.join(word(one, param) for one in value)


def _named(mark: Mark, name: str, names: Mapping[str, Value]) -> Value:
    if name not in names:
        raise TemplateError(
            f"the mark {mark} names nothing that is known here",
            hint=did_you_mean(name, names),
            code="E321",
        )
    if names[name] is None:
        raise TemplateError(f"the mark {mark} has no value", hint=f"give `{name}`", code="E322")
    return names[name]


def _sum(mark: Mark, first: Value, names: Mapping[str, Value]) -> int:
    total = _whole(mark, first)
    for sign, text in mark.terms:
        one = int(text) if text.isdecimal() else _whole(mark, _named(mark, text, names))
        total += one if sign == "+" else -one
    return total


def _whole(mark: Mark, value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TemplateError(
            f"the mark {mark} adds up or writes the digits of {value!r}, which is no whole number",
            hint="write %(name)s",
            code="E324",
        )
    return value


def part_of(text: str, part: str) -> str:
    """Return a part of a path, see `gpucore.standard.marks.PATH_PARTS`."""
    path = PurePosixPath(text)
    if part == "base":
        # Not path.with_suffix(""), which would make an option of `./-x.mrc`.
        return text.rstrip("/").removesuffix(path.suffix) if path.suffix else text
    if part == "dir":
        return str(path.parent)
    return str(getattr(path, part))
