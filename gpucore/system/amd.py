"""The device source ``amd``: what AMD's library amdsmi says, asked through a child process.

Built on amdsmi 7.0.2 and tried without a card: what a real one answers is not known yet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gpucore.errors import DeviceError
from gpucore.plugins.offers import DeviceSource
from gpucore.standard.devices import narrow
from gpucore.standard.model import Device
from gpucore.system.device_watch import Maker, ReaderWatch, read_devices
from gpucore.system.nvml import NoDriverError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["AMD", "DEADLINE", "read_amd", "watch_amd"]

DEADLINE = 20.0
"""Seconds until a driver that does not answer is said to hang."""

_MEANINGS = {
    # amdsmi's status, named as NVML's: what it means, what to do about it
    "BindingNotFound": (
        "the Python package amdsmi is not installed",
        "pip install 'gpucore-framework[amd]', in the version of your ROCm",
    ),
    "DriverNotLoaded": (
        "the AMD driver is not loaded",
        "load it (`modprobe amdgpu`), or restart the machine",
    ),
    "NoPermission": (
        "this user may not ask the AMD driver",
        "let the user read and write /dev/kfd and /dev/dri/* (groups `video` and `render`)",
    ),
}


def read_amd(argument: str, environment: Mapping[str, str]) -> tuple[Device, ...]:
    """Return the AMD GPUs in PCI bus order, less those that an outer mask hides.

    Parameters
    ----------
    argument : str
        Nothing; the source takes none.
    environment : Mapping
        Its ``ROCR_VISIBLE_DEVICES`` narrows the answer, and inside that ``HIP_VISIBLE_DEVICES``,
        or, without it, ``CUDA_VISIBLE_DEVICES``; the child process runs in it.

    Raises
    ------
    NoDriverError
        When ROCm's library is not there.
    DeviceError
        When devices cannot be read, or two have one identity (a GPU in partitions).
    """
    _refuse(argument)
    return read_devices(_MAKER, environment, DEADLINE)


def watch_amd(argument: str, environment: Mapping[str, str]) -> ReaderWatch:
    """Return a look at the AMD GPUs that goes on; masks hide nothing of it.

    Raises
    ------
    DeviceError
        When the child process cannot be started.
    """
    _refuse(argument)
    return ReaderWatch(_MAKER, environment)


def _refuse(argument: str) -> None:
    if argument:
        raise DeviceError(
            f"`amd:{argument}` is no device source", hint="write `--devices amd`", code="E109"
        )


def _meaning(fault: str, words: str) -> DeviceError:
    if fault == "LibraryNotFound":
        return NoDriverError(
            "ROCm's library libamd_smi.so was not found",
            hint="install ROCm with amd-smi-lib, or try without a GPU: `--devices simulated:2`",
        )
    what, hint = _MEANINGS.get(fault, (f"the AMD driver reports: {words or fault}", ""))
    return DeviceError(what, hint=hint, code="E602")


def _listed(answer: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[Device, ...]:
    if fault := answer.get("fault"):
        raise _meaning(str(fault), str(answer.get("text", "")))
    return _visible(_checked(answer["devices"]), environment)


def _checked(rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    seen: set[str] = set()
    for row in rows:
        if not row["uuid"]:
            raise DeviceError(
                f"the AMD GPU at {row['bus'] or row['place']} does not tell its identity",
                hint="look at `amd-smi list` and `dmesg`",
                code="E602",
            )
        if row["uuid"] in seen:
            raise DeviceError(
                f"two AMD GPUs have the identity {row['uuid']}",
                hint="gpucore does not know partitions: `amd-smi set --compute-partition SPX`",
                code="E602",
            )
        seen.add(row["uuid"])
    return rows


def _visible(rows: Sequence[dict[str, Any]], environment: Mapping[str, str]) -> tuple[Device, ...]:
    """Return the devices that ROCm shows in an environment."""
    outer = environment.get("ROCR_VISIBLE_DEVICES")
    # Empty, the first hides all, and the others nothing (ROCm/hip issue 3001).
    inner = environment.get("HIP_VISIBLE_DEVICES") or environment.get("CUDA_VISIBLE_DEVICES")
    known = {row["uuid"] for row in rows if row["in_mask"]}
    devices = narrow(_numbered(rows, "hsa"), outer)
    entries = {one.uuid: one.uuid if one.uuid in known else one.mask_entry for one in devices}
    if outer is None:
        devices = tuple(_numbered(rows, "hip" if inner else "bus"))
    if inner:
        devices = narrow(devices, inner)
    return tuple(replace(device, mask=entries[device.uuid]) for device in devices)


def _numbered(rows: Sequence[dict[str, Any]], order: str) -> list[Device]:
    """Return the devices as one of ROCm's layers counts them, or the one below that is told."""
    orders = ("hip", "hsa", "bus")
    order = next(
        one for one in orders[orders.index(order) :] if all(row[one] is not None for row in rows)
    )
    return [
        Device(
            uuid=row["uuid"],
            index=index,
            name=row["name"],
            memory_mib=row["memory_mib"],
            maker="amd",
            bus=row["bus"],
            numa=row["numa"],
            links=tuple(sorted((uuid, score) for uuid, score in row["links"])),
        )
        for index, row in enumerate(sorted(rows, key=lambda row: row[order]))
    ]


_MAKER = Maker(driver="the AMD driver", child="amd_child", listed=_listed)

AMD = DeviceSource(
    name="amd", title="AMD GPUs, as ROCm's amdsmi reports them", read=read_amd, watch=watch_amd
)
