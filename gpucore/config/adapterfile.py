"""An adapter as a TOML file: the same fields and the same checks as in Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.config.rest import all_told, build_rest
from gpucore.config.toml import read_toml
from gpucore.errors import raise_faults
from gpucore.standard.adapter import Adapter
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.config.places import KeyPath
    from gpucore.config.toml import TomlFile

__all__ = ["check_adapter", "read_adapter"]


def read_adapter(path: Path) -> Adapter:
    """Return the adapter that a TOML file describes.

    Raises
    ------
    ConfigError, Faults
        Whatever is wrong with it, each fault with file, line and key.
    """
    return check_adapter(read_toml(path))


def check_adapter(file: TomlFile) -> Adapter:
    """Return the adapter that a parsed file describes.

    Raises
    ------
    ConfigError, Faults
        Whatever is wrong with it, each fault with file, line and key.
    """
    adapter, form = build_rest(Adapter, file)
    try:
        faults = adapter_faults(adapter)
    except (RecursionError, OverflowError):
        raise file.fault(
            (), "one of its patterns is too large", "write shorter regular expressions", code="E409"
        ) from None
    if form:  # of a command that lacks something an example is not true, and no fault of its own
        faults = [one for one in faults if not one.where.startswith("example[")]
    keys = [_key_path(file.data, fault.where) for fault in faults]
    placed = [
        file.fault(key, one.what, one.hint, code=one.code)
        for key, one in zip(keys, faults, strict=True)
    ]
    raise_faults(all_told(form, placed))
    return adapter


def _key_path(data: object, text: str) -> KeyPath:
    """Return the key path that a check's text means: the data says where a key with dots ends."""
    path: list[str | int] = []
    while text:
        text = text.removeprefix(".")
        key: str | int
        if isinstance(data, dict):
            fitting = [one for one in data if f"{text}.".startswith((f"{one}.", f"{one}["))]
            key = max(fitting, key=len, default=text.partition(".")[0])
            text = text[len(key) :]
            data = data.get(key)
        else:
            number, bracket, rest = text.removeprefix("[").partition("]")
            if not bracket or not number.isdecimal() or not isinstance(data, list):
                break
            key, text = int(number), rest
            data = data[key] if key < len(data) else None
        path.append(key)
    return tuple(path)
