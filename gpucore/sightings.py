"""What a run's steps do on its devices, seen from outside: gathered look by look."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpucore.scheduling.memory import StrangerPeaks
from gpucore.standard.evidence import Evidence
from gpucore.system.orphans import is_ours, marks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpucore.standard.model import Device
    from gpucore.standard.readings import Reading, Snapshot

__all__ = ["Sightings"]


@dataclass
class _Seen:
    """What was seen of one attempt of a step so far."""

    name: str
    uuids: frozenset[str]
    shared: bool
    looks: int = 0
    told: bool = False
    memory: dict[str, int] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    utilisation: int | None = None
    foreign_mib: int = 0
    xids: tuple[int, ...] = ()
    fault: str = ""
    strays: dict[str, None] = field(default_factory=dict)
    gone_by: float = float("inf")
    """When its program must be gone, by a clock that nobody sets; it is being ended."""


class Sightings:
    """Gathers the evidence of each step while it runs.

    Parameters
    ----------
    run : str
        The run's name, by which its own processes are known.
    devices : sequence of Device
        The run's.
    """

    def __init__(self, run: str, devices: Sequence[Device]) -> None:
        self._run = run
        self._devices = tuple(devices)
        self._lock = threading.Lock()
        self._seen: dict[int, _Seen] = {}
        self._numbers: dict[str, int] = {}
        self._strangers = StrangerPeaks()
        self._owners: dict[int, tuple[str, str]] = {}

    @property
    def owners(self) -> frozenset[int]:
        """The processes of gpucore's runs that were seen on the devices at the last look."""
        with self._lock:
            return frozenset(self._owners)

    @property
    def used(self) -> frozenset[str]:
        """UUIDs of the devices that steps use now."""
        with self._lock:
            return frozenset().union(*(seen.uuids for seen in self._seen.values()))

    def began(self, number: int, name: str, uuids: Iterable[str]) -> None:
        """Hear that a step's program is about to run on some devices."""
        own = frozenset(uuids)
        with self._lock:
            beside = [one for one in self._seen.values() if one.uuids & own]
            for one in beside:
                one.shared = True
            self._seen[number] = _Seen(name, own, bool(beside))
            self._numbers[name] = number

    def stopping(self, number: int, seconds: float) -> None:
        """Hear that a step's program is to be gone in so many seconds."""
        with self._lock:
            if (seen := self._seen.get(number)) is not None:
                seen.gone_by = min(seen.gone_by, time.monotonic() + seconds)

    def unending(self) -> list[tuple[str, frozenset[str]]]:
        """Return the steps whose programs should be gone and are not, and their devices; once."""
        now = time.monotonic()
        with self._lock:
            late = [seen for seen in self._seen.values() if seen.gone_by < now]
            for seen in late:
                seen.gone_by = float("inf")
        return [(seen.name, seen.uuids) for seen in late]

    def ended(self, number: int) -> Evidence | None:
        """Return what was seen of a step that has ended, and forget it; None: it never began."""
        with self._lock:
            seen = self._seen.pop(number, None)
            if seen is None:
                return None
            if self._numbers.get(seen.name) == number:
                del self._numbers[seen.name]
        most = max(seen.memory, key=lambda uuid: seen.memory[uuid], default="")
        return Evidence(
            xids=seen.xids,
            device_fault=seen.fault,
            peak_memory_mib=seen.memory.get(most, 0 if seen.told else None),
            peak_utilisation=seen.utilisation,
            memory_total_mib=seen.totals.get(most),
            foreign_mib=seen.foreign_mib,
            shared=seen.shared,
            strays=tuple(seen.strays),
            looks=seen.looks,
        )

    def take(self, snapshot: Snapshot) -> tuple[dict[str, int], dict[int, int]]:
        """Take in one look.

        Returns
        -------
        free : dict
            MiB by device: what this run may use, whether its steps do or not.
        held : dict
            MiB by step: the most that it holds of one of its devices.
        """
        free: dict[str, int] = {}
        held: dict[int, int] = {}
        owners: dict[int, tuple[str, str]] = {}
        with self._lock:
            for device in self._devices:
                reading = snapshot.of.get(device.uuid)
                here, others = self._split(reading, owners)
                self._note(device.uuid, reading, here, others)
                for number, mib in here.items():
                    held[number] = max(held.get(number, 0), mib)
            for xid in snapshot.xids:
                for seen in self._seen.values():
                    if xid.uuid in seen.uuids:
                        seen.xids = (*seen.xids, xid.number)
            for seen in self._seen.values():
                seen.looks += 1
            self._owners = owners
            own = {pid for pid, (run, _) in owners.items() if run == self._run}
            taken = self._strangers.see(snapshot, own.__contains__)
        for uuid, mib in taken.items():
            total = snapshot.of[uuid].memory_total_mib
            if total is not None:
                free[uuid] = max(total - mib, 0)
        return free, held

    def _split(
        self, reading: Reading | None, owners: dict[int, tuple[str, str]]
    ) -> tuple[dict[int, int], int]:
        """Return what steps hold of a device, by number, and what others do, in MiB."""
        here: dict[int, int] = {}
        others = 0
        for process in (reading.processes if reading is not None else None) or ():
            run, step = self._owner(process.pid)
            if run:
                owners[process.pid] = run, step
            if run != self._run:
                others += process.memory_mib or 0
            elif (number := self._numbers.get(step)) is not None:
                here[number] = here.get(number, 0) + (process.memory_mib or 0)
        return here, others

    def _note(
        self, uuid: str, reading: Reading | None, here: Mapping[int, int], others: int
    ) -> None:
        for number, seen in self._seen.items():
            if uuid in seen.uuids:
                _add(seen, uuid, reading, here.get(number, 0), others)
            elif number in here:
                seen.strays[uuid] = None

    def _owner(self, pid: int) -> tuple[str, str]:
        """Return the run and step of a process; the run is empty when it is none of gpucore's.

        A program that the host itself started is the run's; with one of another run leases
        decide, and it is no stranger.
        """
        if pid in self._owners:
            return self._owners[pid]
        run, step = marks_of(pid)
        return (self._run, "") if not run and is_ours(pid) else (run, step)


def _add(seen: _Seen, uuid: str, reading: Reading | None, own: int, others: int) -> None:
    if reading is None or reading.fault:
        seen.fault = seen.fault or (reading.fault if reading is not None else "GpuIsLost")
        return
    if reading.processes is not None:
        seen.told = True
        if own >= seen.memory.get(uuid, 0):
            seen.memory[uuid] = own
    if reading.memory_total_mib is not None:
        seen.totals[uuid] = reading.memory_total_mib
    seen.foreign_mib = max(seen.foreign_mib, others)
    if reading.utilisation is not None:
        seen.utilisation = max(seen.utilisation or 0, reading.utilisation)
