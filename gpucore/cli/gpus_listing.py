"""What `gpucore gpus` shows: the devices, how they are, who uses them, what is thought of them."""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpucore.cli.manner import remark
from gpucore.cli.terminal import clean, print_json, print_table
from gpucore.errors import DeviceError, GpucoreError
from gpucore.provision import read_devices
from gpucore.scheduling.health import Health, Level
from gpucore.scheduling.standing import Standing
from gpucore.standard.devices import MASKS
from gpucore.standard.model import Device
from gpucore.standard.readings import Reading, Snapshot
from gpucore.system.device_watch import ReaderWatch
from gpucore.system.journal_place import state_home
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases
from gpucore.system.nvml import DEADLINE
from gpucore.system.orphans import marks_of
from gpucore.system.quarantine import find_quarantine_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.plugins.offers import DeviceWatch
    from gpucore.settings import Settings
    from gpucore.standard.readings import DeviceProcess
    from gpucore.system.lease_records import Holder

__all__ = ["Listing", "Look", "as_document", "print_listing"]

_PATIENCE = 5.0
_NOTHING = Reading(uuid="")


@dataclass(frozen=True, kw_only=True)
class Use:
    """Somebody who uses a device: a lease of gpucore, or a process.

    Parameters
    ----------
    uuid : str
        The device.
    ours : bool
        Whether it is a step of gpucore, of whichever user.
    pid : int
        The process that took the lease, or that computes.
    user, what : str
        Whose, and which step or program; empty when that is not known.
    memory_mib : int or None
        What it holds of the device's memory.
    since : float
        When a lease was taken, in seconds since the epoch; 0: not known.
    """

    uuid: str
    ours: bool
    pid: int
    user: str
    what: str
    memory_mib: int | None
    since: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The devices at one moment.

    Parameters
    ----------
    source : str
        Where they come from.
    devices : tuple of Device
        Those that this process may use.
    snapshot : Snapshot
        How they are; without readings when that is not known.
    standings : dict
        What is thought of each, by UUID.
    uses : tuple of Use
        Who uses them.
    notes : tuple of str
        What could not be found out, and why.
    """

    source: str
    devices: tuple[Device, ...]
    snapshot: Snapshot
    standings: dict[str, Standing]
    uses: tuple[Use, ...]
    notes: tuple[str, ...]

    def reading(self, device: Device) -> Reading:
        """Return how a device is; nothing is known where there is no reading."""
        return self.snapshot.of.get(device.uuid, _NOTHING)


class Look:
    """A look at the devices of a source that can be repeated.

    Parameters
    ----------
    settings : Settings
        Those of the command line.
    watch : DeviceWatch or None
        A look at the devices of all processes; None: their source cannot.
    patience : float
        Seconds to wait for what devices say of themselves.
    """

    def __init__(
        self, settings: Settings, watch: DeviceWatch | None, *, patience: float = _PATIENCE
    ) -> None:
        self._patience = patience
        self._settings = settings
        self._source = settings.config.devices
        self._devices: tuple[Device, ...] = ()
        self._seen: set[str] | None = None
        self._watch = watch
        self._silent_since: float | None = None

    def take(self) -> Listing:
        """Return the devices as they are now.

        Raises
        ------
        DeviceError
            When they cannot be read, or there are none.
        """
        notes: list[str] = []
        if self._seen is None:
            self._devices = self._read()
        snapshot = self._snapshot(notes)
        seen = {one.uuid for one in snapshot.readings}
        if self._seen is not None and seen and seen != self._seen:
            # A GPU went or came; that none can be read now does not end a look that goes on.
            try:
                self._devices = self._read()
            except DeviceError as error:
                notes.append(error.what)
        self._seen = seen or self._seen or set()
        return Listing(
            source=self._source,
            devices=self._devices,
            snapshot=snapshot,
            standings=standings(self._devices, snapshot),
            uses=tuple(_uses(self._devices, snapshot, self._holders(notes))),
            notes=tuple(notes),
        )

    def _read(self) -> tuple[Device, ...]:
        environment = self._settings.environment
        if isinstance(self._watch, ReaderWatch):  # one child process instead of two
            found = self._watch.devices(environment, DEADLINE)
        else:
            found = read_devices(self._settings.plugins, self._source, environment)
        if not found:
            masks = [f"{name}={environment[name]!r}" for name in MASKS if name in environment]
            hidden = f"; {', '.join(masks)} may hide some" if masks else ""
            raise DeviceError(
                f"the device source `{self._source}` found no GPU{hidden}", code="E604"
            )
        return found

    def _snapshot(self, notes: list[str]) -> Snapshot:
        nothing = Snapshot(time=time.time())
        if self._watch is None:
            return nothing
        asked = time.monotonic()
        try:
            snapshot = self._watch.read(self._patience)
        except TimeoutError:
            self._silent_since = self._silent_since or asked
            silent = time.monotonic() - self._silent_since
            notes.append(f"the driver has not answered for {silent:.0f} seconds")
            return nothing
        self._silent_since = None
        if snapshot.fault:
            notes.append(f"the GPUs cannot be looked at: {snapshot.fault}")
        return snapshot

    def _holders(self, notes: list[str]) -> list[Holder]:
        try:
            directory = find_lease_directory(
                os.environ, configured=self._settings.config.lease_directory
            )
            leases = Leases(directory)
            try:
                return leases.holders()
            finally:
                leases.close()
        except GpucoreError as error:
            notes.append(f"leases cannot be read: {error.what}")
            return []


def standings(devices: Sequence[Device], snapshot: Snapshot) -> dict[str, Standing]:
    """Return what a run that began now would think of each device, by UUID."""
    remembered = find_quarantine_store(state_home(os.environ)).read()
    health = Health([one.uuid for one in devices], remembered)
    if snapshot.readings or snapshot.fault:
        health.see(snapshot, snapshot.time)
    return {one.uuid: health.standing(one.uuid) for one in devices}


def _uses(devices: Sequence[Device], snapshot: Snapshot, holders: Sequence[Holder]) -> list[Use]:
    """Return who uses each device: leases with what their programs hold, then all others."""
    uses: list[Use] = []
    for device in devices:
        leased = [one for one in holders if one.uuid == device.uuid]
        held: dict[int, int] = {}
        others: list[Use] = []
        for process in snapshot.of.get(device.uuid, _NOTHING).processes or ():
            run, step = marks_of(process.pid)
            place = _lease_of(process, step, leased)
            if place is None:
                others.append(_use(device.uuid, process, step if run else ""))
            else:
                held[place] = held.get(place, 0) + (process.memory_mib or 0)
        uses += [
            Use(
                uuid=device.uuid,
                ours=True,
                pid=one.pid,
                user=one.user,
                what=one.step,
                memory_mib=held.get(place),
                since=one.since,
            )
            for place, one in enumerate(leased)
        ]
        uses += others
    return uses


def _use(uuid: str, process: DeviceProcess, step: str) -> Use:
    return Use(
        uuid=uuid,
        ours=bool(step),
        pid=process.pid,
        user=process.user,
        what=step or process.program,
        memory_mib=process.memory_mib,
    )


def _lease_of(process: DeviceProcess, step: str, leased: Sequence[Holder]) -> int | None:
    """Return the place of the lease that a process computes under, as far as that can be told."""
    for place, one in enumerate(leased):
        if step and one.step == step:
            return place
    if step:
        return None
    # Who leases devices for programs of its own (`gpucore exec`, a host) gives them no marks.
    above = _ancestors(process.pid)
    for place, one in enumerate(leased):
        if one.pid in above:
            return place
    # Marks of another user's processes cannot be read; who holds the device is most likely it.
    theirs = [place for place, one in enumerate(leased) if one.user and one.user == process.user]
    return theirs[0] if theirs and _has_secrets(process.pid) else None


def _ancestors(pid: int) -> set[int]:
    """Return a process and those that it descends from, as far as they live."""
    found: set[int] = set()
    while pid > 1 and pid not in found:
        found.add(pid)
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            break
        pid = int(stat.rpartition(")")[2].split()[1])
    return found


def _has_secrets(pid: int) -> bool:
    """Return whether this user may not read the marks of a process."""
    return not os.access(f"/proc/{pid}/environ", os.R_OK)


def print_listing(listing: Listing) -> None:
    """Print a listing for people."""
    print_table(
        ("index", "name", "memory", "busy", "temp", "power", "state", "uuid"),
        [_row(listing, device) for device in listing.devices],
    )
    index = {device.uuid: str(device.index) for device in listing.devices}
    if listing.uses:
        click.echo()
        print_table(
            ("GPU", "by", "process", "user", "memory", "what"),
            [
                (
                    index[one.uuid],
                    "gpucore" if one.ours else "others",
                    str(one.pid or "?"),
                    one.user or "?",
                    _with_unit(one.memory_mib, "MiB"),
                    one.what or "?",
                )
                for one in listing.uses
            ],
        )
    known = [
        f"{name} {version}"
        for name, version in (("driver", listing.snapshot.driver), ("CUDA", listing.snapshot.cuda))
        if version
    ]
    if known:
        click.echo(f"\n{clean(', '.join(known))}")
    for device in listing.devices:
        standing = listing.standings[device.uuid]
        if standing.level > Level.GOOD:
            remark(f"GPU {device.index} {_state(listing, device)}: {clean(standing.reason)}")
            remark(f"  help: {clean(standing.remedy)}")
    for note in listing.notes:
        remark(clean(note))


def as_document(listing: Listing) -> dict[str, Any]:
    """Return a listing as `--json` prints it."""
    rows = []
    for device in listing.devices:
        reading = asdict(listing.reading(device))
        facts = asdict(device)
        of_reading = {
            name: reading[name] for name in reading if name not in facts and name != "processes"
        }
        standing = listing.standings[device.uuid]
        rows.append(
            {
                **facts,
                **of_reading,
                "memory_free_mib": listing.reading(device).memory_free_mib,
                "state": _state(listing, device),
                "reason": standing.reason,
                "remedy": standing.remedy,
                "uses": [
                    {name: value for name, value in asdict(one).items() if name != "uuid"}
                    for one in listing.uses
                    if one.uuid == device.uuid
                ],
            }
        )
    return {
        "source": listing.source,
        "driver": listing.snapshot.driver,
        "cuda": listing.snapshot.cuda,
        "notes": list(listing.notes),
        "devices": rows,
    }


def print_document(listing: Listing) -> None:
    """Print a listing for programs."""
    print_json("gpus", as_document(listing))


def _row(listing: Listing, device: Device) -> tuple[str, ...]:
    reading = listing.reading(device)
    total = reading.memory_total_mib or device.memory_mib or None
    memory = _with_unit(total, "MiB")
    if total is not None and reading.memory_used_mib is not None:
        memory = f"{reading.memory_used_mib} / {memory}"
    power = None if reading.power_w is None else round(reading.power_w)
    return (
        str(device.index),
        device.name,
        memory,
        _with_unit(reading.utilisation, "%"),
        _with_unit(reading.temperature, "°C"),
        _with_unit(power, "W"),
        _state(listing, device),
        device.uuid,
    )


def _state(listing: Listing, device: Device) -> str:
    standing = listing.standings[device.uuid]
    if standing.level > Level.NOTED:
        return standing.level.name.lower()
    uses = [one for one in listing.uses if one.uuid == device.uuid]
    if any(one.ours for one in uses):
        return "leased"
    if uses:
        return "in use"
    return "free" if device.uuid in listing.snapshot.of else "unknown"


def _with_unit(value: int | None, unit: str) -> str:
    return "-" if value is None else f"{value} {unit}"
