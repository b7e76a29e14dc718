"""What follows for a step that failed: by the class of its failure, and by what was tried before.

A wrong input is wrong everywhere. A fault of a device, or a lack of its memory, is not the step's:
it is owed another try, elsewhere, alone, or where there is more. A step that fails wherever it is
tried is at fault itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.scheduling.cases import BLAMING, MOST_OWED, Attempt, Case, Move, Verdict
from gpucore.scheduling.xids import SOURCE_FAULTS
from gpucore.standard.memory import format_memory
from gpucore.standard.model import Device, FailureClass, Need, Outcome, StepState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.standard.evidence import Evidence
    from gpucore.standard.readings import Snapshot

__all__ = ["MOST_OWED", "Attempt", "Move", "Tally", "Verdict", "decide"]

_MORE = 1.25
"""What a step that ran out of memory needs, at a guess, for each MiB that it was seen to hold."""
_IN_A_ROW = 3
_LEAST_TAKEN = 512
_PART_TAKEN = 0.05
_USABLE = 0.95


def decide(
    outcome: Outcome,
    need: Need,
    history: Sequence[Attempt],
    snapshot: Snapshot | None,
    devices: Sequence[Device],
    *,
    evidence: Evidence | None = None,
    room: bool | None = None,
) -> Verdict:
    """Return what follows for a step that failed.

    Parameters
    ----------
    outcome : Outcome
        How it ended.
    need : Need
        What it had asked for.
    history : sequence of Attempt
        The attempts of it before this one, in this run, oldest first.
    snapshot : Snapshot or None
        How the devices are now; None: nobody can say.
    devices : sequence of Device
        Those of the run that may still be given to it.
    evidence : Evidence or None
        What was seen of this attempt.
    room : bool or None
        Whether there is room on the disk now, where it failed for want of that; None: not known.
    """
    case = Case(outcome, need, history, snapshot, devices, evidence, room=room)
    if outcome.state is not StepState.FAILED or outcome.failure is None:
        return case.fails("it did not fail")
    if verdict := _driver(case):
        return verdict
    return _RULES[outcome.failure](case)


class Tally:
    """What the failures of a run have in common: steps in a row that find no device stop it."""

    def __init__(self) -> None:
        self._steps: set[str] = set()

    def heard(self, outcome: Outcome, verdict: Verdict | None = None) -> Verdict | None:
        """Hear how a step ended; return what follows, in view of those before it.

        Parameters
        ----------
        outcome : Outcome
            How it ended.
        verdict : Verdict or None
            What follows for itself; None: it ended well.
        """
        if outcome.done and outcome.devices:
            self._steps.clear()
        if verdict is None or verdict.free or outcome.failure is not FailureClass.NO_DEVICE:
            return verdict
        self._steps.add(outcome.step)
        if len(self._steps) < _IN_A_ROW:
            return verdict
        reason = (
            f"{len(self._steps)} steps in a row could not use their GPUs, which are there: "
            "programs cannot use GPUs as they are started in this run"
        )
        return replace(verdict, move=Move.STOP, reason=reason)


def _driver(case: Case) -> Verdict | None:
    """Stop when the driver itself is what fails, whatever the program made of that."""
    sign = SOURCE_FAULTS.get(case.snapshot.fault) if case.snapshot is not None else None
    if not case.uuids or sign is None or case.outcome.failure not in BLAMING:
        return None
    reason = f"{sign.meaning}: {sign.remedy}"
    return Verdict(move=Move.STOP, need=case.need, reason=reason)


def _for_good(case: Case) -> Verdict:
    reasons = {
        FailureClass.BAD_INPUT: "a wrong input is wrong on every GPU",
        FailureClass.NOT_STARTED: "what kept it from being started would keep it again",
        FailureClass.INTERRUPTED: "somebody ended it, and may have meant it",
    }
    assert case.outcome.failure is not None  # noqa: S101 - `decide` has looked
    return case.fails(reasons[case.outcome.failure])


def _may_be_the_device(case: Case) -> Verdict:
    """Judge a failure that speaks against the device until it happens on another, too."""
    if apart := case.failed_apart:
        return case.retried(_poisoned(case, apart))
    return case.elsewhere("it may be the GPU", blame=bool(case.uuids))


def _device_fault(case: Case) -> Verdict:
    if apart := case.failed_apart:
        return case.fails(_poisoned(case, apart))
    if not case.owes:
        return case.fails(f"{case.names(case.uuids)} fails again", blame=True)
    return case.elsewhere(f"{case.names(case.uuids)} had a fault", blame=True, free=True)


def _poisoned(case: Case, apart: frozenset[str]) -> str:
    return (
        f"it failed on {case.names(apart)} and on {case.names(case.uuids)}: the step is at fault, "
        "not the GPUs"
    )


def _no_device(case: Case) -> Verdict:
    """Judge that a program found no GPU: it is gone, or closed, or the program cannot use it."""
    names = case.names(case.uuids)
    if case.owes and case.uuids:
        if verdict := _closed(case, names):
            return verdict
        if not any(one.failure is FailureClass.NO_DEVICE for one in case.history):
            return case.elsewhere(f"the program could not use {names}", blame=True, free=True)
    return case.retried("the program cannot use a GPU as it is started, and the GPUs are there")


def _closed(case: Case, names: str) -> Verdict | None:
    if _is_gone(case):
        return case.elsewhere(f"{names} is gone", blame=True, free=True)
    modes = _modes(case)
    if "prohibited" in modes:
        return case.elsewhere(f"{names} is closed to programs", blame=False, free=True)
    if "exclusive_process" in modes:
        reason = f"{names} takes one program at a time, and another has it"
        return Verdict(move=Move.WAIT, need=case.need, reason=reason, free=True)
    return None


def _is_gone(case: Case) -> bool:
    if case.snapshot is None:
        return False
    readings = [case.snapshot.of.get(uuid) for uuid in case.uuids]
    return any(one is None or one.fault for one in readings)


def _modes(case: Case) -> set[str]:
    """Return the compute modes of its devices: as they are now, where that is known."""
    modes = set()
    for uuid in case.uuids:
        reading = case.snapshot.of.get(uuid) if case.snapshot is not None else None
        now = reading.compute_mode if reading is not None else None
        modes.add(now or case.known[uuid].compute_mode)
    return modes


def _out_of_memory(case: Case) -> Verdict:
    """Judge a lack of memory: others' first, then our own other steps', then the card's."""
    if not case.uuids:
        return case.retried("it ran out of memory, and has no GPU", fewer=True)
    before = [one for one in case.history if one.failure is FailureClass.OUT_OF_MEMORY]
    if len(before) >= MOST_OWED or not case.owes:
        return case.fails(_too_much(case))
    total = case.memory(case.uuids)
    foreign = case.evidence.foreign_mib if case.evidence is not None else 0
    if foreign >= max(_LEAST_TAKEN, int(_PART_TAKEN * total)):
        return _taken(case, total, foreign)
    shared = case.evidence.shared if case.evidence is not None else None
    if not case.need.whole and shared is not False:
        need = replace(case.need, whole=True)
        reason = f"{case.names(case.uuids)} was full, maybe of other steps"
        return Verdict(move=Move.ALONE, need=need, reason=reason, free=True)
    return _larger(case)


def _taken(case: Case, total: int, foreign: int) -> Verdict:
    """Judge a lack of memory where programs that are not ours hold some."""
    reason = f"programs of others hold {format_memory(foreign)} of {case.names(case.uuids)}"
    # It was not enough: more than was left must be free where it is tried next.
    wanted = max(_wanted(case), total - foreign + 1) if total else _wanted(case)
    roomy = [one for one in case.others if case.known[one].memory_mib >= total]
    if len(roomy) >= len(case.uuids):
        most = max(case.known[one].memory_mib for one in roomy)
        need = replace(
            case.need, avoid=case.need.avoid | case.uuids, memory_mib=_at_most(wanted, most)
        )
        return Verdict(move=Move.ELSEWHERE, need=need, reason=reason, free=True)
    need = replace(case.need, memory_mib=_at_most(wanted, total))
    return Verdict(move=Move.WAIT, need=need, reason=reason, free=True)


def _at_most(wanted: int, total: int) -> int:
    """Return what is wanted, as far as a device of that memory can ever give it."""
    return min(wanted, int(_USABLE * total)) if total else wanted


def _larger(case: Case) -> Verdict:
    tried = frozenset().union(*(one.uuids for one in case.history), case.uuids)
    most = max((case.known[uuid].memory_mib for uuid in tried if uuid in case.known), default=0)
    larger = [one for one in case.others if case.known[one].memory_mib > most]
    unknown = [one for one in case.others if one not in tried and not most]
    if len(larger or unknown) < len(case.uuids):
        return case.fails(_too_much(case))
    need = replace(
        case.need, whole=True, avoid=case.need.avoid | tried, memory_mib=most + 1 if larger else 0
    )
    had = f", which has {format_memory(most)}" if most else ""
    return Verdict(
        move=Move.LARGER,
        need=need,
        reason=f"it needs more memory than {case.names(case.uuids)}{had}",
        free=True,
    )


def _wanted(case: Case) -> int:
    """Return what it needs at least, at a guess, in MiB; 0: nothing is known."""
    peaks = [one.peak_memory_mib or 0 for one in case.history]
    seen = max([case.outcome.peak_memory_mib or 0, *peaks])
    return max(case.need.memory_mib, int(_MORE * seen))


def _too_much(case: Case) -> str:
    most = max((one.memory_mib for one in case.known.values()), default=0)
    seen = case.outcome.peak_memory_mib
    held = f", and held {format_memory(seen)} when last seen" if seen else ""
    foreign = case.evidence.foreign_mib if case.evidence is not None else 0
    others = f" (programs of others held {format_memory(foreign)})" if foreign else ""
    has = f"; the largest GPU of the run has {format_memory(most)}" if most else ""
    return f"it needs more memory than it can get{held}{has}{others}"


def _host_memory(case: Case) -> Verdict:
    return case.retried("the machine ran out of memory: fewer steps at once", fewer=True)


def _disk_full(case: Case) -> Verdict:
    if case.room:
        return case.retried("the disk was full, and has room again")
    return Verdict(
        move=Move.STOP, need=case.need, reason="the disk is full: every other step would fail, too"
    )


def _unknown(case: Case) -> Verdict:
    return case.retried("nobody knows how it ended")


_RULES = {
    FailureClass.BAD_INPUT: _for_good,
    FailureClass.NOT_STARTED: _for_good,
    FailureClass.INTERRUPTED: _for_good,
    FailureClass.DEVICE_FAULT: _device_fault,
    FailureClass.NO_DEVICE: _no_device,
    FailureClass.OUT_OF_MEMORY: _out_of_memory,
    FailureClass.HOST_MEMORY: _host_memory,
    FailureClass.DISK_FULL: _disk_full,
    FailureClass.UNKNOWN: _unknown,
    FailureClass.PROGRAM_FAULT: _may_be_the_device,
    FailureClass.MISSING_OUTPUT: _may_be_the_device,
    FailureClass.CPU_FALLBACK: _may_be_the_device,
    FailureClass.LIMIT: _may_be_the_device,
}
