"""``gpucore gpus disable``: keep steps off a device until it is enabled again."""

from __future__ import annotations

import os
import time

import click

from gpucore.cli.options import as_json, config_file, device_source

__all__ = ["disable"]

_MOST_TEXT = 500


@click.command("disable", epilog='Example: gpucore gpus disable 3 --reason "its fan is loud"')
@click.argument("named", nargs=-1, required=True, metavar="DEVICE...")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for those who want to use it.")
@config_file
@device_source
@as_json
@click.pass_context
def disable(
    context: click.Context,
    *,
    named: tuple[str, ...],
    reason: str,
    config: str | None,
    devices: str | None,
    json_: bool,
) -> int:
    """Give no step a GPU any more, until it is enabled; what runs on it goes on.

    DEVICE is an index, a UUID, or the beginning of one.
    """
    from dataclasses import replace  # noqa: PLC0415

    from gpucore.cli.gpus_named import open_machine, tell  # noqa: PLC0415
    from gpucore.cli.manner import remark  # noqa: PLC0415
    from gpucore.cli.terminal import clean  # noqa: PLC0415
    from gpucore.errors import GpucoreError, ParameterError, raise_faults  # noqa: PLC0415
    from gpucore.scheduling.signs import DISABLED  # noqa: PLC0415
    from gpucore.system.lease_files import user_name  # noqa: PLC0415

    text = " ".join(reason.split())
    if not 0 < len(text) <= _MOST_TEXT:
        raise ParameterError(
            f"`--reason` has {len(text)} characters", hint=f"write 1 to {_MOST_TEXT}", code="E304"
        )
    machine = open_machine(context, config, devices)
    user, told, faults = user_name(os.geteuid()), [], []
    for one in machine.named(named):
        said = DISABLED.seen(one.uuid, time.time(), f"disabled by {user}: {text}")
        standing = replace(said, by=user)
        if fault := machine.store.keep(one.uuid, standing):
            faults.append(GpucoreError(f"{one.label} cannot be disabled: {fault}", code="E609"))
        else:
            told.append((one, standing))
    raise_faults(faults)
    tell(told, json_=json_)
    folder = clean(str(machine.store.folder))
    if machine.store.shared:
        remark(f"all users of this machine heed it ({folder})")
    else:
        remark(
            f"gpucore of the user {clean(user)} alone heeds it ({folder}); for all users an "
            "administrator makes /var/lib/gpucore"
        )
    return 0
