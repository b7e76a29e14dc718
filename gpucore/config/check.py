"""TOML data to frozen dataclasses; every fault in our own words, with file, line and key.

Pydantic decides what is right and says where something is wrong; what is said there is said here.
It is imported with the first file that is read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import date, time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from gpucore.config.places import KeyPath, key_text
from gpucore.config.shapes import (
    Shape,
    branch,
    child,
    choices,
    described,
    is_table,
    is_union,
    keys_of,
    kind_of_value,
    shown,
)
from gpucore.config.toml import TomlFile
from gpucore.errors import did_you_mean, raise_faults

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from gpucore.config.toml import FileError

__all__ = ["MAX_TOLD", "build"]

MAX_TOLD = 100
"""Faults of one file that are told: who has more has given the wrong file."""

_BITS = 63
_UNKNOWN = {"unexpected_keyword_argument", "extra_forbidden"}
_Checked = TypeVar("_Checked")


def build(kind: type[_Checked], file: TomlFile) -> _Checked:
    """Return a file's data as a value of one of our dataclasses.

    Parameters
    ----------
    kind : type
        A frozen dataclass whose ``__pydantic_config__`` forbids unknown keys and is strict.
    file : TomlFile
        The file.

    Raises
    ------
    ConfigError, Faults
        Unknown and missing keys, wrong types and values, all of them.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - 60 ms that most imports do not need

    reader = _Reader(file=file)
    try:
        text = json.dumps(reader.prepared(kind, file.data, ()))
    except RecursionError:
        raise file.fault(
            (), "its values are nested too deeply", "write them flatter", code="E221"
        ) from None
    checked: _Checked | None = None
    try:
        checked = _type_adapter(kind).validate_json(text)
    except ValidationError as error:
        reader.read(kind, error.errors(include_url=False, include_context=False))
    raise_faults(reader.told())
    if checked is None:
        raise file.fault(
            (), "its values do not fit together", "look at the example in the docs", code="E221"
        )
    return checked


def _type_adapter(kind: type[_Checked]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - see `build`

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


_ADAPTERS: dict[object, TypeAdapter[Any]] = {}  # making one takes longer than reading a file


class _Fault(NamedTuple):
    code: str
    what: str
    hint: str
    known: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _Reader:
    """Collects the faults of one file, one for each key path."""

    file: TomlFile
    faults: dict[KeyPath, _Fault] = field(default_factory=dict)

    def prepared(self, shape: Shape | None, value: object, path: KeyPath) -> object:
        """Return data as JSON can say it, under the names of the dataclasses' fields."""
        known = branch(shape, value) if shape is not None else None
        if isinstance(value, dict):
            names = keys_of(known)
            return {
                names[key][0] if key in names else _no_field(known, key):
                self.prepared(child(known, key), one, (*path, key))
                for key, one in value.items()
            }  # fmt: skip
        if isinstance(value, list):
            return [
                self.prepared(child(known, place), one, (*path, place))
                for place, one in enumerate(value)
            ]
        if isinstance(value, (date, time)):
            self._add(path, "E207",
                      f"{_named(path)} = {value} is a date or a time, which no key here is",
                      f'for a text write it in quotes: "{value}"')  # fmt: skip
            return None
        if isinstance(value, bool) and choices(known) and str(value) not in choices(known):
            self._wrong(path, known, value)
            return None
        if isinstance(value, int) and value.bit_length() > _BITS:
            self._add(path, "E207", f"{_named(path)} is a number of {value.bit_length()} bits",
                      "a whole number has at most 64 bits")  # fmt: skip
            return None
        return value

    def read(self, kind: Shape, errors: list[Any]) -> None:
        """Add what pydantic has found; what it says of a union's other branches is left out."""
        for error in errors:
            place = self._follow(kind, error["loc"])
            if place is None:
                continue
            path, shape, value = place
            if any(path[:length] in self.faults for length in range(1, len(path) + 1)):
                continue
            if not error["loc"]:
                self._add((), "E221", "its values are nested too deeply", "write them flatter")
            elif error["type"] in _UNKNOWN:
                keys = tuple(keys_of(shape))
                hint = did_you_mean(_last(path), keys)
                self._add(path, "E204", f"unknown key `{_last(path)}`", hint, known=keys)
            elif error["type"] == "missing":
                self._missing(path, shape)
            else:
                self._wrong(path, shape, value)

    def told(self) -> list[FileError]:
        """Return the faults in the order of the file."""
        first = sorted(self.faults.items(), key=lambda one: self.file.place(one[0]).line)
        errors = [
            self.file.fault(path, one.what, one.hint, code=one.code, known=one.known)
            for path, one in first[:MAX_TOLD]
        ]
        if len(first) > MAX_TOLD:
            errors.append(
                self.file.fault(
                    (),
                    f"{len(first) - MAX_TOLD} more faults",
                    "mend these first: is it this file?",
                    code="E221",
                )
            )
        return errors

    def _follow(
        self, shape: Shape | None, loc: tuple[str | int, ...]
    ) -> tuple[KeyPath, Shape | None, object] | None:
        """Return key path, type and value for pydantic's place, which names branches of unions.

        None when it is in a branch that the value cannot mean.
        """
        path: KeyPath = ()
        value: object = self.file.data
        left = list(loc)
        while left:
            if is_union(shape):
                chosen = branch(shape, value)
                if chosen is None:
                    return path, shape, value
                if not _named_by(left.pop(0), chosen):
                    return None
                shape = chosen
                continue
            known = branch(shape, value)
            key = _toml_key(known, left.pop(0))
            below = child(known, key)
            inner = _at(value, key)
            path = (*path, key)
            if below is None or inner is _NOTHING:
                return path, known, inner
            shape, value = below, inner
        return path, shape, value

    def _missing(self, path: KeyPath, shape: Shape | None) -> None:
        name = _last(path)
        needed = child(shape, name)
        self._add(path, "E206", f"the key `{name}` is missing", f"give `{name}`"
                  + (f": {described(needed)}" if needed is not None else ""))  # fmt: skip

    def _wrong(self, path: KeyPath, shape: Shape | None, value: object) -> None:
        name = _named(path)
        known = branch(shape, value)
        if path == ("schema",) and isinstance(value, int):
            self._add(
                path,
                "E210",
                f"schema {value} is not one that this gpucore reads",
                f"write schema = {choices(known)[0]}, or install a newer gpucore",
            )
        elif isinstance(value, str) and choices(known):
            self._add(path, "E208", f"{name} cannot be {shown(value)}",
                      did_you_mean(value, choices(known)))  # fmt: skip
        else:
            said = f" = {shown(value)}" if not isinstance(value, (dict, list, bool)) else ""
            wanted = shape if known is None else known
            what = f"{name}{said} is {kind_of_value(value)}, not {described(wanted)}"
            self._add(path, "E207", what, _mend(path, wanted, value))

    def _add(
        self, path: KeyPath, code: str, what: str, hint: str, *, known: tuple[str, ...] = ()
    ) -> None:
        self.faults.setdefault(path, _Fault(code, what, hint, known))


_NOTHING = object()


def _at(value: object, key: str | int) -> object:
    if isinstance(value, dict):
        return value.get(key, _NOTHING)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return _NOTHING


def _no_field(table: Shape | None, key: str) -> str:
    """Return a key that TOML has no name for, so that it cannot be taken for a field's own name."""
    return f"{key}_" if table is not None and is_table(table) and key.endswith("_") else key


def _toml_key(table: Shape | None, key: str | int) -> str | int:
    ours = isinstance(key, str) and table is not None and is_table(table)
    return str(key)[:-1] if ours and str(key).endswith("_") else key


def _named_by(label: str | int, chosen: Shape) -> bool:
    """Say whether pydantic's label of a union's branch means this one."""
    return str(label).partition("[")[0] == getattr(chosen, "__name__", "")


def _last(path: KeyPath) -> str:
    return str(path[-1]) if path else ""


def _named(path: KeyPath) -> str:
    """Return the last key, with what element of it is meant: `argv[2]`."""
    start = max((place for place, key in enumerate(path) if isinstance(key, str)), default=0)
    return f"`{key_text(path[start:])}`"


def _mend(path: KeyPath, shape: Shape | None, value: object) -> str:
    wanted = described(shape)
    key = next((one for one in reversed(path) if isinstance(one, str)), "")
    if wanted == "a list of tables" and isinstance(value, dict):
        return f"write its header with two brackets: [[{key}]]"
    if wanted.startswith("a list") and not isinstance(value, (dict, list)):
        return f"put it into brackets: [{shown(value)}]"
    if wanted.startswith("a text") and isinstance(value, (int, float)):
        return f'write it in quotes: "{shown(value)}"'
    if isinstance(value, str) and _says(value, wanted):
        return f"write it without quotes: {value.strip().lower()}"
    return f"write {key} = {{ … }}" if wanted == "a table" else f"give {wanted}"


def _says(text: str, wanted: str) -> bool:
    """Say whether a text would be what is wanted, were it not for its quotes."""
    number = r"[+-]?[0-9]+" if wanted == "a whole number" else r"[+-]?[0-9]+(\.[0-9]+)?"
    if wanted == "true or false":
        return text.strip().lower() in {"true", "false"}
    return wanted.endswith("number") and re.fullmatch(number, text.strip()) is not None
