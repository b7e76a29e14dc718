"""``gpucore gpus probe``: look at devices, and end what a clean look may end."""

from __future__ import annotations

import time

import click

from gpucore.cli.options import as_json, config_file, device_source

__all__ = ["probe"]


@click.command("probe", epilog="Example: gpucore gpus probe 3")
@click.argument("named", nargs=-1, metavar="DEVICE...")
@config_file
@device_source
@as_json
@click.pass_context
def probe(
    context: click.Context,
    *,
    named: tuple[str, ...],
    config: str | None,
    devices: str | None,
    json_: bool,
) -> int:
    """Look at GPUs, and say what is wrong with each.

    DEVICE is an index, a UUID, or the beginning of one; all by default. A quarantine of before the
    machine was last started ends when the GPU is found clean. The exit code is 1 when no step would
    get one of them.
    """
    from gpucore.cli.gpus_named import open_machine, tell, tell_remedies  # noqa: PLC0415
    from gpucore.cli.terminal import clean, talk  # noqa: PLC0415
    from gpucore.errors import DeviceError  # noqa: PLC0415
    from gpucore.scheduling.health import Health  # noqa: PLC0415

    machine = open_machine(context, config, devices)
    if not named and machine.fault is not None:
        raise machine.fault
    wanted = machine.named(named) if named else list(machine.there)
    if not wanted:
        raise DeviceError(
            f"the device source `{machine.settings.config.devices}` found no GPU", code="E604"
        )
    health = Health([one.uuid for one in wanted], machine.remembered)
    labels = {one.uuid: one.label for one in wanted}
    for change in health.see(machine.look(), time.time()):
        if fault := machine.store.follow(change):
            talk(f"{clean(labels[change.uuid])}: {clean(fault)}")
        elif change.before.withheld and not change.after.withheld:
            talk(f"{clean(labels[change.uuid])} is clean: it is used again")
    told = [(one, health.standing(one.uuid)) for one in wanted]
    tell(told, json_=json_)
    tell_remedies(told)
    return 1 if any(standing.withheld for _, standing in told) else 0
