"""``gpucore top``: all runs and GPUs of this machine, living."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gpucore.cli.manner import remark
from gpucore.cli.options import as_json, config_file, device_source, settings_of
from gpucore.cli.terminal import clean, print_json, print_table

if TYPE_CHECKING:
    from gpucore.cli.top.picture import Picture

__all__ = ["command"]

_PATIENCE = 1.0
_PATIENCE_ONCE = 5.0


@click.command("top")
@config_file
@device_source
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Look so often.",
)
@as_json
def command(*, config: str | None, devices: str | None, interval: float, json_: bool) -> int:
    """Watch all runs and GPUs of this machine; ? shows the keys.

    Off a terminal it prints how they are now, and ends.
    """
    from gpucore.cli.gpus_verb import begin_watch  # noqa: PLC0415 - help needs none of it

    settings = settings_of({"devices": devices}, config)
    watched = begin_watch(settings)
    try:
        # What shows devices is loaded while the process that reads them starts.
        from gpucore.cli.top.gathering import Gatherer  # noqa: PLC0415
        from gpucore.cli.top.screen import can_draw  # noqa: PLC0415

        if not json_ and can_draw():
            from gpucore.cli.top.watching import watch  # noqa: PLC0415

            return watch(Gatherer(settings, watched, patience=_PATIENCE), interval)
        picture = Gatherer(settings, watched, patience=_PATIENCE_ONCE).take()
    finally:
        if watched is not None:
            watched.close()
    if json_:
        from gpucore.cli.top.document import as_document  # noqa: PLC0415

        print_json("top", as_document(picture))
    else:
        _print(picture)
    return 0


def _print(picture: Picture) -> None:
    from gpucore.cli.top.layout import tables_text  # noqa: PLC0415
    from gpucore.cli.top.view import View  # noqa: PLC0415

    gpus, runs = tables_text(picture, View())
    if picture.gpus:
        print_table(gpus[0], gpus[1:])
    if picture.runs:
        if picture.gpus:
            click.echo()
        print_table(runs[0], runs[1:])
    else:
        remark("no run goes on on this machine")
    for note in picture.notes:
        remark(clean(note))
