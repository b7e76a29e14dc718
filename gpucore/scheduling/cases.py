"""One failure of a step with all that counts when it is asked what follows, and what may follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from gpucore.scheduling.blame import CLEAR, DOUBTFUL
from gpucore.standard.model import FailureClass, Need, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.standard.evidence import Evidence
    from gpucore.standard.model import Device
    from gpucore.standard.readings import Snapshot

__all__ = ["BLAMING", "MOST_OWED", "Attempt", "Case", "Move", "Verdict"]

MOST_OWED = 2
"""Tries that are owed to a step, beside those that its user grants it."""

BLAMING = CLEAR | DOUBTFUL
"""Failures that speak against a device, or may."""

_OWED = frozenset({FailureClass.DEVICE_FAULT, FailureClass.OUT_OF_MEMORY, FailureClass.NO_DEVICE})


class Move(Enum):
    """What is done about a step that failed."""

    FAIL = "fail"
    """It has failed, and another try would fail, too."""
    RETRY = "retry"
    """Tried again, wherever there is room."""
    ELSEWHERE = "elsewhere"
    """Tried again on other devices, if there are any for it."""
    ALONE = "alone"
    """Tried again where no other step has the device."""
    LARGER = "larger"
    """Tried again on devices with more memory."""
    WAIT = "wait"
    """Tried again when programs that are not ours have left it room."""
    STOP = "stop"
    """It has failed, and so would every other: nothing new is started in this run."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt of a step that has failed.

    Parameters
    ----------
    uuids : frozenset of str
        Its devices.
    failure : FailureClass or None
        Its class.
    peak_memory_mib : int or None
        The most that it held of the memory of one device, in MiB, as far as that was seen.
    """

    uuids: frozenset[str] = frozenset()
    failure: FailureClass | None = None
    peak_memory_mib: int | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What follows for a step that failed.

    Parameters
    ----------
    move : Move
        What is done about it.
    need : Need
        What another try asks for.
    reason : str
        Why, one line.
    blame : bool
        Whether the failure speaks against the devices that it happened on.
    free : bool
        Whether another try is owed to the step, and does not count among those that its user
        grants it.
    fewer : bool
        Whether the run should run fewer steps at once from now on.
    """

    move: Move
    need: Need
    reason: str
    blame: bool = False
    free: bool = False
    fewer: bool = False

    @property
    def ends(self) -> bool:
        """Whether there is no other try, whatever the user grants."""
        return self.move in {Move.FAIL, Move.STOP}


class Case:
    """One failure, with what is asked of it again and again; see `verdicts.decide`.

    Attributes
    ----------
    uuids : frozenset of str
        The devices that it happened on.
    known : dict
        Devices by UUID: those of the run, and those.
    others : list of str
        UUIDs of the devices of the run that it did not happen on.
    owes : bool
        Whether another try is owed to the step for what is not its fault.
    """

    def __init__(
        self,
        outcome: Outcome,
        need: Need,
        history: Sequence[Attempt],
        snapshot: Snapshot | None,
        devices: Sequence[Device],
        evidence: Evidence | None,
        *,
        room: bool | None,
    ) -> None:
        self.outcome = outcome
        self.need = need
        self.history = history
        self.snapshot = snapshot
        self.evidence = evidence
        self.room = room
        self.uuids = frozenset(device.uuid for device in outcome.devices)
        self.known = {one.uuid: one for one in (*devices, *outcome.devices)}
        self.others = [
            one for one in dict.fromkeys(one.uuid for one in devices) if one not in self.uuids
        ]
        self.owes = sum(one.failure in _OWED for one in history) < MOST_OWED

    def fails(self, reason: str, *, blame: bool = False) -> Verdict:
        """Return that it has failed for good."""
        return Verdict(move=Move.FAIL, need=self.need, reason=reason, blame=blame)

    def retried(self, reason: str, *, fewer: bool = False) -> Verdict:
        """Return that its user decides whether it is tried again, wherever that is."""
        need = replace(self.need, avoid=frozenset())
        return Verdict(move=Move.RETRY, need=need, reason=reason, fewer=fewer)

    def elsewhere(self, reason: str, *, blame: bool, free: bool = False) -> Verdict:
        """Return that it is tried on other devices; on the same when there are no others."""
        if not self.uuids or not self.others:
            again = replace(self.retried(f"{reason}; there is no other GPU"), free=free)
            return replace(again, blame=blame) if self.uuids else self.retried(reason)
        need = replace(self.need, avoid=self.need.avoid | self.uuids)
        return Verdict(move=Move.ELSEWHERE, need=need, reason=reason, blame=blame, free=free)

    @property
    def failed_apart(self) -> frozenset[str]:
        """The devices of an earlier attempt that failed, too, and had none of this one's."""
        for one in self.history:
            if one.uuids and one.failure in BLAMING and not one.uuids & self.uuids:
                return one.uuids
        return frozenset()

    def names(self, uuids: frozenset[str]) -> str:
        """Return what people call devices."""
        if any(uuid not in self.known for uuid in uuids):
            return " and ".join(sorted(uuids))
        indexes = sorted(self.known[uuid].index for uuid in uuids)
        return f"GPU {' '.join(map(str, indexes))}"

    def memory(self, uuids: frozenset[str]) -> int:
        """Return the memory of the smallest of some devices, in MiB; 0: not known."""
        known = [self.known[uuid].memory_mib for uuid in uuids if uuid in self.known]
        return min(known, default=0)
