"""The device source ``nvml``: what the NVIDIA driver says, asked through a child process.

A sick driver can keep its caller for minutes (NVIDIA/go-nvml issue 152, leptonai/gpud PR 117), so
that the question has a deadline and the answer never comes from a thread of ours.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import DeviceError
from gpucore.plugins.offers import DeviceSource
from gpucore.standard.devices import narrow
from gpucore.standard.model import Device

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEADLINE", "NVML", "NoDriverError", "read_nvml"]

DEADLINE = 20.0
"""Seconds until a driver that does not answer is said to hang."""

_LAST_SECONDS = 1.0

_MEANINGS = {
    # pynvml's class of the error: what it means, what to do about it
    "NVMLError_DriverNotLoaded": (
        "the NVIDIA driver is installed, but not loaded",
        "load it (`modprobe nvidia`), or restart the machine",
    ),
    "NVMLError_NoPermission": (
        "this user may not ask the NVIDIA driver",
        "let the user read and write /dev/nvidia* (often by the group `video` or `render`)",
    ),
    "NVMLError_LibRmVersionMismatch": (
        "the NVIDIA driver and its library have different versions",
        "an upgrade of the driver is half done: restart the machine",
    ),
    "NVMLError_GpuIsLost": (
        "a GPU has fallen off the bus",
        "restart the machine; if it happens again, have the card looked at",
    ),
}


class NoDriverError(DeviceError):
    """There is no NVIDIA driver on this machine, and so no NVIDIA GPU to be used."""


def read_nvml(argument: str, environment: Mapping[str, str]) -> tuple[Device, ...]:
    """Return the NVIDIA GPUs in PCI bus order, less those that an outer mask hides.

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
        match, no answer within `DEADLINE` seconds.
    """
    if argument:
        raise DeviceError(f"`nvml:{argument}` is no device source", hint="write `--devices nvml`")
    answer = _ask(environment)
    if "error" in answer:
        raise _error(str(answer["error"]), str(answer["text"]))
    rows = answer["devices"]
    if not isinstance(rows, list):
        raise DeviceError("the NVIDIA driver's answer has no list of devices")
    rows.sort(key=lambda row: str(row["bus"]))
    devices = [
        Device(uuid=row["uuid"], index=index, name=row["name"], memory_mib=int(row["memory_mib"]))
        for index, row in enumerate(rows)
    ]
    return narrow(devices, environment.get("CUDA_VISIBLE_DEVICES"))


def _ask(environment: Mapping[str, str]) -> dict[str, object]:
    # By its path: `-m` would import what lies in the working directory.
    argv = [sys.executable, str(Path(__file__).with_name("nvml_child.py"))]
    # Not in a `with` block: that would wait for a child that the driver keeps from being killed.
    child = subprocess.Popen(
        argv,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        out, err = child.communicate(timeout=DEADLINE)
    except BaseException as error:
        _abandon(child)
        if isinstance(error, subprocess.TimeoutExpired):
            raise DeviceError(
                f"the NVIDIA driver did not answer within {DEADLINE:g} seconds",
                hint="look at `dmesg` for Xid messages; a restart of the machine is likely needed",
            ) from None
        raise
    try:
        answer: object = json.loads(out)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        last = err.strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
        raise DeviceError(f"the NVIDIA driver could not be asked: {last[0]}")
    return answer


def _abandon(child: subprocess.Popen[str]) -> None:
    """End a child; leave it alone when even that does not end it."""
    child.kill()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_LAST_SECONDS)


def _error(name: str, text: str) -> DeviceError:
    if name == "NVMLError_LibraryNotFound":
        return NoDriverError(
            "no NVIDIA driver is installed: its library libnvidia-ml.so.1 was not found",
            hint="install the driver, or try without a GPU: `--devices simulated:2`",
        )
    what, hint = _MEANINGS.get(name, (f"the NVIDIA driver reports: {text}", ""))
    return DeviceError(what, hint=hint)


NVML = DeviceSource(name="nvml", title="NVIDIA GPUs, as the driver reports them", read=read_nvml)
