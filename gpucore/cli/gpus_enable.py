"""``gpucore gpus enable``: use a device again that was disabled, or put in quarantine."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from gpucore.cli.options import as_json, config_file, device_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.cli.gpus_named import Machine, Named
    from gpucore.scheduling.standing import Standing

__all__ = ["enable"]


@click.command("enable", epilog="Example: gpucore gpus enable 3")
@click.argument("named", nargs=-1, required=True, metavar="DEVICE...")
@config_file
@device_source
@as_json
@click.pass_context
def enable(
    context: click.Context,
    *,
    named: tuple[str, ...],
    config: str | None,
    devices: str | None,
    json_: bool,
) -> int:
    """Use a GPU again that was disabled, or put in quarantine.

    DEVICE is an index, a UUID, or the beginning of one. What the GPU shows now is told; a fault
    that a person may overrule does not keep it from being used.
    """
    from gpucore.cli.gpus_named import open_machine, tell, tell_remedies  # noqa: PLC0415
    from gpucore.cli.terminal import clean, talk  # noqa: PLC0415
    from gpucore.errors import GpucoreError, raise_faults  # noqa: PLC0415

    machine = open_machine(context, config, devices)
    wanted = machine.named(named)
    faults = []
    for one in wanted:
        if one.uuid not in machine.remembered:
            talk(f"{clean(one.label)} was neither disabled nor in quarantine")
        if left := machine.store.forget(one.uuid):
            hint = "have that user or an administrator enable it"
            faults.append(
                GpucoreError(f"{one.label} cannot be enabled: {left}", hint=hint, code="E609")
            )
    raise_faults(faults)
    told = _standings(machine, wanted)
    tell(told, json_=json_)
    tell_remedies(told)
    return 0


def _standings(machine: Machine, wanted: Sequence[Named]) -> list[tuple[Named, Standing]]:
    """Return how devices stand now that nothing speaks against them but what they show."""
    from gpucore.cli.terminal import clean, talk  # noqa: PLC0415
    from gpucore.errors import DeviceError  # noqa: PLC0415
    from gpucore.scheduling.health import Health  # noqa: PLC0415

    uuids, now = [one.uuid for one in wanted], time.time()
    health = Health(uuids)
    try:
        snapshot = machine.look()
    except DeviceError as error:
        talk(f"enabled, but not looked at: {clean(error.what)}")
    else:
        health.see(snapshot, now)
        for one in wanted:
            if shown := health.overruled(one.uuid):
                _overrule(machine, one, shown, now)
        health = Health(uuids, machine.store.read())
        health.see(snapshot, now)
    return [(one, health.standing(one.uuid)) for one in wanted]


def _overrule(machine: Machine, one: Named, shown: Sequence[str], now: float) -> None:
    """Have a device used in spite of what it shows."""
    from gpucore.cli.terminal import clean, talk  # noqa: PLC0415
    from gpucore.scheduling.standing import Level, Standing  # noqa: PLC0415
    from gpucore.system.lease_files import user_name  # noqa: PLC0415

    user = user_name(os.geteuid())
    standing = Standing(
        level=Level.NOTED,
        reason=f"enabled by {user} in spite of: {'; '.join(shown)}",
        remedy=f"`gpucore gpus disable {one.uuid} --reason …` when steps fail on it",
        since=now,
        by=user,
    )
    if fault := machine.store.keep(one.uuid, standing):
        talk(f"{clean(one.label)}: {clean(fault)}")
