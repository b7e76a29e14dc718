"""``gpucore gpus``: the GPUs of this machine."""

from __future__ import annotations

import os

import click

from gpucore.cli.options import as_json, config_file, device_source, settings_of
from gpucore.cli.terminal import print_json, print_table

__all__ = ["command"]


@click.command("gpus")
@config_file
@device_source
@as_json
def command(config: str | None, devices: str | None, json_: bool) -> int:
    """Show the GPUs of this machine."""
    from gpucore.errors import DeviceError  # noqa: PLC0415
    from gpucore.provision import read_devices  # noqa: PLC0415

    settings = settings_of({"devices": devices}, config)
    source = settings.config.devices
    found = read_devices(settings.plugins, source, settings.environment)
    if json_:
        rows = [
            {
                "index": device.index,
                "uuid": device.uuid,
                "name": device.name,
                "memory_mib": device.memory_mib,
                "simulated": device.simulated,
            }
            for device in found
        ]
        print_json("gpus", {"source": source, "devices": rows})
        return 0
    if not found:
        mask = os.environ.get("CUDA_VISIBLE_DEVICES")
        hidden = f"; CUDA_VISIBLE_DEVICES={mask!r} may hide some" if mask is not None else ""
        raise DeviceError(f"the device source `{source}` found no GPU{hidden}")
    print_table(
        ("index", "name", "memory", "uuid"),
        [
            (
                str(device.index),
                device.name,
                f"{device.memory_mib} MiB" if device.memory_mib else "-",
                device.uuid,
            )
            for device in found
        ],
    )
    return 0
