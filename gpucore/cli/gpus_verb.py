"""``gpucore gpus``: the GPUs of this machine."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from gpucore.cli.gpus_disable import disable
from gpucore.cli.gpus_enable import enable
from gpucore.cli.gpus_probe import probe
from gpucore.cli.options import as_json, config_file, device_source, settings_of

if TYPE_CHECKING:
    from gpucore.plugins.offers import DeviceWatch
    from gpucore.settings import Settings

__all__ = ["begin_watch", "command"]


@click.group("gpus", invoke_without_command=True)
@config_file
@device_source
@click.option(
    "--watch",
    "period",
    type=click.FloatRange(min=0.1),
    is_flag=False,
    flag_value=2.0,
    metavar="[SECONDS]",
    help="Show them again and again, every 2 seconds by default, until Ctrl-C.",
)
@as_json
@click.pass_context
def command(
    context: click.Context,
    *,
    config: str | None,
    devices: str | None,
    period: float | None,
    json_: bool,
) -> int:
    """Show the GPUs of this machine."""
    if context.invoked_subcommand:
        context.obj = (config, devices)
        return 0
    settings = settings_of({"devices": devices}, config)
    watch = begin_watch(settings)
    try:
        # What shows devices is loaded while the process that reads them starts.
        from gpucore.cli.gpus_listing import Look, print_document, print_listing  # noqa: PLC0415

        look, first = Look(settings, watch), True
        while True:
            listing = look.take()
            if period is not None and not json_:
                _begin_again(first=first)
            (print_document if json_ else print_listing)(listing)
            if period is None:
                return 0
            first = False
            time.sleep(period)
    finally:
        if watch is not None:
            watch.close()


for _verb in (disable, enable, probe):
    command.add_command(_verb)


def begin_watch(settings: Settings) -> DeviceWatch | None:
    """Begin to look at the devices, those that a mask hides from us among them."""
    from gpucore.standard.devices import unmasked  # noqa: PLC0415

    name, _, argument = settings.config.devices.partition(":")
    watch = settings.plugins.device_source(name).watch
    return None if watch is None else watch(argument, unmasked(settings.environment))


def _begin_again(*, first: bool) -> None:
    """Take the place of what was shown before; off a terminal put it below."""
    if sys.stdout.isatty():
        click.clear()
    elif not first:
        click.echo()
