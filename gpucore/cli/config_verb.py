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
    from click.shell_completion import CompletionItem

    from gpucore.config import Site
    from gpucore.errors import GpucoreError

__all__ = ["command"]

_FORMS = ("gpucore", "job", "adapter", "event")
"""Files, and the lines of `--json-events`; an object of `--json` is called as its `schema` says."""


def _forms(
    context: click.Context,  # noqa: ARG001 - click's signature
    param: click.Parameter,  # noqa: ARG001 - as above
    incomplete: str,
) -> list[CompletionItem]:
    """Offer the forms that begin so."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

    from gpucore.cli.json_forms import DOCUMENTS  # noqa: PLC0415 - as above

    return [CompletionItem(one) for one in (*_FORMS, *DOCUMENTS) if one.startswith(incomplete)]


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
@click.argument("form", default="gpucore", metavar="[FORM]", shell_complete=_forms)
def schema(form: str) -> int:
    """Print the JSON Schema of a file, gpucore (gpucore.toml), job or adapter; or of an event.

    gpucore.status/1 and the like, as --json writes them, are the forms of what verbs print.
    """
    from gpucore.cli.event_schema import event_schema  # noqa: PLC0415
    from gpucore.cli.json_forms import DOCUMENTS, document_schema  # noqa: PLC0415
    from gpucore.config.schema import file_schema  # noqa: PLC0415
    from gpucore.errors import did_you_mean  # noqa: PLC0415

    if form in DOCUMENTS:
        said = document_schema(form)
    elif form in _FORMS:
        said = event_schema() if form == "event" else file_schema(form)
    else:
        near = did_you_mean(form, (*_FORMS, *DOCUMENTS), listed="`gpucore config schema --help`")
        raise click.BadParameter(f"{form!r} is no form: {near}", param_hint="[FORM]")
    click.echo(json.dumps(said, indent=2))
    return 0


@command.command("check", epilog="Example: gpucore config check job.toml")
@click.argument("file", type=click.Path(), metavar="FILE")
@config_file
@adapter_files
@as_json
def check(*, file: str, config: str | None, adapters: tuple[str, ...], json_: bool) -> int:
    """Check a file, whichever kind it is, and tell every fault at once.

    Of a job it also says which settings hold for it.
    """
    from gpucore.errors import GpucoreError  # noqa: PLC0415 - help needs none of it

    try:
        found = _checked(file, config, adapters)
    except GpucoreError as error:
        if json_:
            nothing: dict[str, object] = {"kind": None, "name": None, "parts": None, "settings": []}
            _print_check(file, nothing, list(map(_fault, getattr(error, "errors", (error,)))))
        raise
    if json_:
        _print_check(file, found, [])
        return 0
    said = {
        "adapter": f"the adapter {clean(str(found['name']))} is fine",
        "job": f"the job is fine ({found['parts']} part{'s' * (found['parts'] != 1)})",
        "gpucore": "the settings are fine",
    }[str(found["kind"])]
    click.echo(f"{clean(file)}: {said}")
    if settings := found["settings"]:
        assert isinstance(settings, list)  # noqa: S101 - made below
        click.echo(f"settings: {clean(', '.join(settings))}")
    return 0


def _checked(file: str, config: str | None, adapters: tuple[str, ...]) -> dict[str, object]:
    """Return what a file is that is fine.

    Raises
    ------
    GpucoreError, Faults
        For all that is wrong with it.
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
    found: dict[str, object] = {"kind": kind, "name": None, "parts": None, "settings": []}
    if kind == "adapter":
        return {**found, "name": check_adapter(toml).name}
    if kind != "job":
        check_site(toml)
        return {**found, "kind": "gpucore"}
    job = check_job(toml, told_later=True)
    settings = settings_of(
        {},
        config,
        tuple(str(Path(one).absolute()) for one in adapters),
        root=str(job.folder),
    )
    plugins = settings.plugins
    raise_faults(job_faults(job, plugins.adapters, policies=plugins.policies))
    site = load_site(Path(config) if config else None, dict(os.environ), job.folder)
    return {**found, "parts": len(job.job.parts), "settings": _said_by(site)}


def _print_check(file: str, found: dict[str, object], faults: list[dict[str, object]]) -> None:
    print_json("check", {"file": file, "well": not faults, **found, "faults": faults})


def _fault(error: GpucoreError) -> dict[str, object]:
    place = getattr(error, "place", None)
    return {
        "code": error.code,
        "what": error.what,
        "where": error.where,
        "hint": error.hint,
        "line": place.line if place is not None else None,
        "column": place.column if place is not None else None,
    }


def _said_by(site: Site) -> list[str]:
    """Return what says the settings, what counts above the others last."""
    variables = {one for one in site.origins.values() if one.startswith("environment ")}
    return ["built-in", *map(str, site.files), *sorted(variables)]
