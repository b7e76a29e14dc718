"""``gpucore config``: show settings, check files, print their forms."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucore.cli.options import adapter_files, as_json, config_file, settings_of
from gpucore.cli.terminal import clean, print_json

if TYPE_CHECKING:
    from gpucore.config import Site

__all__ = ["command"]

_FORMS = ("gpucore", "job", "adapter")


@click.group("config")
def command() -> None:
    """Show settings, check files, print their forms."""


@command.command("show", epilog="Example: gpucore config show --origin")
@click.option("--origin", is_flag=True, help="Say of each setting where it comes from.")
@config_file
@as_json
def show(*, origin: bool, config: str | None, json_: bool) -> int:
    """Show the settings that hold here, as lines of a gpucore.toml.

    The value of a variable whose name speaks of a secret is not shown.
    """
    from gpucore.cli.doctor.secrets import LEFT_OUT, is_secret_name  # noqa: PLC0415
    from gpucore.config import load_site  # noqa: PLC0415
    from gpucore.config.told import told_settings  # noqa: PLC0415

    site = load_site(Path(config) if config else None, dict(os.environ), Path.cwd())
    rows = [
        (one, LEFT_OUT if one.variable and is_secret_name(one.variable) else one.value)
        for one in told_settings(site)
    ]
    if json_:
        settings = [
            {"setting": one.name, "value": value, "origin": one.origin} for one, value in rows
        ]
        print_json("settings", {"files": [str(path) for path in site.files], "settings": settings})
        return 0
    for one, value in rows:
        said = f"  # {one.origin}" if origin else ""
        click.echo("\n".join(clean(line) for line in f"{one.line(value)}{said}".splitlines()))
    return 0


@command.command("schema", epilog="Example: gpucore config schema job > job.schema.json")
@click.argument("form", type=click.Choice(_FORMS), default="gpucore", metavar="[FORM]")
def schema(form: str) -> int:
    """Print the JSON Schema of a file: gpucore (gpucore.toml), job or adapter."""
    from gpucore.config.schema import file_schema  # noqa: PLC0415

    click.echo(json.dumps(file_schema(form), indent=2))
    return 0


@command.command("check", epilog="Example: gpucore config check job.toml")
@click.argument("file", type=click.Path(), metavar="FILE")
@config_file
@adapter_files
def check(file: str, config: str | None, adapters: tuple[str, ...]) -> int:
    """Check a file, whichever kind it is, and tell every fault at once.

    Of a job it also says which settings hold for it.
    """
    from gpucore.config import (  # noqa: PLC0415
        check_adapter,
        check_job,
        check_site,
        job_faults,
        kind_of,
        load_site,
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
        site = load_site(Path(config) if config else None, dict(os.environ), job.folder)
        click.echo(f"settings: {clean(', '.join(_said_by(site)))}")
    else:
        check_site(toml)
        click.echo(f"{clean(file)}: the settings are fine")
    return 0


def _said_by(site: Site) -> list[str]:
    """Return what says the settings, what counts above the others last."""
    variables = {one for one in site.origins.values() if one.startswith("environment ")}
    return ["built-in", *map(str, site.files), *sorted(variables)]
