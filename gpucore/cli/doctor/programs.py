"""Programs and plugins: what the configuration names, and what is found beside it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.cli.doctor.checking import for_each
from gpucore.errors import GpucoreError, did_you_mean
from gpucore.inspection import check_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.cli.doctor.checking import Notes
    from gpucore.inspection import ProgramCheck
    from gpucore.plugins import PluginHost
    from gpucore.settings import Settings

__all__ = ["found_programs", "look_at_plugins", "look_at_programs"]

_AT_ONCE = 8
_GENERIC = frozenset({"bash", "env", "java", "matlab", "mpirun", "python", "python3", "sh"})
"""What starts any program: that it is there says nothing of the one that is wanted."""


def found_programs(
    plugins: PluginHost, environment: Mapping[str, str]
) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the programs that are found without being told where: path and adapters, by name.

    No adapter is imported for it, and no program started.
    """
    adapters: dict[str, list[str]] = {}
    for name in sorted(plugins.adapters):
        adapters.setdefault(plugins.entry(name).executable, []).append(name)
    path = os.pathsep.join((environment.get("PATH", os.defpath), str(Path(sys.executable).parent)))
    return {
        executable: (found, tuple(names))
        for executable, names in sorted(adapters.items())
        if executable not in _GENERIC and (found := shutil.which(executable, path=path))
    }


def look_at_programs(settings: Settings, notes: Notes) -> None:
    """Ask the programs that the configuration names, and those that are found, for their versions.

    Programs that nobody has told of, and that are not found, are no complaint.
    """
    plugins, sites = settings.plugins, settings.config.program
    named = [name for name in sites if _is_known(name, settings, notes)]
    found = found_programs(plugins, settings.environment)
    asked = {names[0]: names for _, names in found.values() if not set(names) & set(named)}
    for name in named:
        asked[name] = (name,)

    def ask(name: str) -> ProgramCheck | GpucoreError:
        try:
            adapter = plugins.adapter(name)
        except GpucoreError as error:  # `plugins` tells of it
            return error
        return check_program(adapter, sites.get(name), settings.environment)

    rows = notes.facts["programs"] = []
    for (name, names), one in zip(
        asked.items(), for_each(ask, asked, at_once=_AT_ONCE), strict=True
    ):
        if isinstance(one, GpucoreError):
            continue
        rows.append(
            {
                "adapters": list(names),
                "found": one.found,
                "program": one.program,
                "how": one.how,
                "version": one.version,
                "note": one.note,
            }
        )
        if name in named and not one.found:
            notes.wrong(f"{name}: {one.note}", one.hint)


def look_at_plugins(settings: Settings, notes: Notes) -> None:
    """Import and prove all that plugins offer, and tell what cannot be used."""
    plugins = settings.plugins
    plugins.load_adapters()
    notes.facts["plugins"] = [
        {"name": one.name, "distribution": one.distribution, "version": one.version}
        for one in plugins.plugins
    ]
    notes.facts["disabled"] = list(plugins.disabled)
    for bad in plugins.quarantine:
        what = "the adapter" if bad.alone else "the plugin"
        where = f" ({bad.file})" if bad.file else ""
        leave = f'or leave it out: plugins.disable = ["{bad.name}"]'
        notes.wrong(
            f"{what} `{bad.name}` of {bad.origin} is not used: {bad.reason}{where}",
            f"pip install --upgrade {bad.distribution}; {f'{bad.hint}; ' if bad.hint else ''}"
            f"{leave}",
        )


def _is_known(name: str, settings: Settings, notes: Notes) -> bool:
    known = settings.plugins.adapters
    if name in known:
        return True
    notes.note(
        f"the configuration has a table [program.{name}], and no adapter is called so",
        did_you_mean(name, known, listed="`gpucore adapters`"),
    )
    return False
