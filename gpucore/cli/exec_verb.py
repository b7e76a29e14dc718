"""``gpucore exec``: any command on GPUs that are leased for it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import click

from gpucore.cli.manner import remark
from gpucore.cli.options import config_file, device_source, settings_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.settings import Settings
    from gpucore.standard.model import Device
    from gpucore.system.leases import Held

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
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait; for ever without it.",
)
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
    but its GPUs (CUDA_VISIBLE_DEVICES). Its exit code is that of gpucore. The lease lasts as long
    as the command and all that it starts.
    """
    from gpucore.errors import ProgramError  # noqa: PLC0415
    from gpucore.standard.gpuforms import numbered  # noqa: PLC0415
    from gpucore.standard.template import fill_gpu  # noqa: PLC0415

    settings = settings_of({"devices": devices, "policy": "pool"}, config)
    leased, held = _lease(settings, count, wait, f"exec {os.path.basename(argv[0])}")  # noqa: PTH119
    by_number = numbered(leased)
    ids = [device.index for device in leased] if by_number else range(len(leased))
    filled = fill_gpu(argv, [str(one) for one in ids])
    masked = filled == list(argv) or not by_number
    environment = _environment(settings.environment, leased, masked=masked)
    # Python ignores these two, and a program inherits what is ignored: `yes | head` would not end.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        # The command takes this process's place: its signals, its terminal and its exit code.
        os.execvpe(filled[0], filled, environment)  # noqa: S606 - that is what is asked for
    except OSError as error:
        held.release()
        raise ProgramError(
            f"`{filled[0]}` could not be started ({error.strerror})",
            hint="give a program on PATH, or its path",
            code="E500",
        ) from error


def _lease(
    settings: Settings, count: int, wait: float | None, step: str
) -> tuple[list[Device], Held]:
    """Wait for any of the GPUs of the list; from now on this process holds them.

    Raises
    ------
    DeviceError
        When there is no GPU, or not so many became free in time.
    NeedError
        When there will never be so many.
    """
    from gpucore.errors import DeviceError, NeedError  # noqa: PLC0415
    from gpucore.system.lease_directory import find_lease_directory  # noqa: PLC0415
    from gpucore.system.leases import Leases  # noqa: PLC0415

    provision = settings.provide()
    devices = {device.uuid: device for device in provision.devices}
    if not devices:
        absent = provision.absent
        raise DeviceError(
            f"a lease needs a GPU: {absent.what}"
            if absent
            else "a lease needs a GPU, and the GPU list is empty",
            hint=absent.hint if absent else 'name the GPUs it may use: GPUCORE_GPUS="0 1"',
            code="E108",
        )
    if count > len(devices):
        raise NeedError(
            f"{count} GPUs are needed, and the run has {len(devices)}",
            hint="ask for fewer, or give the run more GPUs",
            code="E107",
        )
    directory = find_lease_directory(os.environ, configured=settings.config.lease_directory)
    leases = Leases(directory, shares=dict.fromkeys(devices, settings.config.shares))
    try:
        held = leases.take_any(list(devices), count, timeout=0, step=step)
    except TimeoutError:
        plural = "s" * (count != 1)
        late = DeviceError(
            f"{count} GPU{plural} did not become free within {wait or 0:g} s",
            hint="`gpucore leases` shows who holds them",
            code="E703",
        )
        if wait == 0:
            raise late from None
        remark(f"waiting for {count} GPU{plural}; `gpucore leases` shows who holds them")
        try:
            held = leases.take_any(list(devices), count, timeout=wait, step=step)
        except TimeoutError:
            raise late from None
    # Whoever inherits a descriptor holds the lease: the command, and all that it starts.
    for descriptor in held.fds:
        os.set_inheritable(descriptor, True)
    return [devices[uuid] for uuid in held.uuids], held


def _environment(
    inherited: Mapping[str, str], leased: list[Device], *, masked: bool
) -> dict[str, str]:
    from gpucore.standard.gpuforms import visible_environment  # noqa: PLC0415

    environment = {**inherited, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    # The mark holds the machine's indexes: under a mask they would mean other devices.
    if masked:
        environment |= visible_environment(leased)
    return environment
