"""From a GPU list to the machine's devices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError, GpuListError, raise_faults
from gpucore.standard.gpulist import GpuItem, GpuList, Void
from gpucore.standard.model import Device

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MASKS", "assume", "narrow", "resolve", "unmasked"]

MASKS = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
"""Variables that hide devices from a process."""


def resolve(gpu_list: GpuList, devices: Sequence[Device]) -> tuple[Device | Void, ...]:
    """Return the device of each place in a list, void places kept.

    Parameters
    ----------
    gpu_list : GpuList
        What the user wrote; ``auto`` is every device there is.
    devices : sequence of Device
        Those of the machine, or of the batch job.

    Raises
    ------
    GpuListError, Faults
        For every item that the machine does not have, and every prefix that fits two devices.

    Examples
    --------
    >>> machine = [Device(uuid="GPU-8f3a", index=0), Device(uuid="GPU-90bc", index=1)]
    >>> [one.index for one in resolve(GpuList(items=(1, "GPU-8")), machine)]
    [1, 0]
    """
    if gpu_list.auto:
        return tuple(devices)
    by_index = {device.index: device for device in devices}
    found: list[Device | Void] = []
    faults: list[GpucoreError] = []
    for item in gpu_list.items:
        if isinstance(item, Void):
            found.append(item)
            continue
        fits = _fits(item, devices, by_index)
        if len(fits) == 1:
            found.append(fits[0])
        else:
            faults.append(_unknown(item, fits, devices))
    raise_faults(faults)
    return tuple(found)


def assume(gpu_list: GpuList) -> tuple[Device | Void, ...]:
    """Return devices as a list names them, without a machine: what a plan is made with.

    Raises
    ------
    GpuListError
        For ``auto`` and for identities, which only a machine can number.
    """
    if gpu_list.auto or any(isinstance(item, str) for item in gpu_list.items):
        raise GpuListError(
            f"`{gpu_list}` has no meaning without a machine",
            hint="name the GPUs by index (`0 1`), or give devices (`--devices simulated:4`)",
            code="E105",
        )
    return tuple(
        Device(uuid=f"index-{item}", index=item) if isinstance(item, int) else item
        for item in gpu_list.items
        if not isinstance(item, str)
    )


def narrow(devices: Sequence[Device], mask: str | None) -> tuple[Device, ...]:
    """Return the devices that an outer ``CUDA_VISIBLE_DEVICES`` leaves, numbered inside it.

    As CUDA reads it, the mask ends at its first entry that names nothing, and numbers count GPUs:
    that of one which is cut into MIG instances is its first instance.

    Parameters
    ----------
    mask : str or None
        The variable's text; None when it is not set: nothing is hidden.

    Examples
    --------
    >>> machine = [Device(uuid=f"GPU-{name}", index=i) for i, name in enumerate("abcd")]
    >>> [(one.index, one.uuid, one.mask_entry) for one in narrow(machine, "3,1")]
    [(0, 'GPU-d', '3'), (1, 'GPU-b', '1')]
    """
    if mask is None:
        return tuple(devices)
    by_number = _numbered(devices)
    seen: list[Device] = []
    for entry in (part.strip() for part in mask.split(",")):
        if entry.isascii() and entry.isdigit():
            one = by_number.get(entry.lstrip("0") or "0")
            fits = [one] if one else []
        else:
            fits = _fits(entry, devices, {}) if entry else []
        if len(fits) != 1 or fits[0].uuid in {device.uuid for device in seen}:
            break
        mask_entry = fits[0].uuid if fits[0].parent else entry
        seen.append(replace(fits[0], index=len(seen), mask=mask_entry))
    return tuple(seen)


def unmasked(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which no device is hidden: what is hidden, others may use."""
    return {name: text for name, text in environment.items() if name not in MASKS}


def _numbered(devices: Sequence[Device]) -> dict[str, Device]:
    """Return what a mask means by each number."""
    if not any(device.parent for device in devices):
        return {str(device.index): device for device in devices}
    first: dict[str, Device] = {}
    for device in devices:
        first.setdefault(device.parent or device.uuid, device)
    return {str(number): device for number, device in enumerate(first.values())}


def _fits(item: GpuItem, devices: Sequence[Device], by_index: dict[int, Device]) -> list[Device]:
    if isinstance(item, int):
        return [by_index[item]] if item in by_index else []
    exact = [device for device in devices if device.uuid == item]
    return exact or [device for device in devices if device.uuid.startswith(str(item))]


def _unknown(item: GpuItem, fits: list[Device], devices: Sequence[Device]) -> GpuListError:
    if fits:
        return GpuListError(
            f"`{item}` fits {len(fits)} devices",
            hint="write more characters of the UUID",
            code="E103",
        )
    if not devices:
        return GpuListError(f"GPU `{item}` is not there: no GPU was found", code="E102")
    last = max(device.index for device in devices)
    there = f"GPU 0 to {last}" if last else "GPU 0 alone"
    return GpuListError(f"GPU `{item}` is not there", hint=f"there is {there}", code="E102")
