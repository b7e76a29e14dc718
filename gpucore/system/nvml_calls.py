"""Single calls of NVML, each of which stands for itself.

What a driver or a card does not tell is None. A card that is gone, or wants a reset, is a
`DeviceFaultError`, a driver that cannot be asked at all a `DriverFaultError`; nothing else is
raised, whatever NVML or its binding answers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pynvml

__all__ = [
    "MIB",
    "DeviceFaultError",
    "DriverFaultError",
    "Gpu",
    "Instance",
    "call",
    "decoded",
    "first",
    "guarded",
    "memory_of",
]

MIB = 2**20
_WHOLE = {"Uninitialized", "DriverNotLoaded", "LibraryNotFound", "LibRmVersionMismatch"}
"""Faults of the driver, which every other call would meet as well."""
_GONE = {"GpuIsLost", "ResetRequired", "GpuNotFound"}
"""Faults of one device, whichever call tells them."""
_BROKEN = {"IrqIssue", "OperatingSystem", "Unknown"}
"""Faults of one device when it cannot even tell its memory; other calls have quirks."""
_NEWER = {27: "NotReady", 28: "GpuNotFound", 29: "InvalidState", 30: "ResetTypeNotSupported"}
"""Errors that older releases of nvidia-ml-py have no name for."""


class DriverFaultError(Exception):
    """The driver as a whole cannot be asked: the fault's name, and NVML's words."""


class DeviceFaultError(Exception):
    """One device cannot be asked: the fault's name, and NVML's words."""


class Gpu(NamedTuple):
    """A physical GPU: its handle and identity, or the fault that keeps these from being known."""

    place: int
    handle: Any
    uuid: str
    fault: str = ""
    words: str = ""


class Instance(NamedTuple):
    """A MIG instance, and its numbers on its GPU."""

    handle: Any
    uuid: str
    ids: tuple[int | None, int | None]


def call(name: str, *arguments: Any, needed: bool = False, whole: bool = False) -> Any:
    """Return what NVML answers; None when it does not tell.

    ``needed``: without the answer there is nothing to be said of the device; ``whole``: of any.
    """
    try:
        return getattr(pynvml, name)(*arguments)
    except pynvml.NVMLError as error:
        fault = type(error).__name__.partition("_")[2] or _named(error.value)
        words = str(error)
    except AttributeError:
        fault, words = "FunctionNotFound", f"this nvidia-ml-py has no {name}"
    except Exception as error:  # noqa: BLE001 - a name that is no UTF-8, say: the binding's own faults
        fault, words = type(error).__name__, str(error)
    if whole or fault in _WHOLE:
        raise DriverFaultError(fault, words)
    if needed or fault in _GONE:
        raise DeviceFaultError(fault, words)
    return None


def _named(number: int) -> str:
    return _NEWER.get(number, f"Error{number}")


def guarded(name: str, *arguments: Any) -> Any:
    """Return what NVML answers; None for whatever keeps it from that."""
    try:
        return call(name, *arguments)
    except (DriverFaultError, DeviceFaultError):
        return None


def memory_of(handle: Any) -> Any:
    """Return total, used and free memory; None when it has none of its own (GB10)."""
    try:
        return call("nvmlDeviceGetMemoryInfo", handle, needed=True)
    except DeviceFaultError as fault:
        if fault.args[0] in _GONE | _BROKEN or fault.args[0].startswith("Error"):
            raise
        return None


def first(*calls: tuple[Any, ...]) -> Any:
    """Return the first answer of several calls, each a name and arguments; None: there is none."""
    for one in calls:
        answer = call(*one)
        if answer is not None:
            return answer
    return None


def decoded(raw: str | bytes) -> str:
    """Return a text of NVML's as Python has it."""
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
