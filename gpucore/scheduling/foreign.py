"""Programs of others on a run's devices, and what is done about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.standard.memory import format_memory

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Sequence

    from gpucore.standard.model import Device
    from gpucore.standard.readings import DeviceProcess, Snapshot

__all__ = ["AVOID", "IGNORE", "WAIT", "foreign_choice", "strangers"]

AVOID = "avoid"
"""Their devices are given only to steps that could never run on the others."""
WAIT = "wait"
"""Their devices are given to nobody until they are gone."""
IGNORE = "ignore"

_SERVERS = "nvidia-cuda-mps"
"""The server of CUDA's Multi-Process Service computes for its clients, which are seen, too."""


def foreign_choice(said: str, *, by_hand: bool) -> str:
    """Return what is done about programs of others: ``avoid``, ``wait`` or ``ignore``.

    Parameters
    ----------
    said : str
        What the settings say; empty: nothing.
    by_hand : bool
        Whether the user named the devices: that is obeyed.
    """
    return said or (IGNORE if by_hand else AVOID)


def strangers(
    snapshot: Snapshot,
    ours: Container[int],
    devices: Sequence[Device],
    foreign: str,
    *,
    by_hand: bool,
    used: Collection[str] = (),
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the devices to keep off because programs of others compute there, and what to say.

    Parameters
    ----------
    snapshot : Snapshot
        How the devices are now.
    ours : container of int
        Processes of gpucore's own.
    devices : sequence of Device
        Those of the run.
    foreign : str
        As for `foreign_choice`.
    by_hand : bool
        Whether the user named the devices.
    used : collection of str
        UUIDs of devices that steps of the run use. A process there of which nothing can be read
        is taken for a step's: in a container its number is not that which the driver tells.

    Returns
    -------
    tuple of (dict, tuple of str)
        Reasons by UUID, and warnings.

    Examples
    --------
    >>> from gpucore.standard.model import Device
    >>> from gpucore.standard.readings import DeviceProcess, Reading, Snapshot
    >>> devices = [Device(uuid="GPU-a", index=0), Device(uuid="GPU-b", index=1)]
    >>> there = DeviceProcess(pid=4711, user="ann", program="python", memory_mib=3000)
    >>> now = Snapshot(time=0, readings=(Reading(uuid="GPU-b", processes=(there,)),))
    >>> strangers(now, {}, devices, "", by_hand=False)[0]
    {'GPU-b': 'python of ann (process 4711, 2.9 GiB) computes there'}
    """
    choice = foreign_choice(foreign, by_hand=by_hand)
    busy: dict[str, str] = {}
    notes: list[str] = []
    for device in devices:
        reading = snapshot.of.get(device.uuid)
        found = [
            one
            for one in (reading.processes or () if reading is not None else ())
            if one.pid not in ours and _is_stranger(one, device.uuid in used)
        ]
        if not found:
            continue
        if choice != IGNORE:
            busy[device.uuid] = _told(found)
        elif not foreign:
            notes += [_warning(device, one) for one in found]
    return busy, tuple(dict.fromkeys(notes))


def _is_stranger(process: DeviceProcess, used: bool) -> bool:
    if process.program.startswith(_SERVERS):
        return False
    return bool(process.user or process.program) or not used


def _told(found: Sequence[DeviceProcess]) -> str:
    first = max(found, key=lambda process: process.memory_mib or 0)
    memory = f", {format_memory(first.memory_mib)}" if first.memory_mib else ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    compute = "compute" if more else "computes"
    return f"{_who(first)} (process {first.pid}{memory}){more} {compute} there"


def _who(process: DeviceProcess) -> str:
    program = process.program or "a program"
    return f"{program} of {process.user}" if process.user else program


def _warning(device: Device, process: DeviceProcess) -> str:
    return (
        f"GPU {device.index}: {_who(process)} computes there, too; the GPU list names it, so it is "
        f'used all the same (foreign = "{AVOID}" keeps off)'
    )
