"""What an executor is opened with: settings, plugins, devices, folders."""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.config import SiteConfig, load_site
from gpucore.errors import ConfigError, GpucoreError, did_you_mean, raise_faults
from gpucore.plugins import PluginHost
from gpucore.provision import Provision, provide
from gpucore.registry import add_adapters, open_plugins
from gpucore.running import Surroundings
from gpucore.standard.adapter import Adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


__all__ = ["Settings", "read_settings", "surroundings"]

_SHARING = ("adapter", "repeat", "never")
# Its values are checked just before it is called, which the type of `replace` cannot know.
_REPLACE: Callable[..., SiteConfig] = replace


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
    *,
    config: SiteConfig | str | os.PathLike[str] | None = None,
    root: str | os.PathLike[str] | None = None,
    adapters: Iterable[Adapter | str | os.PathLike[str]] = (),
    plugins: PluginHost | None = None,
    **changes: object,
) -> Settings:
    """Return the settings of a run.

    Parameters
    ----------
    config : SiteConfig or path
        The site's settings, or a file that counts above the site's own.
    root : path
        The working directory by default.
    adapters : iterable
        Adapters beside the installed ones.
    plugins : PluginHost
        What was loaded already.
    **changes
        Settings of the run by their name in ``gpucore.toml``; None: the site's.

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
    given_changes = {name: value for name, value in changes.items() if value is not None}
    raise_faults(_change_faults(given_changes))
    changed: SiteConfig = _REPLACE(config, **given_changes)
    plugins = plugins or open_plugins(changed)
    add_adapters(plugins, [one if isinstance(one, Adapter) else Path(one) for one in adapters])
    return Settings(config=changed, plugins=plugins, root=folder, environment=environment)


def surroundings(settings: Settings, output: str | None) -> Surroundings:
    """Make the folder of a run; return what all its steps have in common.

    Parameters
    ----------
    output : str or None
        The run's logs lie below it, in ``.gpucore``; None: in a temporary folder.

    Raises
    ------
    ConfigError
        When the folder cannot be written.
    """
    run = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    try:
        if output is None:
            base = Path(tempfile.mkdtemp(prefix="gpucore-"))
        else:
            base = settings.root / output / ".gpucore"
        folder = _new_folder(base / "runs", run)
        (folder / "log").mkdir()
    except OSError as error:
        raise ConfigError(
            f"the output folder `{output}` cannot be written ({error.strerror})",
            hint="give another: `-o DIR`, output = …",
        ) from error
    config = settings.config
    return Surroundings(
        run=folder.name,
        root=settings.root,
        folder=folder,
        environment=settings.environment,
        executables={},
        settings={name: one.env for name, one in config.program.items()},
        isolate=config.isolate,
    )


def _change_faults(changes: Mapping[str, object]) -> list[GpucoreError]:
    faults: list[GpucoreError] = []
    threads = changes.get("threads", 1)
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        faults.append(
            ConfigError(f"threads = {threads!r} is no number of threads", hint="1 or more")
        )
    sharing = changes.get("sharing", "adapter")
    if sharing not in _SHARING:
        faults.append(
            ConfigError(
                f"sharing = {sharing!r} is not known", hint=did_you_mean(str(sharing), _SHARING)
            )
        )
    faults.extend(
        ConfigError(f"{name} = {changes[name]!r} is no text", hint=f'write {name} = "…"')
        for name in ("gpus", "devices", "policy", "engine")
        if not isinstance(changes.get(name, ""), str)
    )
    return faults


def _new_folder(base: Path, run: str) -> Path:
    """Return a folder that no other run has, not even one of the same second."""
    for place in itertools.count():
        folder = base / (f"{run}.{place}" if place else run)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("counting ended")
