"""What an executor is opened with: settings, plugins, devices, folders."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpucore.config import SiteConfig, load_site
from gpucore.holding import RunLeases
from gpucore.plugins import PluginHost
from gpucore.provision import Provision, provide
from gpucore.record import RunRecord
from gpucore.registry import add_adapters, open_plugins
from gpucore.running import Surroundings
from gpucore.standard.adapter import Adapter
from gpucore.standard.model import Noted, RunStarted
from gpucore.system.folders import RunFolder
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gpucore.standard.model import Event


__all__ = ["Settings", "begin", "read_settings", "surroundings"]

_RUNS = itertools.count(1)


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
        config = self.config
        return provide(
            self.plugins,
            gpus=config.gpus,
            threads=config.threads,
            devices=config.devices,
            policy=config.policy,
            sharing=config.sharing,
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


def surroundings(settings: Settings, output: str | None) -> Surroundings:
    """Return what all steps of a run have in common; its folder is made when it is used.

    Parameters
    ----------
    output : str or None
        The run's logs lie below it, in ``.gpucore``; None: in a temporary folder.
    """
    # Two runs of one process in one second still have names of their own.
    run = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{next(_RUNS)}"
    config = settings.config
    return Surroundings(
        run=run,
        root=settings.root,
        folder=RunFolder(None if output is None else settings.root / output, run),
        environment=settings.environment,
        startups={},
        isolate=config.isolate,
    )


def begin(
    around: Surroundings,
    settings: Settings,
    provision: Provision,
    *,
    output: str | None,
    resume: bool,
    tell: Callable[[Event], None],
) -> None:
    """Make a run's folder, open its journal, and find where its leases lie: before its first step.

    Raises
    ------
    GpucoreError
        When the folder cannot be written, another run writes the journal, or the lease directory
        cannot be trusted.
    """

    def note(text: str) -> None:
        tell(Noted(run=around.run, text=text))

    if provision.units and settings.config.leases == "machine":
        told = settings.config.lease_directory
        directory = find_lease_directory(around.environment, configured=told)
        uuids = [device.uuid for device in provision.devices]
        shares = dict.fromkeys(uuids, settings.config.shares)
        around.leases = RunLeases(Leases(directory, shares=shares))
    around.folder.make()
    if output is not None:
        around.record = RunRecord(
            settings.root / output,
            around.run,
            around.environment,
            resume=resume,
            on_trouble=note,
        )
    tell(
        RunStarted(
            run=around.run,
            devices=provision.devices,
            slots=tuple(unit.devices for unit in provision.units),
            workers=provision.workers,
        )
    )
    for text in around.record.notes if around.record is not None else ():
        note(text)
