"""``gpucore exec``: any command on GPUs that are leased for it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import click

from gpucore.cli.options import config_file, device_source, settings_of

if TYPE_CHECKING:
    from gpucore.lease import Lease

__all__ = ["command"]


@click.command(
    "exec",
    context_settings={"allow_interspersed_args": False},
    epilog="Example: gpucore exec --gpus 1 -- prog --gpu '%(GPU)s' in.mrc",
)
@click.option(
    "--gpus",
    "count",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="How many GPUs.",
)
@click.option("--wait", type=float, metavar="SECONDS", help="How long to wait; for ever.")
@config_file
@device_source
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def command(
    count: int,
    wait: float | None,
    config: str | None,
    devices: str | None,
    argv: tuple[str, ...],
) -> int:
    """Run any command on GPUs that are leased for it.

    `%(GPU)s` in its arguments becomes the GPUs' indexes. A command without the mark sees nothing
    but its GPUs (CUDA_VISIBLE_DEVICES). Its exit code is that of gpucore.
    """
    from gpucore.errors import ProgramError  # noqa: PLC0415
    from gpucore.executor import StepExecutor  # noqa: PLC0415
    from gpucore.standard.template import fill_gpu  # noqa: PLC0415

    settings = settings_of({"devices": devices, "policy": "pool"}, config)
    executor = StepExecutor(settings, settings.provide())
    try:
        lease = executor.lease(gpus=count, timeout=wait)
    except TimeoutError as error:
        raise click.ClickException(str(error)) from None
    filled = fill_gpu(argv, lease.gpus)
    environment = _environment(lease, marked=filled != list(argv))
    # Python ignores these two, and a program inherits what is ignored: `yes | head` would not end.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        # The command takes this process's place: its signals, its terminal and its exit code.
        os.execvpe(filled[0], filled, environment)  # noqa: S606 - that is what is asked for
    except OSError as error:
        raise ProgramError(
            f"`{filled[0]}` could not be started ({error.strerror})",
            hint="give a program on PATH, or its path",
        ) from error


def _environment(lease: Lease, *, marked: bool) -> dict[str, str]:
    environment = lease.env
    if marked:
        # The mark holds the machine's indexes: under a mask they would mean other devices.
        outer = os.environ.get("CUDA_VISIBLE_DEVICES")
        if outer is None:
            del environment["CUDA_VISIBLE_DEVICES"]
        else:
            environment["CUDA_VISIBLE_DEVICES"] = outer
    return environment
