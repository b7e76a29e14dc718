"""The settings of a site, put together from every place that may say them; later wins."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from gpucore.config.environment import read_environment
from gpucore.config.programs import contradictions, merged, program_faults
from gpucore.config.rest import all_told, build_rest
from gpucore.config.settings import ProgramConfig, SiteConfig
from gpucore.config.toml import FileError, TomlFile, read_toml
from gpucore.errors import ConfigError, GpucoreError, raise_faults
from gpucore.standard.gpulist import parse_gpu_list
from gpucore.standard.memory import parse_memory

__all__ = ["FILE_NAME", "SYSTEM_FILE", "Site", "check_site", "load_site"]

FILE_NAME = "gpucore.toml"
SYSTEM_FILE = Path("/etc/gpucore") / FILE_NAME


@dataclass(frozen=True, kw_only=True)
class Site:
    """Settings, and where each comes from.

    Parameters
    ----------
    config : SiteConfig
        The settings; paths of adapters are absolute.
    origins : Mapping[str, str]
        For each key (``gpus``, ``program.gctf.executable``, ``program.gctf.env.TMPDIR``) what said
        it: ``/etc/gpucore/gpucore.toml:3``, ``environment GPUCORE_GPUS`` or ``built-in``.
    files : tuple of Path
        The files that were read, the strongest last.
    """

    config: SiteConfig
    origins: Mapping[str, str]
    files: tuple[Path, ...]


def load_site(
    given: Path | None, environ: Mapping[str, str], cwd: Path, *, system: Path = SYSTEM_FILE
) -> Site:
    """Return the settings that hold here.

    Built-in values, then the system's file, the user's (``$XDG_CONFIG_HOME/gpucore/gpucore.toml``),
    the project's (``gpucore.toml`` in ``cwd`` or the nearest folder above it, up to the home
    folder or the root), the file given, and ``GPUCORE_*``; later wins. Tables in ``[program]`` are
    merged by key, their ``env`` by variable, their ``container`` by key.

    Parameters
    ----------
    given : Path or None
        The file that the user names; it must be there.
    environ : Mapping
        The environment.
    cwd : Path
        The working directory.
    system : Path
        The system's file.

    Raises
    ------
    ConfigError, Faults
        What is wrong in any of these places, all of it.
    """
    layers = _Merged()
    faults: list[GpucoreError] = []
    for path in _paths(given, environ, cwd, system):
        try:
            if path != given:
                _refuse_planted(path)
            file = read_toml(path)
            layers.add(file, check_site(file))
        except GpucoreError as error:
            faults.append(error)
    settings, wrong = read_environment(environ, cwd)
    wrong += contradictions(layers.config.program, layers.origins)
    raise_faults([*faults, *wrong])
    for key, value in settings.items():
        layers.take(key, value, f"environment GPUCORE_{key.upper()}")
    return Site(config=layers.config, origins=layers.origins, files=tuple(layers.files))


def check_site(file: TomlFile) -> SiteConfig:
    """Return the settings that one parsed file says, paths as they stand there.

    Raises
    ------
    ConfigError, Faults
        Whatever is wrong with it, each fault with file, line and key.
    """
    config, form = build_rest(SiteConfig, file)
    faults: list[FileError] = []
    for key, parse in (("gpus", parse_gpu_list), ("memory_reserve", parse_memory)):
        try:
            parse(getattr(config, key))
        except GpucoreError as error:
            faults.append(file.fault((key,), error.what, error.hint, code=error.code))
    if config.threads is not None and config.threads < 1:
        faults.append(
            file.fault(("threads",), f"{config.threads} threads are none", "1 or more", code="E209")
        )
    if not 0 <= config.watch < float("inf"):
        what = f"{config.watch} is no number of seconds between two looks at the GPUs"
        faults.append(file.fault(("watch",), what, "2.0, or 0 for none", code="E209"))
    faults += program_faults(file, config.program)
    raise_faults(all_told(form, faults))
    return config


@dataclass(kw_only=True)
class _Merged:
    """The settings of the places seen so far."""

    config: SiteConfig = field(default_factory=SiteConfig)
    origins: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        for one in fields(SiteConfig):
            if one.name not in {"program", "plugins"}:
                self.origins[one.name] = "built-in"
        self.origins["plugins.disable"] = "built-in"

    def take(self, key: str, value: Any, origin: str) -> None:
        """Let one setting win."""
        self.config = replace(self.config, **{key: value})
        self.origins[key] = origin

    def add(self, file: TomlFile, config: SiteConfig) -> None:
        """Let what a file says win."""
        self.files.append(file.path)
        for key in file.data:
            if key == "program":
                self._add_programs(file, config)
            elif key == "plugins":
                if _says(file, "plugins", "disable"):
                    self.config = replace(self.config, plugins=config.plugins)
                    self.origins["plugins.disable"] = _origin(file, "plugins", "disable")
            elif key == "adapters":
                folder = file.path.absolute().parent
                paths = tuple(str(folder / one) for one in config.adapters)
                self.take(key, paths, _origin(file, key))
            else:
                self.take(key, getattr(config, key), _origin(file, key))

    def _add_programs(self, file: TomlFile, config: SiteConfig) -> None:
        programs = dict(self.config.program)
        for name, new in config.program.items():
            old = programs.get(name, ProgramConfig())
            programs[name], keys = merged(old, new, partial(_says, file, "program", name))
            for key in keys:
                where = _origin(file, "program", name, *key)
                self.origins[".".join(("program", name, *key))] = where
        self.config = replace(self.config, program=programs)


def _says(file: TomlFile, *key: str) -> bool:
    data: object = file.data
    for one in key:
        if not isinstance(data, Mapping) or one not in data:
            return False
        data = data[one]
    return True


def _origin(file: TomlFile, *key: str) -> str:
    return f"{file.path}:{file.place(key).line}"


def _paths(
    given: Path | None, environ: Mapping[str, str], cwd: Path, system: Path
) -> list[Path]:  # fmt: skip
    """Return the files there are, the weakest first, each once."""
    home = environ.get("HOME", "")
    settings = environ.get("XDG_CONFIG_HOME", "")
    if not settings.startswith("/"):  # the XDG specification: a relative one is to be ignored
        settings = f"{home}/.config" if home else ""
    found = [system] if _is_there(system) else []
    if settings and _is_there(user := Path(settings) / "gpucore" / FILE_NAME):
        found.append(user)
    if project := _project_file(cwd, Path(home) if home else None):
        found.append(project)
    if given is not None:
        found.append(given)
    last = {os.path.realpath(path): path for path in found}
    return [path for path in found if last[os.path.realpath(path)] is path]


def _project_file(cwd: Path, home: Path | None) -> Path | None:
    end = os.path.realpath(home) if home else ""
    for folder in (cwd, *cwd.parents):
        if _is_there(folder / FILE_NAME):
            return folder / FILE_NAME
        if os.path.realpath(folder) == end:  # a home folder is often a symbolic link
            break
    return None


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (OSError, ValueError):
        return False
    return True


def _refuse_planted(path: Path) -> None:
    """Refuse a file that was found, not given, and that a stranger may have laid there.

    In a folder where everyone may write (``/tmp``) anyone can leave a file that says what is run.
    """
    try:
        open_to_all = path.parent.stat().st_mode & stat.S_IWOTH
        owners = {path.lstat().st_uid}  # a link is whose it is, whatever it leads to
        owners.add(path.stat().st_uid)
    except OSError:
        return  # reading it says what is wrong
    if open_to_all and owners - {0, os.geteuid()}:
        raise ConfigError(
            "another user has put this file into a folder where everyone may write",
            hint=f"if you trust it: --config {path}; otherwise work in another folder",
            where=str(path),
            code="E203",
        )
