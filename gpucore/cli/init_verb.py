"""``gpucore init``: begin a configuration for this machine, and a job."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucore.cli.completing import adapter_names
from gpucore.cli.manner import remark
from gpucore.cli.options import adapter_files, as_json, config_file, device_source
from gpucore.cli.terminal import clean, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.standard.model import Device

__all__ = ["command"]


@click.command("init", epilog="Example: gpucore init motioncor3")
@click.argument("adapter", metavar="ADAPTER", required=False, shell_complete=adapter_names)
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False),
    default=".",
    metavar="DIR",
    help="Where they are written; the working directory by default.",
)
@config_file
@adapter_files
@device_source
@as_json
def command(
    *,
    adapter: str | None,
    output: str,
    config: str | None,
    adapters: tuple[str, ...],
    devices: str | None,
    json_: bool,
) -> int:
    """Begin a gpucore.toml for this machine, and a job.

    gpucore.toml has the GPUs and the programs that are found here; with ADAPTER there is also a
    job.toml that runs it. What is there already is not touched.
    """
    from gpucore.cli.doctor.programs import found_programs  # noqa: PLC0415 - help needs none of it
    from gpucore.cli.init_files import FILE, JOB, job_text, site_text  # noqa: PLC0415
    from gpucore.cli.options import settings_of  # noqa: PLC0415
    from gpucore.errors import ConfigError, GpucoreError  # noqa: PLC0415
    from gpucore.provision import read_devices  # noqa: PLC0415

    settings = settings_of({"devices": devices}, config, adapters)
    wanted = settings.plugins.adapter(adapter) if adapter is not None else None
    folder = Path(output)
    taken = [one for one in (FILE, JOB) if os.path.lexists(folder / one)]
    if taken and (wanted is None or JOB in taken):
        place = folder / taken[-1]
        raise ConfigError(
            f"`{place}` is there already",
            hint="change it as you need it, or give another folder",
            code="E260",
        )
    texts: dict[str, str] = {}
    if FILE not in taken:
        found: tuple[Device, ...] = ()
        why = ""
        try:
            found = read_devices(settings.plugins, settings.config.devices, settings.environment)
        except GpucoreError as error:
            why = error.what
        texts[FILE] = site_text(
            found,
            why,
            found_programs(settings.plugins, settings.environment),
            source=settings.config.devices,
            adapters=[os.path.abspath(one) for one in adapters],  # noqa: PTH100 - keeps links
        )
    if wanted is not None:
        texts[JOB] = job_text(wanted)
    _write(folder, texts)
    if json_:
        print_json("init", {"files": [str(folder / name) for name in texts]})
    else:
        for name in texts:
            click.echo(clean(str(folder / name)))
    last = shlex.quote(str(folder / list(texts)[-1]))
    what = "them" if len(texts) > 1 else "it"
    remark(f"change {what} as you need, then: gpucore config check {clean(last)}")
    return 0


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    from gpucore.errors import ConfigError  # noqa: PLC0415 - help needs none of it

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except FileExistsError as error:
        raise ConfigError(
            f"`{error.filename}` is there already", hint="give another folder (-o)", code="E260"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"`{folder}` cannot be written: {error.strerror}",
            hint="give another folder (-o)",
            code="E261",
        ) from None
