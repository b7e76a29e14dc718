"""Finds the plugins that are installed, in a fixed order, without importing any of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.errors import PluginError

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

__all__ = ["CORE", "GROUP", "Found", "canonical", "find_plugins"]

GROUP = "gpucore"
CORE = "gpucore-framework"


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


def canonical(name: str) -> str:
    """Return the form in which two spellings of a distribution's name are the same."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_plugins() -> list[Found]:
    """Return what is installed: gpucore's own first, then by distribution, then by name.

    A distribution that is found twice (an editable install and what a wheel left behind) counts
    once: the first on ``sys.path``, which is the one that Python imports.
    """
    from importlib.metadata import distributions  # noqa: PLC0415 - 30 ms, and only to look for plugins

    found: dict[str, Found] = {}
    for distribution in distributions():
        for plugin in _plugins_of(distribution):
            found.setdefault(plugin.key, plugin)
    return sorted(
        found.values(),
        key=lambda one: (not one.is_core, canonical(one.distribution), one.name),
    )


def _plugins_of(distribution: Distribution) -> list[Found]:
    """Return a distribution's plugins; one that cannot be read is one that cannot be loaded."""
    try:
        text = distribution.read_text("entry_points.txt")
    except (OSError, ValueError):
        return []  # nobody can say that it was meant for us
    # Reading a distribution's metadata is slow, and few of hundreds have plugins for us.
    if not text or f"[{GROUP}]" not in text:
        return []
    name, version = _identity(distribution)
    try:
        points = [point for point in distribution.entry_points if point.group == GROUP]
    except Exception as error:  # noqa: BLE001 - a file that somebody wrote by hand
        reason = f"its entry_points.txt cannot be read: {type(error).__name__}: {error}"
        return [_unreadable(name, version, reason)]
    return [
        Found(
            name=point.name,
            distribution=name,
            version=version,
            module=point.value,
            load=_loader(point),
        )
        for point in points
    ]


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Return name and version; what the metadata does not say is ``?``."""
    try:
        metadata = distribution.metadata
        return metadata["Name"] or "?", metadata["Version"] or "?"
    except Exception:  # noqa: BLE001 - metadata that is gone: each Python raises something else
        return "?", "?"


def _loader(point: EntryPoint) -> Callable[[], object]:
    def load() -> object:
        if not point.pattern.match(point.value):
            raise PluginError(
                f"its entry point names `{point.value}`, which is no module",
                hint="write `name = module` or `name = module:object`",
            )
        return point.load()

    return load


def _unreadable(name: str, version: str, reason: str) -> Found:
    def load() -> object:
        raise PluginError(reason, hint="write `name = module` below [gpucore]")

    return Found(
        name="entry_points.txt",
        distribution=name,
        version=version,
        module="",
        load=load,
    )
