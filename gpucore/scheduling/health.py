"""The health of a run's devices: what they show goes in, what is thought of them comes out.

It knows no clock, thread or file; ``now`` is given, in seconds since the epoch. What follows from
which sign stands in `gpucore.scheduling.signs`, what numbers and names mean in
`gpucore.scheduling.xids`.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from gpucore.scheduling import signs
from gpucore.scheduling.blame import CLEAR, DOUBTFUL, Blame
from gpucore.scheduling.standing import Change, HealthRules, Level, Standing
from gpucore.scheduling.watched import Watched
from gpucore.scheduling.xids import SOURCE_FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpucore.standard.model import FailureClass
    from gpucore.standard.readings import Snapshot

__all__ = ["Change", "Health", "HealthRules", "Level", "Standing"]

_NOTHING: Mapping[str, Standing] = MappingProxyType({})
_RULES = HealthRules()
_PAIR = 2


class Health:
    """What is thought of each device, and why.

    Parameters
    ----------
    devices : iterable of str
        UUIDs of the run's devices.
    remembered : Mapping
        What earlier runs and people found, by UUID; of others than the run's devices it may hold
        what it likes.
    rules : HealthRules
        The numbers by which devices are judged.

    Notes
    -----
    Not thread-safe. `see` costs a look at a dozen values for each device while nothing changes.
    """

    def __init__(
        self,
        devices: Iterable[str],
        remembered: Mapping[str, Standing] = _NOTHING,
        rules: HealthRules = _RULES,
    ) -> None:
        self._rules = rules
        self._devices = {uuid: Watched(uuid, rules) for uuid in devices}
        self._blame = Blame(self._devices, rules)
        self._on_record: dict[str, Standing] = {}
        self._excused: set[str] = set()
        self._faulty: float | None = None
        self._unanswered: float | None = None
        self.recall(remembered)

    def standing(self, uuid: str) -> Standing:
        """Return what is thought of a device.

        Raises
        ------
        KeyError
            When it is none of the run's.
        """
        return self._devices[uuid].standing

    @property
    def lost(self) -> frozenset[str]:
        """The devices that have fallen off the bus; after two the machine is not to be trusted."""
        return frozenset(uuid for uuid, device in self._devices.items() if device.lost)

    def overruled(self, uuid: str) -> tuple[str, ...]:
        """Return what a device shows in spite of which a person may have it used."""
        return self._devices[uuid].overruled

    def recall(self, remembered: Mapping[str, Standing]) -> list[Change]:
        """Take over what is remembered on this machine, which other runs and people change.

        A device of which nothing is remembered any more was enabled; what its readings show
        counts on.
        """
        for uuid, device in self._devices.items():
            standing = remembered.get(uuid)
            if standing is None:
                if self._on_record.pop(uuid, None) is not None:
                    device.enable()
                    self._blame.clear(uuid)
                continue
            if self._on_record.get(uuid) == standing:
                continue  # what followed for the device since then counts
            self._on_record[uuid] = standing
            soft = bool(standing.until) and not standing.by
            device.remember(None if soft else standing)
            if soft and self._blame.of(uuid) is None:
                self._blame.remember(uuid, standing)
            elif not soft and not standing.withheld:
                self._blame.clear(uuid)
        return self._settled(self._devices)

    def see(self, snapshot: Snapshot, now: float) -> list[Change]:
        """Take in what the source says of its devices now.

        Parameters
        ----------
        snapshot : Snapshot
            Readings, what the driver reported, and whether the source is at fault.
        now : float
            Seconds since the epoch.
        """
        self._unanswered = None
        for uuid, device in self._devices.items():
            device.asks(snapshot.of.get(uuid))
        for xid in snapshot.xids:
            if xid.uuid in self._devices:
                self._devices[xid.uuid].report(xid.number, xid.time)
        if snapshot.fault:
            self._source_failed(snapshot.fault, now)
        else:
            self._faulty = None
            for uuid, device in self._devices.items():
                device.source = None
                device.look(snapshot.of.get(uuid), now)
        return self._settled(self._devices)

    def silent(self, since: float, now: float) -> list[Change]:
        """Take in that the source has not answered for some time.

        What runs goes on: a driver that does not answer often computes on. A silence counts from
        when it was first heard of: whoever was suspended has not listened.
        """
        if now - since < self._rules.unknown_after:
            return []
        if self._unanswered is None:
            self._unanswered = now
        patience = self._rules.quarantined_after - self._rules.unknown_after
        long = now - self._unanswered >= patience
        self._withhold_all(signs.HUNG if long else signs.HANGING, since)
        return self._settled(self._devices)

    def ended(
        self, step: str, uuids: Sequence[str], failure: FailureClass | None, now: float
    ) -> list[Change]:
        """Take in how a step ended on its devices.

        Parameters
        ----------
        step : str
            Its name.
        uuids : sequence of str
            What it ran on.
        failure : FailureClass or None
            None: it passed.
        now : float
            Seconds since the epoch.
        """
        devices = [self._devices[uuid] for uuid in dict.fromkeys(uuids) if uuid in self._devices]
        touched = {device.uuid for device in devices}
        if not devices:
            return []
        if failure is None:
            for device in devices:
                device.passed()
            touched |= self._blame.passed(step, touched, now)
        elif failure in CLEAR or failure in DOUBTFUL:
            if any(device.explained for device in devices) or self._link_failed(devices, now):
                return self._settled(touched)
            clear = failure in CLEAR
            touched |= self._blame.failed(step, touched, clear=clear, now=now)
        return self._settled(touched)

    def tick(self, now: float) -> list[Change]:
        """Let time pass: a device whose soft quarantine is over is tried by one step."""
        return self._settled(self._blame.tick(now))

    def blames_step(self, step: str) -> bool:
        """Say whether a step failed on two devices, so that it is at fault and they are not."""
        return self._blame.at_fault(step)

    def killed_by_us(self, uuid: str, now: float) -> None:
        """Take in that we end a program on a device, of which the driver may report an Xid 45."""
        if uuid in self._devices:
            self._devices[uuid].killed(now)

    def unending(self, step: str, uuids: Iterable[str], now: float) -> list[Change]:
        """Take in that a step's program lives on although it was killed a minute ago.

        Parameters
        ----------
        step : str
            The step.
        uuids : iterable of str
            What it runs on.
        now : float
            Seconds since the epoch.
        """
        held = [uuid for uuid in uuids if uuid in self._devices]
        for uuid in held:
            self._devices[uuid].unending(step, now)
        return self._settled(held)

    def _source_failed(self, fault: str, now: float) -> None:
        if self._faulty is None:
            self._faulty = now
        if fault in SOURCE_FAULTS:
            self._withhold_all(SOURCE_FAULTS[fault], self._faulty)
            return
        long = now - self._faulty >= self._rules.quarantined_after
        sign = signs.UNREADABLE_LONG if long else signs.UNREADABLE
        self._withhold_all(sign, self._faulty, f"no device can be read ({fault})")

    def _withhold_all(self, sign: signs.Sign, since: float, said: str = "") -> None:
        for uuid, device in self._devices.items():
            standing = sign.seen(uuid, since, said)
            if device.source is None or replace(device.source, since=since) != standing:
                device.source = standing

    def _link_failed(self, devices: Sequence[Watched], now: float) -> bool:
        """Put devices apart between which a step failed after an error of their link."""
        suspects = [device for device in devices if device.link_suspect]
        if not suspects or len(devices) < _PAIR:
            return False
        for device in devices if len(devices) == _PAIR else suspects:
            device.link_failed(now)
        return True

    def _settled(self, uuids: Iterable[str]) -> list[Change]:
        changes = []
        for uuid in list(uuids):
            device = self._devices[uuid]
            if device.broken and uuid not in self._excused:
                self._excused.add(uuid)  # why steps failed on it is known now
                self._blame.clear(uuid)
            elif not device.broken:
                self._excused.discard(uuid)
            device.blame = self._blame.of(uuid)
            change = device.settle()
            if change is not None:
                changes.append(change)
        return changes
