"""A run's devices while it goes on: one thread that looks at them, and what it makes of it.

It never waits for a step and no step ever waits for it: a driver that hangs keeps this thread
alone, and what it does not know it says to be unknown.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol

from gpucore.engines.local import GRACE
from gpucore.errors import DeviceError
from gpucore.scheduling.foreign import strangers
from gpucore.scheduling.health import Health
from gpucore.sightings import Sightings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from gpucore.plugins.offers import DeviceWatch
    from gpucore.scheduling.standing import Change, Standing
    from gpucore.standard.evidence import Evidence
    from gpucore.standard.model import Device, FailureClass
    from gpucore.standard.readings import Snapshot
    from gpucore.standard.step import Step
    from gpucore.system.quarantine import QuarantineStore

__all__ = ["Monitor", "Steward"]

_LOGGER = logging.getLogger(__name__)
_PATIENCE = 5.0
"""Seconds for one answer; a driver in trouble takes minutes (NVIDIA/go-nvml issue 152)."""
_UNKILLABLE = 60.0
"""Seconds after which a program that was killed will not go away (Slurm: UnkillableStepTimeout)."""
_SAMPLE = 10.0
"""Seconds between two samples in the journal."""


class Steward(Protocol):
    """Who acts on what a monitor finds; called on its thread, and must come back soon."""

    def stands(self, standings: Mapping[str, Standing]) -> None:
        """Give devices to steps, or do not, by what is thought of them from now on."""

    def end_steps(self, uuid: str, reason: str) -> None:
        """End what runs there; it is tried elsewhere."""

    def strangers(self, busy: Mapping[str, str]) -> None:
        """Hear on which devices programs of others compute now, and which."""

    def memory(self, free: Mapping[str, int], held: Mapping[int, int]) -> None:
        """Hear what the run may use of each device, and what each step holds, in MiB."""

    def sampled(self, snapshot: Snapshot) -> None:
        """Put on record what devices say of themselves."""

    def seen(self, snapshot: Snapshot) -> None:
        """Show people what devices say of themselves."""

    def lost(self, uuids: Collection[str]) -> None:
        """Hear which devices have fallen off the bus."""

    def looked(self) -> None:
        """Hear that a look, or the lack of one, has been taken in."""

    def note(self, text: str) -> None:
        """Tell the user something, once."""


class Monitor:
    """Looks at a run's devices again and again.

    Parameters
    ----------
    watch : callable
        Opens what it looks with; called on its own thread.
    devices : sequence of Device
        The run's.
    run : str
        The run's name, by which its own processes are known.
    steward : Steward
        Acts on what is found.
    store : QuarantineStore or None
        What is remembered on this machine from run to run.
    period : float
        Seconds between two looks.
    foreign : str
        What is done about programs of others: ``avoid``, ``wait`` or ``ignore``; empty: what fits
        a list that was, or was not, written by hand.
    by_hand : bool
        Whether the user named the devices.
    """

    def __init__(
        self,
        watch: Callable[[], DeviceWatch],
        devices: Sequence[Device],
        *,
        run: str,
        steward: Steward,
        store: QuarantineStore | None = None,
        period: float = 2.0,
        foreign: str = "",
        by_hand: bool = True,
    ) -> None:
        self._open = watch
        self._devices = tuple(devices)
        self._steward = steward
        self._store = store
        self._period = period
        self._foreign = foreign
        self._by_hand = by_hand
        self._sightings = Sightings(run, devices)
        self._lock = threading.Lock()
        self._health = Health(
            [one.uuid for one in devices],
            store.read() if store is not None else {},
        )
        self._snapshot: Snapshot | None = None
        self._sampled = float("-inf")
        self._closing = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._work, name="gpucore-monitor", daemon=True)

    def start(self) -> None:
        """Say what is remembered of the devices, and begin to look; come back after the first look.

        What runs on them already, and how much of their memory is free, is known before the first
        step is given one; or that the driver does not answer is.
        """
        uuids = [device.uuid for device in self._devices]
        known = {uuid: self._health.standing(uuid) for uuid in uuids}
        if remembered := {uuid: standing for uuid, standing in known.items() if standing.level}:
            self._steward.stands(remembered)
        self._thread.start()
        self._looked.wait(_PATIENCE + 1)

    def close(self) -> None:
        """Look no more; comes back at once, even while a driver hangs."""
        self._closing.set()

    @property
    def snapshot(self) -> Snapshot | None:
        """What was seen last; None before the first look."""
        return self._snapshot

    def began(self, number: int, step: Step, uuids: Iterable[str]) -> None:
        """Hear that a step's program is about to run on some devices."""
        self._sightings.began(number, step.name, uuids)
        if step.limits.wall is not None:
            self.stopping(number, step.limits.wall)

    def stopping(self, number: int, after: float = 0.0) -> None:
        """Hear that a step's program is asked to end, after so many seconds; it has its grace."""
        self._sightings.stopping(number, after + GRACE + _UNKILLABLE)

    def ended(self, number: int) -> Evidence | None:
        """Return what was seen of a step that has ended."""
        return self._sightings.ended(number)

    def judged(self, name: str, uuids: Sequence[str], failure: FailureClass | None) -> None:
        """Hear how a step ended on some devices; None: well."""
        with self._lock:
            changes = self._health.ended(name, uuids, failure, time.time())
        self._carry_out(changes)

    def killed(self, uuids: Iterable[str]) -> None:
        """Hear that we end a program on these devices ourselves: the driver may report that."""
        now = time.time()
        with self._lock:
            for uuid in uuids:
                self._health.killed_by_us(uuid, now)

    def _work(self) -> None:
        watch: DeviceWatch | None = None
        since = time.monotonic()
        try:
            while not self._closing.is_set():
                try:
                    watch = watch or self._open()
                    snapshot = watch.read(_PATIENCE)
                except TimeoutError:
                    self._hear_nothing(since)
                    self._looked.set()
                    continue
                since = time.monotonic()
                self.see(snapshot, time.time())
                self._looked.set()
                self._closing.wait(self._period)
        except DeviceError as error:
            self._steward.note(f"the GPUs cannot be looked at any more: {error.what}")
        except Exception:  # what it does not know it must not break
            if not self._closing.is_set():  # else all that it tells is closed, too
                _LOGGER.exception("nobody looks at the GPUs any more")
        finally:
            self._looked.set()
            if watch is not None:
                watch.close()

    def _hear_nothing(self, since: float) -> None:
        now = time.time()
        with self._lock:
            # Counted by a clock that nobody sets.
            changes = self._health.silent(now - (time.monotonic() - since), now)
        self._carry_out(changes)
        self._steward.looked()

    def see(self, snapshot: Snapshot, now: float) -> None:
        """Take in one look.

        Parameters
        ----------
        snapshot : Snapshot
            What was seen.
        now : float
            Seconds since the epoch.
        """
        self._snapshot = snapshot
        free, held = self._sightings.take(snapshot)
        with self._lock:
            changes = []
            if self._store is not None and not 0 <= now - self._sampled < _SAMPLE:
                # People and other runs change it: `gpucore gpus disable` is heeded at once.
                changes += self._health.recall(self._store.read())
            changes += [*self._health.see(snapshot, now), *self._health.tick(now)]
            for step, uuids in self._sightings.unending():
                changes += self._health.unending(step, uuids, now)
        self._carry_out(changes)
        self._give_way(snapshot)
        if free:
            self._steward.memory(free, held)
        self._steward.seen(snapshot)
        if self._health.lost:
            self._steward.lost(self._health.lost)
        self._steward.looked()
        if not 0 <= now - self._sampled < _SAMPLE:
            self._sampled = now
            self._steward.sampled(snapshot)

    def _give_way(self, snapshot: Snapshot) -> None:
        """Keep off devices that programs of others compute on, and come back when they end."""
        busy, notes = strangers(
            snapshot,
            self._sightings.owners,
            self._devices,
            self._foreign,
            by_hand=self._by_hand,
            used=self._sightings.used,
        )
        self._steward.strangers(busy)
        for text in notes:
            self._steward.note(text)

    def _carry_out(self, changes: Sequence[Change]) -> None:
        if changes:
            self._steward.stands({change.uuid: change.after for change in changes})
        for change in changes:
            self._remember(change)
            if change.stop_steps:
                self._steward.end_steps(change.uuid, change.after.reason)

    def _remember(self, change: Change) -> None:
        if self._store is not None and (fault := self._store.follow(change)):
            self._steward.note(fault)
