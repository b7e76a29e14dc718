"""What devices say of themselves while a run goes on: memory, load, health, and who uses them.

Everything may be None: a maker's library does not tell it (GeForce cards have no ECC), or could
not be asked. None is never taken for zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["DeviceProcess", "Reading", "Snapshot", "Xid"]


@dataclass(frozen=True, kw_only=True)
class DeviceProcess:
    """A process that computes on a device.

    Parameters
    ----------
    pid : int
        Its number on this machine.
    memory_mib : int or None
        What it holds of the device's memory, in MiB.
    user : str
        Whose it is; empty when that cannot be read.
    program : str
        Its program's name; empty when that cannot be read.
    """

    pid: int
    memory_mib: int | None = None
    user: str = ""
    program: str = ""


@dataclass(frozen=True, kw_only=True)
class Xid:
    """An error that the NVIDIA driver reported of a device.

    Parameters
    ----------
    uuid : str
        The device.
    number : int
        As in NVIDIA's *Xid Errors* (docs.nvidia.com/deploy/xid-errors).
    time : float
        Seconds since the epoch, when it was read.
    """

    uuid: str
    number: int
    time: float


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One device at one moment.

    Parameters
    ----------
    uuid : str
        The device.
    fault : str
        Why it could not be read, as the maker's library names it (``GpuIsLost``); else empty.
    memory_total_mib, memory_used_mib : int or None
        In MiB.
    utilisation : int or None
        Per cent of the time in which something ran on it.
    temperature : int or None
        In °C.
    power_w : float or None
        In W.
    compute_mode : str or None
        ``default``, ``exclusive_process`` or ``prohibited``.
    ecc_uncorrected : int or None
        Uncorrectable memory errors since the driver was loaded.
    remap_pending, remap_failed : bool or None
        Whether rows of its memory wait to be replaced, or could not be.
    recovery_action : str or None
        What the driver asks for: ``none``, ``gpu_reset``, ``node_reboot``, ``drain_p2p``,
        ``drain_and_reset``…
    clock_reasons : int or None
        Bits of ``nvmlClocksEventReasons``: why its clocks are held down.
    mig : tuple of (bool, bool) or None
        Whether it is cut into MIG instances now, and after the next reset.
    processes : tuple of DeviceProcess or None
        Who computes on it.
    """

    uuid: str
    fault: str = ""
    memory_total_mib: int | None = None
    memory_used_mib: int | None = None
    utilisation: int | None = None
    temperature: int | None = None
    power_w: float | None = None
    compute_mode: str | None = None
    ecc_uncorrected: int | None = None
    remap_pending: bool | None = None
    remap_failed: bool | None = None
    recovery_action: str | None = None
    clock_reasons: int | None = None
    mig: tuple[bool, bool] | None = None
    processes: tuple[DeviceProcess, ...] | None = None

    @property
    def memory_free_mib(self) -> int | None:
        """What is left of its memory, in MiB."""
        if self.memory_total_mib is None or self.memory_used_mib is None:
            return None
        return max(self.memory_total_mib - self.memory_used_mib, 0)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All devices of a source at one moment.

    Parameters
    ----------
    time : float
        Seconds since the epoch.
    readings : tuple of Reading
        In the order of the devices; one that is gone is not among them, or has a ``fault``.
    xids : tuple of Xid
        What the driver reported since the snapshot before.
    driver, cuda : str
        Versions; empty when not known.
    fault : str
        Why the source as a whole could not be read (``DriverNotLoaded``); else empty.

    Attributes
    ----------
    of : dict
        The readings by their device's UUID.
    """

    time: float
    readings: tuple[Reading, ...] = ()
    xids: tuple[Xid, ...] = ()
    driver: str = ""
    cuda: str = ""
    fault: str = ""
    of: dict[str, Reading] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the readings by device."""
        object.__setattr__(self, "of", {one.uuid: one for one in self.readings})
