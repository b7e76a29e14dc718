"""The machine: events in, actions out, and nothing else.

It knows no clock, thread, process or file. Whoever owns the executor's lock calls `handle`; what
has to be done comes back as actions, in order. The design is that of dask.distributed's worker
state machine (``distributed/worker_state_machine.py``), taken from the start instead of late.
"""

from __future__ import annotations

from array import array
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING

from gpucore.errors import InternalError, NeedError
from gpucore.scheduling.events import (
    HEALTH,
    STRANGERS,
    Action,
    Cancelled,
    DeviceAvoided,
    DeviceLost,
    DeviceReturned,
    DeviceWithheld,
    Drained,
    Ended,
    Fate,
    FewerWorkers,
    Launch,
    MachineEvent,
    MemorySeen,
    Refuse,
    Skip,
    Stop,
    Submitted,
    Together,
)
from gpucore.scheduling.graph import Graph
from gpucore.scheduling.queue import ReadyQueue
from gpucore.scheduling.supply import Offer
from gpucore.scheduling.waiting import lacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.scheduling.ledger import Grant, Ledger
    from gpucore.standard.model import Need

__all__ = [
    "HEALTH",
    "STRANGERS",
    "Action",
    "Cancelled",
    "DeviceAvoided",
    "DeviceLost",
    "DeviceReturned",
    "DeviceWithheld",
    "Drained",
    "Ended",
    "Fate",
    "FewerWorkers",
    "Launch",
    "Machine",
    "MachineEvent",
    "MemorySeen",
    "Refuse",
    "Skip",
    "Stop",
    "Submitted",
    "Together",
]

_ENDED = frozenset({Fate.DONE, Fate.FAILED, Fate.SKIPPED, Fate.CANCELLED})
_SPIKES = 1.1
"""What a step may hold between two looks, for each MiB that it was seen to hold (gpusched)."""


class Machine:
    """Decides which step starts when, on which units.

    Parameters
    ----------
    ledger : Ledger
        What can be given.
    workers : int
        Steps that run at once; leases do not count.

    Notes
    -----
    First come, first served within a priority, and there without starvation: the first step that
    has to wait for others holds a reservation, and a later one may pass it only with what the
    reservation does not cover. A higher priority comes before every age, for as long as such steps
    come; what runs is never ended for one. A step that waits for a device to come back, or for the
    memory that a stranger holds, reserves nothing: its turn comes when others alone keep it from
    starting.
    """

    def __init__(self, ledger: Ledger, workers: int) -> None:
        self.ledger = ledger
        self.workers = workers
        self.idle = workers
        self.draining = False
        self.queue = ReadyQueue()
        self.grants: dict[int, Grant] = {}
        self._graph = Graph()
        self._fates = array("b")
        self._needs: dict[int, Need] = {}
        self._priorities: dict[int, int] = {}  # those that are not 0, until their steps have ended
        self._leases = 0
        self._unwanted: set[int] = set()  # cancelled while they ran

    def handle(self, event: MachineEvent) -> list[Action]:
        """Take one event; return what is to be done about it, in order.

        Raises
        ------
        InternalError
            When the event cannot be: a step ends that does not run, say.
        """
        if isinstance(event, Submitted):
            actions = self._submitted(event)
            if not self.queue.leads(event.step, event.need):
                return actions  # it lets nothing start that could not before
        elif isinstance(event, Ended):
            actions = self._ended(event)
        elif isinstance(event, Cancelled):
            actions = self._cancelled(event.step)
        elif isinstance(event, Drained):
            actions = self._drained()
        elif isinstance(event, DeviceLost):
            actions = self._lost(event)
        elif isinstance(event, FewerWorkers):
            actions = self._fewer()
        elif isinstance(event, Together):
            actions = [action for one in event.events for action in self._noted(one)]
        else:
            actions = self._noted(event)
        actions.extend(self._dispatch())
        return actions

    def fate(self, step: int) -> Fate:
        """Return where a step stands."""
        return Fate(self._fates[step])

    def need(self, step: int) -> Need:
        """Return what a step asks for that has not ended yet."""
        return self._needs[step]

    def waits_for(self, step: int) -> str:
        """Return what a step waits for, one line; empty when it does not wait."""
        fate = Fate(self._fates[step])
        if fate == Fate.WAITING:
            unmet = self._graph.unmet(step)
            return f"waits for {unmet} step{'s' if unmet > 1 else ''} that it comes after"
        if fate != Fate.READY:
            return ""
        need = self._needs[step]
        if need.worker and self.idle <= 0:
            busy = f"all {self.workers} are" if self.workers > 1 else "the only one is"
            return f"waits for a worker; {busy} busy"
        first = "steps of higher priority and older ones" if self._priorities else "older steps"
        return lacks(self.ledger, need) or f"waits for its turn; {first} come first"

    @property
    def first_ready(self) -> int | None:
        """The step that is to start next, and lacks something; None: there is none."""
        return next((step for step, _ in self.queue.heads()), None)

    def could_move(self, step: int) -> bool:
        """Say whether a running step could have other devices instead that no ready step needs."""
        if any(need.gpus != 0 for _, need in self.queue.heads()):
            return False
        need = self._needs[step]
        avoid = need.avoid.union(device.uuid for device in self.grants[step].devices)
        found = self.ledger.find(replace(need, avoid=avoid))
        # To keep off devices is a wish, which the ledger need not grant.
        return found is not None and avoid.isdisjoint(device.uuid for device in found.devices)

    @property
    def all_withheld(self) -> bool:
        """Whether no unit is left whose devices are fit (``by = HEALTH``), and there were some.

        Devices that are withheld by others than ``HEALTH`` come back, and are waited for.
        """
        return self.ledger.none_left(HEALTH)

    @property
    def submitted(self) -> int:
        """How many steps were submitted; the next one's number."""
        return len(self._fates)

    def _submitted(self, event: Submitted) -> list[Action]:
        step, need = event.step, event.need
        if step != len(self._fates):
            raise InternalError(f"step {step} was submitted as number {len(self._fates)}")
        if unknown := [before for before in event.after if not 0 <= before < step]:
            raise InternalError(f"step {step} waits for {unknown[0]}, which is not known yet")
        if event.done:
            self._fates.append(Fate.DONE)
            return []
        self._fates.append(Fate.WAITING)
        if self.draining:
            return self._end_unstarted(step, Fate.CANCELLED, step)
        try:
            self.ledger.check(need)
        except NeedError as error:
            self._fates[step] = Fate.FAILED
            return [Refuse(step, error)]
        unmet = []
        for before in event.after:
            fate = self._fates[before]
            if fate in _ENDED and fate != Fate.DONE:
                return self._end_unstarted(step, Fate.SKIPPED, before)
            if fate != Fate.DONE:
                unmet.append(before)
        self._needs[step] = need
        self._priorities |= {step: event.priority} if event.priority else {}
        if not (unmet and self._graph.add(step, unmet)):
            self._ready(step)
        return []

    def _ready(self, step: int) -> None:
        self._fates[step] = Fate.READY
        self.queue.add(step, self._needs[step], self._priorities.get(step, 0))

    def _ended(self, event: Ended) -> list[Action]:
        step = event.step
        grant = self.grants.pop(step, None)
        if grant is None:
            raise InternalError(f"step {step} ended without running")
        self.ledger.give(grant)
        need = self._needs.pop(step)
        if need.worker:
            self.idle += 1
        else:
            self._leases -= 1
        is_wanted = step not in self._unwanted
        self._unwanted.discard(step)
        if event.again and not event.done:
            return self._again(step, event.need or need, is_wanted=is_wanted)
        self._fates[step] = Fate.DONE if event.done else Fate.FAILED
        self._priorities.pop(step, None)
        if not event.done:
            return self._skip_dependents(step)
        for ready in self._graph.met(step):
            self._ready(ready)
        return []

    def _again(self, step: int, need: Need, *, is_wanted: bool) -> list[Action]:
        # Who cancels it in the moment in which it ends finds no program to end.
        if self.draining or not is_wanted:
            return [*self._end_unstarted(step, Fate.CANCELLED, step), *self._skip_dependents(step)]
        try:
            self.ledger.check(need)
        except NeedError as error:  # what it ran on is lost
            self._fates[step] = Fate.FAILED
            self._priorities.pop(step, None)
            return [Refuse(step, error), *self._skip_dependents(step)]
        self._needs[step] = need
        self._ready(step)
        return []

    def _cancelled(self, step: int) -> list[Action]:
        fate = self._fates[step]
        if fate == Fate.RUNNING:
            self._unwanted.add(step)
            return [Stop(step)]
        if fate in _ENDED:
            return []
        if fate == Fate.READY:
            self.queue.remove(step)
        else:
            self._graph.drop(step)
        return [*self._end_unstarted(step, Fate.CANCELLED, step), *self._skip_dependents(step)]

    def _drained(self) -> list[Action]:
        self.draining = True
        actions: list[Action] = []
        for step in sorted(self._needs):
            if self._fates[step] != Fate.RUNNING:
                actions.extend(self._end_unstarted(step, Fate.CANCELLED, step))
        self.queue = ReadyQueue()
        self._graph = Graph()
        return actions

    def _lost(self, event: DeviceLost) -> list[Action]:
        self.ledger.retire(event.uuid)
        actions: list[Action] = []
        for step in sorted(self._needs):
            if self._fates[step] == Fate.RUNNING:
                if any(device.uuid == event.uuid for device in self.grants[step].devices):
                    actions.append(Stop(step))
                continue
            if self._fates[step] in _ENDED:  # skipped with one that was refused before it
                continue
            try:
                self.ledger.check(self._needs[step])
            except NeedError as error:
                if self._fates[step] == Fate.READY:
                    self.queue.remove(step)
                else:
                    self._graph.drop(step)
                self._end_unstarted(step, Fate.FAILED, step)
                actions += [Refuse(step, error), *self._skip_dependents(step)]
        return actions

    def _fewer(self) -> list[Action]:
        before = self.workers
        self.workers = max(before // 2, 1)
        self.idle -= before - self.workers  # below 0 until as many have ended
        return []

    def _noted(
        self, event: DeviceWithheld | DeviceAvoided | DeviceReturned | MemorySeen
    ) -> list[Action]:
        ledger = self.ledger
        if isinstance(event, DeviceWithheld):
            ledger.offer(event.uuid, Offer.WITHHELD, event.reason, event.by)
        elif isinstance(event, DeviceAvoided):
            offer = Offer.LAST if event.last else Offer.SHUNNED
            ledger.offer(event.uuid, offer, event.reason, event.by)
        elif isinstance(event, DeviceReturned):
            ledger.offer(event.uuid, Offer.OPEN, "", event.by)
        else:
            self._correct(event.held)
            ledger.see(event.free)
        return []

    def _correct(self, held: Mapping[int, int]) -> None:
        """Believe what steps were seen to hold of memory, where they had asked for less."""
        for step, mib in held.items():
            grant = self.grants.get(step)
            if grant is not None and grant.devices and mib > grant.memory_mib:
                self.grants[step] = self.ledger.enlarge(grant, ceil(mib * _SPIKES))

    def _skip_dependents(self, step: int) -> list[Action]:
        actions: list[Action] = []
        for lost in self._graph.cut_off(step):
            actions.extend(self._end_unstarted(lost, Fate.SKIPPED, step))
        return actions

    def _end_unstarted(self, step: int, fate: Fate, because: int) -> list[Action]:
        self._fates[step] = fate
        self._needs.pop(step, None)
        self._priorities.pop(step, None)
        return [Skip(step, fate, because)]

    def _dispatch(self) -> list[Action]:
        actions: list[Action] = []
        while launch := self._next():
            actions.append(launch)
        return actions

    def _next(self) -> Launch | None:
        """Return the first step that can start now without delaying one before it."""
        reserved: frozenset[int] = frozenset()
        head_waits = False
        # A lease frees no worker when it ends, so that one has to be kept for whom it holds up.
        kept_workers = 0
        for step, need in self.queue.heads():
            if need.worker and self.idle <= kept_workers:
                grant = None
            else:
                grant = self.ledger.take(need, reserved)
            if grant is not None:
                return self._launch(step, need, grant)
            if not head_waits and self.ledger.possible(need):
                head_waits = True
                reserved = self.ledger.reserve(need)
                kept_workers = 1 if need.worker and self._leases else 0
        return None

    def _launch(self, step: int, need: Need, grant: Grant) -> Launch:
        self.queue.pop(need)
        self._fates[step] = Fate.RUNNING
        self.grants[step] = grant
        if need.worker:
            self.idle -= 1
        else:
            self._leases += 1
        return Launch(step, grant)
