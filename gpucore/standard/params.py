"""From what a user gives to the values of a program's parameters, every fault told at once."""

from __future__ import annotations

import math
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError, ParameterError, did_you_mean, raise_faults

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpucore.standard.adapter import Adapter, Param, Scalar, Value

__all__ = [
    "Values",
    "check_rooted",
    "check_value",
    "disorder",
    "is_of_kind",
    "read_text",
    "read_values",
    "rooted",
]

Values = dict[str, "Value"]

_KINDS = {
    "path": "a path",
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "choice": "one of its choices",
}
_BITS = 64
_YES = {"true", "yes", "on", "1"}
_NO = {"false", "no", "off", "0"}


def read_values(adapter: Adapter, given: Mapping[str, object]) -> Values:
    """Return the value of every parameter, defaults filled in.

    Output parameters that were not given stay None: who runs the step names them.

    Parameters
    ----------
    adapter : Adapter
        The program.
    given : Mapping
        Typed values by name, as TOML or Python has them; None counts as not given.

    Raises
    ------
    ParameterError, Faults
        Unknown names, missing values, wrong types and broken bounds, all of them.
    """
    where = f"adapter {adapter.name}"
    faults: list[GpucoreError] = [
        ParameterError(
            f"unknown parameter `{name}`",
            hint=did_you_mean(
                name, adapter.params, listed=f"`gpucore adapters show {adapter.name}`"
            ),
            where=where,
            code="E301",
        )
        for name in given
        if name not in adapter.params
    ]
    values: Values = {}
    for name, param in adapter.params.items():
        raw = given.get(name)
        if raw is None:
            if param.required:
                unit = f" [{param.unit}]" if param.unit else ""
                faults.append(
                    ParameterError(
                        f"parameter `{name}` is missing",
                        hint=f"give `{name}`{unit}: {param.help}",
                        where=where,
                        code="E302",
                    )
                )
            values[name] = _default(param)
            continue
        try:
            values[name] = check_value(name, param, raw)
        except ParameterError as fault:
            faults.append(fault.at(where))
    faults.extend(_lonely(adapter, given, values, where))
    faults.extend(fault.at(where) for fault in disorder(adapter, values))
    raise_faults(faults)
    return values


def _default(param: Param) -> Value:
    """Return a default in its parameter's type: 1 is 1.0 of a float, as a user's 1 is."""
    default = param.default
    if param.type != "float":
        return default
    if isinstance(default, tuple):
        return tuple(float(one) for one in default)
    return default if default is None else float(default)


def _lonely(
    adapter: Adapter, given: Mapping[str, object], values: Values, where: str
) -> Iterator[ParameterError]:
    """Yield an error for each value that was given without another that it has no meaning without.

    A default needs nothing, whether the user writes it or not; nor does what says no (false, 0).
    """
    for name, param in adapter.params.items():
        value = values.get(name)
        if not param.needs or given.get(name) is None or not value or value == param.default:
            continue
        for other in param.needs:
            if values.get(other) is None or values.get(other) is False:
                yield ParameterError(
                    f"`{name}` is given without `{other}`",
                    hint=f"give `{other}` too, or leave `{name}` out",
                    where=where,
                    code="E305",
                )


def disorder(adapter: Adapter, values: Mapping[str, Value]) -> Iterator[ParameterError]:
    """Yield an error for each value that is not less than the one it must be less than."""
    for name, param in adapter.params.items():
        for other, word in ((param.less_than, "less than"), (param.no_more_than, "no more than")):
            low, high = values.get(name), values.get(other) if other else None
            if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
                continue
            if low > high or (low == high and other == param.less_than):
                unit = f" {param.unit}" if param.unit else ""
                yield ParameterError(
                    f"`{name}` = {low}{unit} does not go with `{other}` = {high}{unit}",
                    hint=f"`{name}` must be {word} `{other}`",
                    code="E305",
                )


def check_value(name: str, param: Param, raw: object) -> Value:
    """Return a typed value as the parameter holds it.

    Raises
    ------
    ParameterError
        Wrong type, length or bounds, or a text that no program can be given.
    """
    if param.length is None:
        return _scalar(name, param, raw)
    many = raw if isinstance(raw, (list, tuple)) else [raw]
    if param.length and len(many) != param.length:
        raise ParameterError(
            f"`{name}` holds {len(many)} value{'s' * (len(many) != 1)}, not {param.length}",
            hint=f"give {param.length} values, as in `{name} = "
            f"[{', '.join(['…'] * param.length)}]`",
            code="E303",
        )
    return tuple(_scalar(name, param, one) for one in many)


def read_text(name: str, param: Param, text: str) -> object:
    """Return the typed value that a text on a command line says (``--set name=text``).

    A list is written with blanks or commas between its values.

    Raises
    ------
    ParameterError
        When the text says no value of the parameter's type.
    """
    if param.length is None:
        return _from_text(name, param, text)
    return tuple(_from_text(name, param, part) for part in text.replace(",", " ").split())


def rooted(adapter: Adapter, values: Values, root: str) -> Values:
    """Return the values with every relative path put under ``root``."""
    moved = dict(values)
    for name, param in adapter.params.items():
        value = values.get(name)
        if param.type == "path" and isinstance(value, str) and value:
            moved[name] = str(PurePosixPath(root) / value)
        elif param.type == "path" and isinstance(value, tuple):
            moved[name] = tuple(str(PurePosixPath(root) / str(one)) for one in value)
    return moved


def check_rooted(adapter: Adapter, values: Values) -> None:
    """Look once more at names that a program cannot take, now that paths are absolute.

    The folder that a run is in may have a blank, or what else a program's shell would read.

    Raises
    ------
    ParameterError
        When a path is one that its parameter refuses.
    """
    for name, param in adapter.params.items():
        if param.type == "path" and (param.pattern or not param.blanks):
            value = values.get(name)
            if value is not None:
                check_value(name, param, value)


def _scalar(name: str, param: Param, raw: object) -> Scalar:
    if param.type in {"path", "string"}:
        return _text(name, param, raw)
    if param.type == "choice":
        if raw not in param.choices:
            raise ParameterError(
                f"`{name}` cannot be {raw!r}",
                hint=f"one of: {', '.join(param.choices)}",
                code="E304",
            )
        return str(raw)
    if param.type == "bool":
        if not isinstance(raw, bool):
            raise _wrong(name, param, raw)
        return raw
    return _number(name, param, raw)


def _number(name: str, param: Param, raw: object) -> int | float:
    if isinstance(raw, int) and raw.bit_length() > _BITS:
        raise ParameterError(
            f"`{name}` is a number of more than {_BITS} bits",
            hint="no program can be given one",
            code="E303",
        )
    if isinstance(raw, bool) or not isinstance(raw, (int, float)) or not math.isfinite(raw):
        raise _wrong(name, param, raw)
    if param.type == "int":
        if raw != int(raw):
            raise _wrong(name, param, raw)
        number: int | float = int(raw)
    else:
        number = float(raw)
    _check_bounds(name, param, number)
    return number


def _check_bounds(name: str, param: Param, number: float) -> None:
    unit = f" {param.unit}" if param.unit else ""
    low, high = param.above, param.below
    if param.min is not None and number < param.min:
        wrong = ("small", f"{param.min:g}{unit} or more")
    elif low is not None and number <= low:
        wrong = ("small", f"more than {low:g}{unit}")
    elif param.max is not None and number > param.max:
        wrong = ("large", f"{param.max:g}{unit} or less")
    elif high is not None and number >= high:
        wrong = ("large", f"less than {high:g}{unit}")
    elif not is_of_kind(param, number):
        kind = "an odd number" if param.odd else f"a multiple of {param.multiple_of}"
        raise ParameterError(
            f"`{name}` = {number}{unit} is not {kind}", hint=f"give {kind}", code="E304"
        )
    else:
        return
    raise ParameterError(f"`{name}` = {number}{unit} is too {wrong[0]}", hint=wrong[1], code="E304")


def is_of_kind(param: Param, number: float) -> bool:
    """Say whether a number is odd, or a multiple, where the parameter must be."""
    if param.odd:
        return number % 2 == 1
    return not param.multiple_of or number % param.multiple_of == 0


def _text(name: str, param: Param, raw: object) -> str:
    if not isinstance(raw, str) and not (param.type == "path" and hasattr(raw, "__fspath__")):
        raise _wrong(name, param, raw)
    text = str(raw)
    if "\0" in text:
        raise ParameterError(
            f"`{name}` holds a NUL character", hint="no program can be given one", code="E306"
        )
    if not param.blanks and any(c.isspace() or c in "\"'" for c in text):
        raise ParameterError(
            f"`{name}` = {text!r} holds a blank or a quote",
            hint="the program cannot read such a name: rename the file, or link it under another",
            code="E306",
        )
    if param.suffix and not text.lower().endswith(tuple(end.lower() for end in param.suffix)):
        raise ParameterError(
            f"`{name}` = {text!r} has no suffix that the program knows",
            hint=f"one of: {', '.join(param.suffix)}",
            code="E306",
        )
    if param.pattern and not _fits(param.pattern, text):
        raise ParameterError(
            f"`{name}` = {text!r} does not fit `{param.pattern}`",
            hint=f"give `{name}`: {param.help}"
            if param.type == "string"
            else "the program cannot take such a name: rename the file, or link it under another",
            code="E306",
        )
    if param.type == "path" and not text:
        raise ParameterError(f"`{name}` is empty", hint="give a path", code="E306")
    # Programs would take `-x` for an option; `./-x` names the same file.
    return f"./{text}" if param.type == "path" and text.startswith("-") else text


def _fits(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return False  # an adapter with such a pattern is refused when it is loaded


def _from_text(name: str, param: Param, text: str) -> object:
    try:
        if param.type == "int":
            return int(text)
        if param.type == "float":
            return float(text)
    except ValueError:
        raise _wrong(name, param, text) from None
    if param.type == "bool":
        if text.lower() in _YES | _NO:
            return text.lower() in _YES
        raise _wrong(name, param, text)
    return text


def _wrong(name: str, param: Param, raw: object) -> ParameterError:
    unit = f" in {param.unit}" if param.unit else ""
    return ParameterError(
        f"`{name}` = {raw!r} is not {_KINDS[param.type]}",
        hint=f"give {_KINDS[param.type]}{unit}",
        code="E303",
    )
