"""What the compute modes of devices leave of a run's list: nobody, one program at a time, all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.errors import DeviceError, GpucoreError, raise_faults
from gpucore.standard.gpulist import Void
from gpucore.standard.model import Device

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.scheduling import Unit

__all__ = ["one_at_a_time", "without_prohibited"]


def without_prohibited(
    items: Sequence[Device | Void], *, by_hand: bool
) -> tuple[tuple[Device | Void, ...], tuple[str, ...]]:
    """Return the places of a list whose devices take programs, and notes on the others.

    Parameters
    ----------
    items : sequence of Device or Void
        The list.
    by_hand : bool
        Whether somebody wrote it.

    Raises
    ------
    DeviceError, Faults
        For every device that somebody named and that takes none.
    """
    refused = {
        item.uuid: item
        for item in items
        if isinstance(item, Device) and item.compute_mode == "prohibited"
    }
    if by_hand:
        faults: list[GpucoreError] = [
            DeviceError(
                f"GPU {device.index} takes no programs: its compute mode is prohibited",
                hint=f"take it out of the list, or have an administrator call {_mended(device)}",
                code="E605",
            )
            for device in refused.values()
        ]
        raise_faults(faults)
    notes = tuple(
        f"GPU {device.index} is left out: its compute mode is prohibited ({_mended(device)})"
        for device in refused.values()
    )
    left = tuple(item for item in items if isinstance(item, Void) or item.uuid not in refused)
    return left, notes


def one_at_a_time(units: Sequence[Unit]) -> tuple[tuple[Unit, ...], tuple[str, ...]]:
    """Return units that give an exclusive device to one step at a time, and notes on what fell out.

    A second program on a device in exclusive-process mode fails with "all CUDA-capable devices are
    busy or unavailable": its first share alone is of use.
    """
    seen: dict[str, Device] = {}
    doubled: dict[str, Device] = {}
    kept: list[Unit] = []
    numbers: dict[int, int] = {}
    for unit in units:
        devices = []
        for device in unit.devices:
            if device.compute_mode == "exclusive_process" and device.uuid in seen:
                doubled[device.uuid] = device
                continue
            seen[device.uuid] = device
            devices.append(device)
        if devices:
            numbers[unit.number] = len(kept)
            copy_of = None if unit.copy_of is None else numbers.get(unit.copy_of)
            kept.append(replace(unit, number=len(kept), devices=tuple(devices), copy_of=copy_of))
    notes = tuple(
        f"GPU {device.index} takes one program at a time (compute mode exclusive-process): it is "
        "not shared"
        for device in doubled.values()
    )
    return tuple(kept), notes


def _mended(device: Device) -> str:
    return f"`nvidia-smi -i {device.uuid} -c DEFAULT`"
