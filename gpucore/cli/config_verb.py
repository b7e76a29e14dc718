"""``gpucore config``: check configuration, job and adapter files."""

from __future__ import annotations

from pathlib import Path

import click

from gpucore.cli.options import adapter_files, config_file, settings_of
from gpucore.cli.terminal import clean

__all__ = ["command"]


@click.group("config")
def command() -> None:
    """Check configuration, job and adapter files."""


@command.command("check", epilog="Example: gpucore config check job.toml")
@click.argument("file", type=click.Path(), metavar="FILE")
@config_file
@adapter_files
def check(file: str, config: str | None, adapters: tuple[str, ...]) -> int:
    """Check a file, whichever kind it is, and tell every fault at once."""
    from gpucore.config import (  # noqa: PLC0415
        check_adapter,
        check_job,
        check_site,
        job_faults,
        kind_of,
        read_toml,
    )
    from gpucore.errors import raise_faults  # noqa: PLC0415

    toml = read_toml(Path(file))
    kind = kind_of(toml.data)
    if kind == "adapter":
        adapter = check_adapter(toml)
        click.echo(f"{clean(file)}: the adapter {clean(adapter.name)} is fine")
    elif kind == "job":
        job = check_job(toml)
        settings = settings_of(
            {},
            config,
            tuple(str(Path(one).absolute()) for one in adapters),
            root=str(job.folder),
        )
        plugins = settings.plugins
        raise_faults(job_faults(job, plugins.adapters, policies=plugins.policies))
        parts = len(job.job.parts)
        click.echo(f"{clean(file)}: the job is fine ({parts} part{'s' * (parts != 1)})")
    else:
        check_site(toml)
        click.echo(f"{clean(file)}: the settings are fine")
    return 0
