"""Everything that plugins offer to one executor, gpucore's own parts among them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.engines import LOCAL
from gpucore.errors import ConfigError, GpucoreError, raise_faults
from gpucore.plugins import PluginHost, hookimpl
from gpucore.scheduling.policies import MEMORY, POOL, SLOTS, Policy
from gpucore.standard.adapter import Adapter
from gpucore.system.amd import AMD
from gpucore.system.nvml import NVML
from gpucore.system.simulated import SIMULATED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpucore.config import SiteConfig
    from gpucore.plugins import DeviceSource, EngineSpec

__all__ = ["add_adapters", "open_plugins"]


class _Core:
    """What gpucore itself offers, by the hooks that a third party would use."""

    __name__ = "gpucore"

    @hookimpl
    def gpucore_device_sources(self) -> Sequence[DeviceSource]:
        return (NVML, AMD, SIMULATED)

    @hookimpl
    def gpucore_policies(self) -> Sequence[Policy]:
        return (SLOTS, POOL, MEMORY)

    @hookimpl
    def gpucore_engines(self) -> Sequence[EngineSpec]:
        return (LOCAL,)


def open_plugins(config: SiteConfig) -> PluginHost:
    """Load what is installed and what the site's configuration adds.

    Parameters
    ----------
    config : SiteConfig
        Names plugins that are not wanted, and adapter files.

    Raises
    ------
    GpucoreError
        For faults in adapter files; a plugin's fault puts it in quarantine instead.
    """
    plugins = PluginHost.load(builtin=[_Core()], disable=config.plugins.disable)
    add_adapters(plugins, config.adapters)
    return plugins


def add_adapters(plugins: PluginHost, adapters: Iterable[Adapter | str | Path]) -> None:
    """Add adapters that come without packaging: values, TOML files, or folders of these.

    Raises
    ------
    ConfigError, AdapterError, Faults
        For every file that is no adapter, or repeats a name.
    """
    faults: list[GpucoreError] = []
    for one in adapters:
        try:
            if isinstance(one, Adapter):
                plugins.add_adapter(one, "given by the host")
                continue
            for path in _files(Path(one)):
                _add_file(plugins, path)
        except GpucoreError as fault:
            faults.append(fault)
    raise_faults(faults)


def _add_file(plugins: PluginHost, path: Path) -> None:
    # pydantic is only needed, and only imported, when there is a file to be checked.
    from gpucore.config import read_adapter  # noqa: PLC0415

    plugins.add_adapter(read_adapter(path), str(path))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.glob("*.toml"))
    if not path.exists():
        raise ConfigError(
            f"there is no adapter file `{path}`",
            hint="give a TOML file, or a folder of them",
            code="E201",
        )
    return [path]
