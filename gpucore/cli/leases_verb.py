"""``gpucore leases``: who holds which GPU of this machine now."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from gpucore.cli.manner import remark
from gpucore.cli.options import as_json, config_file, device_source, settings_of
from gpucore.cli.terminal import clean, print_json, print_table

if TYPE_CHECKING:
    from gpucore.settings import Settings
    from gpucore.system.lease_records import Holder

__all__ = ["command"]


@click.command("leases")
@config_file
@device_source
@as_json
def command(config: str | None, devices: str | None, json_: bool) -> int:
    """Show who holds which GPU of this machine now."""
    from gpucore.system.lease_directory import find_lease_directory  # noqa: PLC0415
    from gpucore.system.leases import Leases  # noqa: PLC0415

    settings = settings_of({"devices": devices}, config)
    configured = settings.config.lease_directory
    directory = find_lease_directory(os.environ, configured=configured)
    leases = Leases(directory)
    try:
        holders = leases.holders()
    finally:
        leases.close()
    indexes = _indexes(settings) if holders else {}
    if json_:
        about = {
            "path": str(directory.path),
            "kind": directory.kind,
            "shared": directory.shared,
            "shared_by": directory.shared_by,
            "note": directory.note,
        }
        rows = [{"index": indexes.get(one.uuid), **one._asdict()} for one in holders]
        print_json("leases", {"directory": about, "holders": rows})
        return 0
    if holders:
        print_table(
            ("GPU", "share", "process", "user", "since", "step", "uuid"),
            [_row(one, indexes) for one in holders],
        )
    else:
        remark("no GPU is held")
    remark(clean(directory.text()))
    return 0


def _row(one: Holder, indexes: dict[str, int]) -> tuple[str, ...]:
    share = "?"
    if one.shares:
        share = "whole" if one.shares == 1 else f"{one.share + 1} of {one.shares}"
    process = "?"
    if one.pid:
        # Who took it has ended; a program of its holds on.
        process = str(one.pid) if one.alive else f"{one.pid} (ended)"
    return (
        str(indexes.get(one.uuid, "?")),
        share,
        process,
        one.user or "?",
        _when(one.since),
        one.step or "?",
        one.uuid,
    )


def _indexes(settings: Settings) -> dict[str, int]:
    """Return the index of each device that can be read; a driver in trouble is not in the way."""
    from gpucore.errors import GpucoreError  # noqa: PLC0415
    from gpucore.provision import read_devices  # noqa: PLC0415
    from gpucore.standard.devices import unmasked  # noqa: PLC0415

    # What a mask hides from us can be held by others.
    environment = unmasked(settings.environment)
    try:
        found = read_devices(settings.plugins, settings.config.devices, environment)
    except GpucoreError:
        return {}
    return {device.uuid: device.index for device in found}


def _when(since: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since)) if since else "?"
    except (OverflowError, ValueError, OSError):  # what a stranger wrote
        return "?"
