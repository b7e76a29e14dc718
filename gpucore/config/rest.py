"""What is left of a file without what is wrong with its form, so that all its faults are told."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from gpucore.config.check import build
from gpucore.config.toml import FileError, TomlFile
from gpucore.errors import Faults, GpucoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.config.places import KeyPath

__all__ = ["all_told", "build_rest"]

_Checked = TypeVar("_Checked")


def build_rest(kind: type[_Checked], file: TomlFile) -> tuple[_Checked, tuple[FileError, ...]]:
    """Return what `build` does, without the keys that are wrong; and what is wrong with them.

    Parameters
    ----------
    kind : type
        As for `build`.
    file : TomlFile
        The file.

    Raises
    ------
    ConfigError, Faults
        All that is wrong with the form, when nothing is left that could be looked at further.
    """
    try:
        return build(kind, file), ()
    except GpucoreError as error:
        found = error.errors if isinstance(error, Faults) else (error,)
        faults = tuple(one for one in found if isinstance(one, FileError) and one.path)
        if len(faults) < len(found):
            raise
        left = _less((), file.data, {_to_a_key(one.path) for one in faults})
        assert isinstance(left, dict)  # noqa: S101 - for the type checker
        try:
            return build(kind, replace(file, data=left)), faults
        except GpucoreError:
            raise error from None


def all_told(form: Collection[FileError], found: Iterable[FileError]) -> list[FileError]:
    """Return all faults of a file in its order.

    What was found in a table, or of the file as a whole, where something is wrong with the form may
    follow from that alone, and is left out.

    Parameters
    ----------
    form : collection of FileError
        What `build_rest` found.
    found : iterable of FileError
        What was found afterwards.
    """
    spoiled = {one.path[:2] for one in form} | ({()} if form else set())
    told = [*form, *(one for one in found if one.path[:2] not in spoiled)]
    return sorted(told, key=lambda one: one.place.line if one.place else 0)


def _to_a_key(path: KeyPath) -> KeyPath:
    """Return the path of the list whose element is meant, or of the key itself."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def _less(path: KeyPath, value: object, gone: Collection[KeyPath]) -> object:
    if isinstance(value, Mapping):
        return {
            key: _less((*path, key), one, gone)
            for key, one in value.items()
            if (*path, key) not in gone
        }
    if isinstance(value, list):
        return [_less((*path, place), one, gone) for place, one in enumerate(value)]
    return value
