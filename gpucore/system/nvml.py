"""The device source ``nvml``: what the NVIDIA driver says, asked through a child process."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpucore.errors import DeviceError
from gpucore.plugins.offers import DeviceSource
from gpucore.standard.devices import narrow
from gpucore.standard.model import Device
from gpucore.system.device_watch import Maker, ReaderWatch, read_devices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DEADLINE", "NVML", "NoDriverError", "meaning", "read_nvml", "watch_nvml"]

DEADLINE = 20.0
"""Seconds until a driver that does not answer is said to hang."""

_CONTROL = Path("/dev/nvidiactl")
_LOGGER = logging.getLogger(__name__)

_MEANINGS = {
    # NVML's error: what it means, what to do about it
    "DriverNotLoaded": (
        "the NVIDIA driver is installed, but not loaded",
        "load it (`modprobe nvidia`), or restart the machine",
    ),
    "NoPermission": (
        "this user may not ask the NVIDIA driver",
        "let the user read and write /dev/nvidia* (often by the group `video` or `render`)",
    ),
    "LibRmVersionMismatch": (
        "the NVIDIA driver and its library have different versions",
        "an upgrade of the driver is half done: restart the machine",
    ),
    "GpuIsLost": (
        "a GPU has fallen off the bus",
        "restart the machine; if it happens again, have the card looked at",
    ),
    "ResetRequired": (
        "a GPU has to be reset",
        "end what uses it and run `nvidia-smi --gpu-reset`, or restart the machine",
    ),
    "OperatingSystem": (
        "the operating system keeps this process from the NVIDIA driver",
        "look at the limits of the container or batch job, and at `dmesg`",
    ),
    "InsufficientPower": (
        "a GPU's external power is not connected",
        "have the cables of the card looked at",
    ),
    "IrqIssue": (
        "the interrupts of a GPU do not arrive",
        "look at `dmesg`; a restart of the machine is likely needed",
    ),
}


class NoDriverError(DeviceError):
    """There is no driver of this maker on this machine, and so no GPU of theirs to be used."""

    default_code = "E601"


def read_nvml(argument: str, environment: Mapping[str, str]) -> tuple[Device, ...]:
    """Return the NVIDIA GPUs and MIG instances in PCI bus order, less what an outer mask hides.

    A GPU that is cut into MIG instances is not among them, its instances are. One that does not
    even tell its identity keeps its index, so that the others keep theirs, and is left out; a
    warning says so.

    Parameters
    ----------
    argument : str
        Nothing; the source takes none.
    environment : Mapping
        Its ``CUDA_VISIBLE_DEVICES`` narrows the answer; the child process runs in it.

    Raises
    ------
    NoDriverError
        When there is no driver.
    DeviceError
        When there is one, and it cannot be asked: not loaded, no permission, versions that do not
        match, no answer within `DEADLINE` seconds; or when no GPU of it can.
    """
    _refuse(argument)
    return read_devices(_MAKER, environment, DEADLINE)


def watch_nvml(argument: str, environment: Mapping[str, str]) -> ReaderWatch:
    """Return a look at the NVIDIA GPUs that goes on.

    Parameters
    ----------
    argument : str
        Nothing; the source takes none.
    environment : Mapping
        What the child process runs in. A mask in it hides nothing: others share the machine.

    Raises
    ------
    DeviceError
        When the child process cannot be started.
    """
    _refuse(argument)
    return ReaderWatch(_MAKER, environment)


def meaning(fault: str, words: str = "") -> DeviceError:
    """Return the error that one of NVML's is for a user.

    Parameters
    ----------
    fault : str
        Its name, as in `gpucore.standard.readings`.
    words : str
        What NVML says of it.
    """
    if fault == "LibraryNotFound":
        if _CONTROL.exists():
            return DeviceError(
                "the NVIDIA driver is loaded, but its library libnvidia-ml.so.1 was not found",
                hint="install the driver's libraries; in a container, let it have them "
                "(apptainer --nv, docker --gpus)",
                code="E602",
            )
        return NoDriverError(
            "no NVIDIA driver is installed: its library libnvidia-ml.so.1 was not found",
            hint="install the driver, or try without a GPU: `--devices simulated:2`",
        )
    what, hint = _MEANINGS.get(fault, (f"the NVIDIA driver reports: {words or fault}", ""))
    return DeviceError(what, hint=hint, code="E602")


def _refuse(argument: str) -> None:
    if argument:
        raise DeviceError(
            f"`nvml:{argument}` is no device source", hint="write `--devices nvml`", code="E109"
        )


def _listed(answer: Mapping[str, Any], environment: Mapping[str, str]) -> tuple[Device, ...]:
    if fault := answer.get("fault"):
        raise meaning(str(fault), str(answer.get("text", "")))
    rows = answer["devices"]
    faulty = [row for row in rows if row.get("fault")]
    if faulty and len(faulty) == len(rows):
        raise meaning(faulty[0]["fault"], faulty[0]["text"])
    return narrow(_devices(rows), environment.get("CUDA_VISIBLE_DEVICES"))


def _devices(rows: Sequence[Mapping[str, Any]]) -> list[Device]:
    """Return the devices of an answer, numbered."""
    told = [row for row in rows if row["uuid"]]
    silent = [row for row in rows if not row["uuid"]]
    ordered = sorted(told, key=lambda row: str(row.get("bus", "")))
    if ordered == told:
        # NVML's own order is that of the bus: so the place of one that is silent is known, too.
        ordered = sorted(rows, key=lambda row: int(row["place"]))
    for row in silent:
        why = meaning(row["fault"], row["text"])
        _LOGGER.warning("GPU %s is left out: %s; %s", row["place"], why.what, why.hint)
    return [
        Device(
            uuid=row["uuid"],
            index=index,
            # Numbers name GPUs alone, and only as long as CUDA counts all of them.
            mask=row["uuid"] if silent or row.get("parent") else "",
            name=row.get("name", ""),
            memory_mib=int(row.get("memory_mib", 0)),
            bus=row.get("bus", ""),
            parent=row.get("parent", ""),
            numa=row.get("numa"),
            links=tuple(sorted((uuid, score) for uuid, score in row.get("links", ()))),
            compute_mode=row.get("compute_mode", "default"),
        )
        for index, row in enumerate(ordered)
        if row["uuid"]
    ]


_MAKER = Maker(driver="the NVIDIA driver", child="nvml_child", listed=_listed)

NVML = DeviceSource(
    name="nvml",
    title="NVIDIA GPUs, as the driver reports them",
    read=read_nvml,
    watch=watch_nvml,
)
