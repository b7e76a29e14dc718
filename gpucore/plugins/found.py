"""Finds the plugins that are installed, in a fixed order, without importing any of them.

It reads the ``entry_points.txt`` files themselves: importing `importlib.metadata` takes longer than
all the rest of it. What lies in no folder (an archive, another finder's) is left to that.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial, reduce
from importlib import import_module
from importlib.machinery import PathFinder
from typing import TypeAlias

from gpucore.errors import PluginError

__all__ = [
    "CORE",
    "GROUP",
    "Found",
    "canonical",
    "find_plugins",
    "load_reference",
    "search_path",
]

GROUP = "gpucore"
CORE = "gpucore-framework"

_REFERENCE = r"(?P<module>\w+(\.\w+)*)\s*(:\s*(?P<object>\w+(\.\w+)*)\s*)?(\[.*\]\s*)?"
_INFO = (".dist-info", ".egg-info")

_Read: TypeAlias = Callable[[str], "str | None"]
"""Returns the text of a distribution's file of metadata; None when there is none."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A plugin that was found and not yet loaded.

    Parameters
    ----------
    name, distribution, version, module : str
        As for `LoadedPlugin`.
    load : callable
        Imports it and returns the object; raises whatever the plugin raises.
    """

    name: str
    distribution: str
    version: str
    module: str
    load: Callable[[], object]

    @property
    def key(self) -> str:
        """What no two plugins share."""
        return f"{canonical(self.distribution)}:{self.name}"

    @property
    def is_core(self) -> bool:
        """Whether it is gpucore's own."""
        return canonical(self.distribution) == CORE

    def is_named(self, names: Iterable[str]) -> bool:
        """Whether one of the names is its own, its distribution's, or both with a colon."""
        mine = {self.name, canonical(self.distribution), self.key}
        return any(name in mine or canonical(name) in mine for name in names)

    def names_within(self, names: Iterable[str]) -> set[str]:
        """Return which of the names may be of something that it offers, distributions left out."""
        return {
            of_it
            for distribution, colon, of_it in (name.rpartition(":") for name in names)
            if not colon or canonical(distribution) == canonical(self.distribution)
        }


def canonical(name: str) -> str:
    """Return the form in which two spellings of a distribution's name are the same."""
    return re.sub(r"[-_.]+", "-", name).lower()


def search_path() -> list[str]:
    """Return where distributions are looked for."""
    return sys.path


def find_plugins() -> list[Found]:
    """Return what is installed: gpucore's own first, then by distribution, then by name.

    A distribution that is found twice (an editable install and what a wheel left behind) counts
    once: the first on ``sys.path``, which is the one that Python imports.
    """
    found: dict[str, Found] = {}
    for read in _distributions(search_path()):
        for plugin in _plugins_of(read):
            found.setdefault(plugin.key, plugin)
    return sorted(
        found.values(),
        key=lambda one: (not one.is_core, canonical(one.distribution), one.name),
    )


def load_reference(text: str) -> object:
    """Import what ``module`` or ``module:object`` names.

    Raises
    ------
    PluginError
        When the text names no module.
    BaseException
        Whatever the import raises.
    """
    said = re.fullmatch(_REFERENCE, text)
    if said is None:
        raise PluginError(
            f"its entry point names `{text}`, which is no module",
            hint="write `name = module` or `name = module:object`",
            code="E452",
        )
    module: object = import_module(said["module"])
    return reduce(getattr, said["object"].split(".") if said["object"] else (), module)


def _distributions(path: list[str]) -> Iterator[_Read]:
    """Yield how the metadata of each installed distribution is read."""
    for place in path:
        try:
            names = sorted(os.listdir(place or "."))  # noqa: PTH208 - a hundred Paths are not free
        except NotADirectoryError:
            yield from _foreign(PathFinder, [place])
            continue
        except (OSError, ValueError):
            continue  # nobody imports anything from there
        yield from (_reader(os.path.join(place, name)) for name in names if name.endswith(_INFO))  # noqa: PTH118 - as above
    for finder in sys.meta_path:
        if finder is not PathFinder and hasattr(finder, "find_distributions"):
            yield from _foreign(finder, path)


def _foreign(finder: object, path: list[str]) -> Iterator[_Read]:
    """Yield the distributions that lie in no folder."""
    from importlib.metadata import DistributionFinder  # noqa: PLC0415 - 20 ms, and seldom needed

    context = DistributionFinder.Context(path=path)
    find: Callable[[object], Iterable[object]] = getattr(finder, "find_distributions")  # noqa: B009 - no type has it
    yield from (getattr(one, "read_text") for one in find(context))  # noqa: B009 - as above


def _reader(folder: str) -> _Read:
    def read(name: str) -> str | None:
        try:
            with open(f"{folder}/{name}", encoding="utf-8") as file:  # noqa: PTH123 - as above
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    return read


def _plugins_of(read: _Read) -> list[Found]:
    """Return a distribution's plugins; one that cannot be read is one that cannot be loaded."""
    try:
        text = read("entry_points.txt")
    except (OSError, ValueError):
        return []  # nobody can say that it was meant for us
    # Reading a distribution's metadata is slow, and few of hundreds have plugins for us.
    if not text or f"[{GROUP}]" not in text:
        return []
    name, version = _identity(read)
    plugins = []
    for point, value in _points(text):
        if not value:
            reason = f"its entry_points.txt cannot be read: `{point}` has no value"
            return [_unreadable(name, version, reason)]
        plugins.append(
            Found(
                name=point,
                distribution=name,
                version=version,
                module=value,
                load=partial(load_reference, value),
            )
        )
    return plugins


def _points(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each entry point of our group."""
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group == GROUP and line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _identity(read: _Read) -> tuple[str, str]:
    """Return name and version; what the metadata does not say is ``?``."""
    said = {"Name": "", "Version": ""}
    try:
        lines = (read("METADATA") or read("PKG-INFO") or "").splitlines()
    except (OSError, ValueError):
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if not line or all(said.values()):
            break  # the description follows
        if key in said:
            said[key] = said[key] or value.strip()
    return said["Name"] or "?", said["Version"] or "?"


def _unreadable(name: str, version: str, reason: str) -> Found:
    def load() -> object:
        raise PluginError(reason, hint="write `name = module` below [gpucore]", code="E452")

    return Found(
        name="entry_points.txt",
        distribution=name,
        version=version,
        module="",
        load=load,
    )
