"""Which programs are here, as the site starts them, and of which version."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpucore.containers import engine_fault, is_daemon
from gpucore.errors import ProgramError
from gpucore.standard.model import Command
from gpucore.startup import container_name, find_startup
from gpucore.system.commands import run_command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.config.settings import ContainerConfig, ProgramConfig
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.program import Version
    from gpucore.startup import Startup

__all__ = ["LIMIT", "ProgramCheck", "check_program", "how_started", "to_set"]

LIMIT = 20.0
"""Seconds that a program has to tell its version."""

_MOST_BYTES = 1 << 16
_NOT_STARTED = 126
_NO_GPU = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""}


@dataclass(frozen=True, kw_only=True)
class ProgramCheck:
    """What was found of one adapter's program.

    Parameters
    ----------
    adapter : str
        The adapter's name.
    found : bool
        Whether it can be started.
    program : str
        What starts it; when it was not found, what was looked for.
    how : str
        Through which modules, conda environment or image; empty: directly.
    version : str
        What it says of itself; empty when it does not.
    note : str
        Why it was not found, or why its version is not known.
    hint : str
        How to mend that.
    """

    adapter: str
    found: bool
    program: str
    how: str = ""
    version: str = ""
    note: str = ""
    hint: str = ""


def check_program(
    adapter: Adapter, site: ProgramConfig | None, environment: Mapping[str, str]
) -> ProgramCheck:
    """Look for an adapter's program, and ask it for its version; no GPU is shown to it.

    Parameters
    ----------
    adapter : Adapter
        The program.
    site : ProgramConfig or None
        What the site says of it.
    environment : Mapping
        What programs inherit.
    """
    wanted = (site.executable if site else "") or adapter.program.executable
    how = how_started(site)
    try:
        startup = find_startup(adapter, site, environment)
    except ProgramError as error:
        return ProgramCheck(
            adapter=adapter.name,
            found=False,
            program=wanted,
            how=how,
            note=error.what,
            hint=error.hint,
        )
    program = startup.executable or wanted
    version = adapter.program.version
    if version is None:
        unseen = ", and whether the image holds it was not seen" if startup.container else ""
        note = f"it cannot be asked for its version{unseen}"
        return ProgramCheck(adapter=adapter.name, found=True, program=program, how=how, note=note)
    code, said = _ask(adapter, startup, (program, *version.args))
    if startup.container is not None and (fault := _fault(startup.container, code, said)):
        hint = "get the image, or mend its name: container.image in gpucore.toml"
        return ProgramCheck(
            adapter=adapter.name, found=False, program=program, how=how, note=fault, hint=hint
        )
    number, note = _read(version, code, said)
    return ProgramCheck(
        adapter=adapter.name, found=True, program=program, how=how, version=number, note=note
    )


def how_started(site: ProgramConfig | None) -> str:
    """Return what stands between gpucore and a program, in words; empty: nothing."""
    if site is None:
        return ""
    parts = [f"module {module}" for module in site.module_load]
    if site.conda_env:
        parts.append(f"conda {site.conda_env}")
    if site.container.image:
        parts.append(f"{site.container.engine} {site.container.image}")
    return ", ".join(parts)


def to_set(adapter: Adapter) -> str:
    """Return the lines of ``gpucore.toml`` that say where a program is."""
    name = adapter.name if re.fullmatch("[A-Za-z0-9_-]+", adapter.name) else f'"{adapter.name}"'
    executable = os.path.basename(adapter.program.executable)  # noqa: PTH119 - a name, no file
    return f'[program.{name}]\nexecutable = "/path/to/{executable}"'


def _ask(adapter: Adapter, startup: Startup, argv: tuple[str, ...]) -> tuple[int | None, str]:
    """Return exit code, None when it took too long, and what was printed."""
    container = startup.container
    if container is not None and is_daemon(container):
        # An image that is not here would be fetched, for minutes.
        startup = replace(
            startup, container=replace(container, options=(*container.options, "--pull=never"))
        )
    name = container_name(f"check-{os.getpid()}", adapter.name, 1)
    with (
        tempfile.TemporaryDirectory(prefix="gpucore-") as folder,
        tempfile.TemporaryFile() as output,
    ):
        wrapped = startup.wrapped(
            adapter,
            Command(argv=argv),
            own=_NO_GPU,
            devices=(),
            name=name,
            cwd=folder,
            folders=(),
        )
        environment = startup.own_environment(_NO_GPU)
        try:
            code = run_command(
                wrapped, environment, cwd=folder, output=output.fileno(), seconds=LIMIT
            )
        except OSError as error:
            return _NOT_STARTED, error.strerror or repr(error)
        if code is None:
            startup.end(name, environment)
        output.seek(0)
        return code, output.read(_MOST_BYTES).decode("utf-8", "replace")


def _fault(container: ContainerConfig, code: int | None, said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return engine_fault(container, code or 0, lines) if lines else ""


def _read(version: Version, code: int | None, said: str) -> tuple[str, str]:
    """Return the version, or why there is none."""
    if found := re.search(version.regex, said):
        return (found[1] if found.re.groups else found[0]).strip(), ""
    if code is None:
        return "", f"it did not tell its version within {LIMIT:g} seconds"
    return "", (
        f"it told no version (exit code {code}); some programs need a GPU even for that, and none "
        "was shown to it"
    )
