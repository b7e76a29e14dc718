"""What was seen of an attempt of a step from outside, beside what its program left behind."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Evidence"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What devices and the machine told while a step's program ran.

    Nothing is required: what could not be seen is None, empty or 0, and proves nothing.

    Parameters
    ----------
    xids : tuple of int
        What the driver reported of its devices, in order.
    device_fault : str
        Why one of its devices could not be read any more, as the maker's library names it
        (``GpuIsLost``); empty when all could.
    peak_memory_mib : int or None
        The most that its own processes held of one device, in MiB. 0: they were looked for on
        its devices, and held nothing. None: it could not be seen.
    peak_utilisation : int or None
        Per cent; the most that one of its devices was busy.
    memory_total_mib : int or None
        All the memory of the device of which it held most, in MiB.
    foreign_mib : int
        The most that programs which are not gpucore's held on one of its devices, in MiB.
    shared : bool or None
        Whether another step of gpucore's had one of its devices meanwhile; None: not known.
    strays : tuple of str
        UUIDs of devices that its processes were seen on and that were not its own.
    looks : int
        How often its devices were looked at while it ran.
    oom_kills : int or None
        How many processes of this machine the kernel ended meanwhile for want of memory; None:
        it does not say.
    """

    xids: tuple[int, ...] = ()
    device_fault: str = ""
    peak_memory_mib: int | None = None
    peak_utilisation: int | None = None
    memory_total_mib: int | None = None
    foreign_mib: int = 0
    shared: bool | None = None
    strays: tuple[str, ...] = ()
    looks: int = 0
    oom_kills: int | None = None
