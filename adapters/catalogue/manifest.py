"""The manifest of gpucore's own adapters, from the modules themselves."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules, walk_packages
from typing import TYPE_CHECKING

import gpucore_adapters

from gpucore.errors import raise_faults
from gpucore.plugins import AdapterEntry, PluginHost
from gpucore.standard import Adapter

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["forgotten", "manifest_text", "offered"]

_PACKAGE = "gpucore_adapters."
_HEAD = ("name", "GPU", "executable", "module", "title")


def offered() -> list[tuple[str, Adapter]]:
    """Return each module with each adapter that it offers; by module, in the module's order.

    Raises
    ------
    GpucoreError
        When a module cannot be imported, or an adapter contradicts itself or repeats a name.
    """
    found = sorted(one.name for one in iter_modules(gpucore_adapters.__path__, _PACKAGE))
    modules = {name: import_module(name) for name in found if not name.endswith("__main__")}
    plugins = {name: one for name, one in modules.items() if hasattr(one, "gpucore_adapters")}
    host = PluginHost.load(extra=plugins, installed=False)
    raise_faults(one.error(f"the module `{one.name}`") for one in host.quarantine)
    return [(one.name, host.adapter(name)) for one in host.plugins for name in one.adapters]


def manifest_text(adapters: Iterable[tuple[str, Adapter]]) -> str:
    """Return the manifest's text, its lines in order of name."""
    lines = ["\t".join(_HEAD)]
    for module, adapter in sorted(adapters, key=lambda one: one[1].name):
        entry = AdapterEntry.of(adapter, module)
        fields = (entry.name, entry.use.value, entry.executable, entry.module, entry.title)
        if any(not field.isprintable() for field in fields):
            raise ValueError(f"a field of `{entry.name}` cannot stand in a line: {fields!r}")
        lines.append("\t".join(fields))
    return "\n".join(lines) + "\n"


def forgotten(adapters: Iterable[tuple[str, Adapter]]) -> list[str]:
    """Return where an adapter is written that no module offers."""
    known = {id(adapter) for _, adapter in adapters}
    return [
        f"{module.name}.{name}"
        for module in walk_packages(gpucore_adapters.__path__, _PACKAGE)
        if not module.name.endswith("__main__")
        for name, value in vars(import_module(module.name)).items()
        if isinstance(value, Adapter) and id(value) not in known
    ]
