"""The whole of it: configuration first, then all else at once, as a run would find it."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpucore.cli.doctor.checking import Check, Notes, Result, carry_out
from gpucore.cli.doctor.secrets import LEFT_OUT, Censor, is_secret_name, shown_environment
from gpucore.config import Site, SiteConfig, load_site
from gpucore.config.told import told_settings
from gpucore.errors import GpucoreError
from gpucore.registry import open_plugins
from gpucore.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpucore.config.told import ToldSetting

__all__ = ["Examination", "examine", "setting_shown", "versions"]

_READING = 20.0
_DRIVER = 60.0
_PLACE = 10.0
_PROGRAMS = 60.0
_NETWORK = "look at its file system (`df`, `mount`): a file server may not answer"


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found.

    Parameters
    ----------
    time : float
        Seconds since the epoch.
    results : tuple of Result
        How each check ended.
    censor : Censor
        Knows the values of this process's variables, and of the programs'.
    """

    time: float
    results: tuple[Result, ...]
    censor: Censor

    @property
    def exit_code(self) -> int:
        """That of the gravest finding; 0 when nothing is wrong."""
        return max((one.exit_code for result in self.results for one in result.findings), default=0)

    def count(self, level: str) -> int:
        """Return how many findings are of a level."""
        return sum(one.level == level for result in self.results for one in result.findings)

    def document(self) -> dict[str, Any]:
        """Return it as `--json` prints it, without secrets."""
        checks = [
            {
                "check": one.check,
                "state": one.state,
                "seconds": one.seconds,
                "findings": [
                    {
                        "level": found.level,
                        "what": found.what,
                        "help": found.help,
                        "code": found.code,
                    }
                    for found in one.findings
                ],
                "facts": one.facts,
            }
            for one in self.results
        ]
        told = {
            "well": not self.exit_code,
            "wrong": self.count("wrong"),
            "noted": self.count("note"),
            "exit_code": self.exit_code,
            "time": self.time,
            "host": socket.gethostname(),
            "versions": versions(),
            "checks": checks,
        }
        said = self.censor.data(told)
        assert isinstance(said, dict)  # noqa: S101 - for the type checker
        return said


@dataclass(kw_only=True)
class _Read:
    """What the first check finds out for the others."""

    site: Site | None = None
    settings: Settings | None = None
    environment: dict[str, str] = field(default_factory=dict)


def examine(config: str | None, devices: str | None) -> Examination:
    """Look at the machine as a run that is started here would use it.

    Parameters
    ----------
    config, devices : str or None
        What ``--config`` and ``--devices`` say.
    """
    read = _Read(environment=dict(os.environ))
    look = partial(_look_at_configuration, read, config, devices)
    first = Check(
        name="configuration",
        look=look,
        deadline=_READING,
        waits_for="the file system of the configuration, or of a plugin,",
        help=_NETWORK,
    )
    results = carry_out([first])
    if read.settings is not None:
        results += carry_out(_checks(read.settings))
    programs = read.settings.config.program.values() if read.settings is not None else ()
    censor = Censor([read.environment, *(one.env for one in programs)])
    return Examination(time=time.time(), results=tuple(results), censor=censor)


def _checks(settings: Settings) -> list[Check]:
    # What looks at them is loaded while nobody waits for a driver.
    from gpucore.cli.doctor.gpus import look_at_gpus  # noqa: PLC0415
    from gpucore.cli.doctor.limits import look_at_clock, look_at_limits  # noqa: PLC0415
    from gpucore.cli.doctor.places import (  # noqa: PLC0415
        look_at_leases,
        look_at_place,
        look_at_state,
        places,
    )
    from gpucore.cli.doctor.programs import look_at_plugins, look_at_programs  # noqa: PLC0415

    def of(name: str, look: Any, deadline: float, waits_for: str, help_: str = _NETWORK) -> Check:
        return Check(name=name, look=look, deadline=deadline, waits_for=waits_for, help=help_)

    return [
        of("gpus", partial(look_at_gpus, settings), _DRIVER, "the driver",
           "sudo dmesg | grep -i -e xid -e nvrm -e amdgpu; a restart of the machine is likely "
           "needed"),
        of("quarantine", partial(look_at_state, settings), _PLACE, "the state directory"),
        of("leases", partial(look_at_leases, settings), _PLACE, "the lease directory"),
        *(of(one.name, partial(look_at_place, one), _PLACE, f"the {one.name} {one.path}")
          for one in places(settings)),
        of("limits", look_at_limits, _PLACE, "/proc"),
        of("programs", partial(look_at_programs, settings), _PROGRAMS, "a program, or its folder,"),
        of("plugins", partial(look_at_plugins, settings), _PROGRAMS, "a plugin"),
        of("clock", look_at_clock, _PLACE, "the clock"),
    ]  # fmt: skip


def _look_at_configuration(
    read: _Read, config: str | None, devices: str | None, notes: Notes
) -> None:
    """Read the settings; where they are wrong, the built-in ones do for the other checks."""
    folder = Path.cwd()
    changed = SiteConfig()
    try:
        read.site = load_site(Path(config) if config else None, read.environment, folder)
        changed = read.site.config
    except GpucoreError as error:
        notes.fault(error)
    changed = changed.with_changes(devices=devices)
    try:
        plugins = open_plugins(changed)
    except GpucoreError as error:
        notes.fault(error)
        plugins = open_plugins(replace(changed, adapters=()))
    for offered, name in ((plugins.policy, changed.policy), (plugins.engine, changed.engine)):
        try:
            offered(name)
        except GpucoreError as error:
            notes.fault(error)
    if read.site is not None:
        notes.facts["files"] = [str(path) for path in read.site.files]
        notes.facts["settings"] = [setting_shown(one) for one in told_settings(read.site)]
    notes.facts["environment"] = shown_environment(
        {key: text for key, text in read.environment.items() if key.startswith("GPUCORE_")}
    )
    read.settings = Settings(
        config=changed, plugins=plugins, root=folder, environment=read.environment
    )


def setting_shown(one: ToldSetting) -> dict[str, object]:
    """Return a setting as data, without the value of a variable that may be a secret."""
    value = one.value
    if one.variable:
        value = shown_environment({one.variable: str(value)})[one.variable]
    elif is_secret_name(one.name) and isinstance(value, str):
        value = LEFT_OUT
    return {"setting": one.name, "value": value, "origin": one.origin}


def versions() -> Mapping[str, str]:
    """Return the versions of what takes part."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - 20 ms

    found = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": " ".join(platform.uname()[i] for i in (0, 2, 4)),
        "distribution": _distribution(),
    }
    names: Sequence[str] = (
        "gpucore-framework", "click", "jinja2", "nvidia-ml-py", "pluggy", "pydantic", "rich",
    )  # fmt: skip
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""
