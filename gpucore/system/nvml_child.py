"""Reads NVML and prints JSON: run as a process of its own, because a sick driver can hang it.

It prints ``{"devices": […]}`` or ``{"error": name, "code":
number, "text": …}`` and exits with 0 in both cases.
"""

from __future__ import annotations

import json
import sys

import pynvml

__all__ = ["main"]


def main() -> int:
    """Print what NVML knows of each device; return the exit status."""
    try:
        pynvml.nvmlInit()
        answer: dict[str, object] = {"devices": _devices()}
    except pynvml.NVMLError as error:
        answer = {"error": type(error).__name__, "code": error.value, "text": str(error)}
    sys.stdout.write(json.dumps(answer))
    return 0


def _devices() -> list[dict[str, object]]:
    devices = []
    for place in range(pynvml.nvmlDeviceGetCount()):
        handle = pynvml.nvmlDeviceGetHandleByIndex(place)
        devices.append(
            {
                "uuid": _text(pynvml.nvmlDeviceGetUUID(handle)),
                "name": _text(pynvml.nvmlDeviceGetName(handle)),
                "bus": _text(pynvml.nvmlDeviceGetPciInfo(handle).busId),
                "memory_mib": _memory_mib(handle),
            }
        )
    return devices


def _memory_mib(handle: object) -> int:
    try:
        return int(pynvml.nvmlDeviceGetMemoryInfo(handle).total) // 2**20
    except pynvml.NVMLError_NotSupported:  # the GPU uses the machine's own memory (GB10, Jetson)
        return 0


def _text(raw: str | bytes) -> str:
    return raw.decode("ascii", "replace") if isinstance(raw, bytes) else raw


if __name__ == "__main__":
    raise SystemExit(main())
