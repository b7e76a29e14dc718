"""The settings of a run, read from all that says them, with what they name loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpucore.config import SiteConfig, load_site
from gpucore.plugins import PluginHost
from gpucore.registry import add_adapters, open_plugins
from gpucore.standard.adapter import Adapter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.provision import Provision

__all__ = ["Settings", "read_settings"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of a run, with what they name loaded.

    Parameters
    ----------
    config : SiteConfig
        The site's settings and, above them, those of the run.
    plugins : PluginHost
        What is installed and what was given.
    root : Path
        Relative paths are below it.
    environment : Mapping
        A copy of the host's; programs inherit it.
    """

    config: SiteConfig
    plugins: PluginHost
    root: Path
    environment: Mapping[str, str]

    @property
    def may_share(self) -> bool:
        """Whether every program may share a GPU, whatever its adapter says."""
        return self.config.sharing == "repeat"

    def provide(self, *, machine_needed: bool = True) -> Provision:
        """Return the devices and workers; see `gpucore.provision.provide`."""
        # What runs nothing needs no devices.
        from gpucore.provision import provide  # noqa: PLC0415

        config = self.config
        return provide(
            self.plugins,
            gpus=config.gpus,
            threads=config.threads,
            devices=config.devices,
            policy=config.policy,
            sharing=config.sharing,
            foreign=config.foreign or "",
            memory_reserve=config.memory_reserve,
            environment=self.environment,
            machine_needed=machine_needed,
        )


def read_settings(
    changes: Mapping[str, Any],
    *,
    config: SiteConfig | str | os.PathLike[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    adapters: Iterable[Adapter | str | os.PathLike[str]] = (),
    plugins: PluginHost | None = None,
) -> Settings:
    """Return the settings of a run.

    Parameters
    ----------
    changes : Mapping
        Settings of the run by their name in ``gpucore.toml``; None: the site's.
    config : SiteConfig or path
        The site's settings, or a file that counts above the site's own.
    root : path
        The working directory by default.
    adapters : iterable
        Adapters beside the installed ones.
    plugins : PluginHost
        What was loaded already.

    Raises
    ------
    GpucoreError
        For every fault in settings, files and adapters.
    """
    environment = dict(os.environ)
    folder = Path(root).absolute() if root else Path.cwd()
    if not isinstance(config, SiteConfig):
        given = Path(config) if config is not None else None
        config = load_site(given, environment, folder).config
    changed = config.with_changes(**changes)
    plugins = plugins or open_plugins(changed)
    add_adapters(plugins, [one if isinstance(one, Adapter) else Path(one) for one in adapters])
    return Settings(config=changed, plugins=plugins, root=folder, environment=environment)
