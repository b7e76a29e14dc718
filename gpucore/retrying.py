"""The attempts of a step that failed, and whether there may be another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpucore.causes import has_room
from gpucore.errors import DeviceError, StepError
from gpucore.scheduling.verdicts import Attempt, Tally, decide
from gpucore.standard.model import FailureClass, StepState

if TYPE_CHECKING:
    from gpucore.errors import GpucoreError
    from gpucore.running import RunningStep
    from gpucore.scheduling import Machine
    from gpucore.scheduling.verdicts import Verdict
    from gpucore.standard.model import Outcome
    from gpucore.surroundings import Surroundings

__all__ = ["Retries", "Tried", "stopped"]


@dataclass
class Tried:
    """The attempts of one step that failed.

    Parameters
    ----------
    limit : int
        Further attempts that its user grants it.
    attempts : list of Attempt
        Those that failed, the oldest first.
    granted : int
        Further attempts that it has had of its user's.
    """

    limit: int
    attempts: list[Attempt] = field(default_factory=list)
    granted: int = 0

    def allowed(self, outcome: Outcome, verdict: Verdict) -> Verdict | None:
        """Return a verdict that asks for another attempt if there may be one, and count it.

        Parameters
        ----------
        outcome : Outcome
            How the last attempt ended.
        verdict : Verdict
            What follows for the step.
        """
        self.attempts.append(
            Attempt(
                uuids=frozenset(device.uuid for device in outcome.devices),
                failure=outcome.failure,
                peak_memory_mib=outcome.peak_memory_mib,
            )
        )
        if verdict.ends or verdict.free:
            return verdict
        if self.granted >= self.limit:
            return None
        self.granted += 1
        return verdict


class Retries:
    """The attempts of a run's steps, and what follows from how they ended.

    Parameters
    ----------
    machine : Machine
        Knows what steps ask for, and which devices they may be given.
    around : Surroundings
        The run.
    """

    def __init__(self, machine: Machine, around: Surroundings) -> None:
        self._machine = machine
        self._around = around
        self._tried: dict[int, Tried] = {}
        self._tally = Tally()

    def verdict(self, running: RunningStep, outcome: Outcome) -> Verdict | None:
        """Return what follows for a step that failed; None when it did not.

        Whoever looks at the devices hears how the step ended first.
        """
        monitor = self._around.monitor
        failed = outcome.state is StepState.FAILED
        if monitor is not None and running.uuids and (failed or outcome.done):
            monitor.judged(outcome.step, running.uuids, outcome.failure)
        if not failed:
            self._tally.heard(outcome)
            return None
        verdict = decide(
            outcome,
            self._machine.need(running.number),
            self._of(running).attempts,
            monitor.snapshot if monitor is not None else None,
            self._machine.ledger.usable,
            evidence=running.evidence,
            room=has_room(running.started) if outcome.failure is FailureClass.DISK_FULL else None,
        )
        return self._tally.heard(outcome, verdict) or verdict

    def allowed(self, running: RunningStep, outcome: Outcome, verdict: Verdict) -> Verdict | None:
        """Return a verdict if it ends the step, or there may be the attempt that it asks for."""
        return self._of(running).allowed(outcome, verdict)

    def forget(self, number: int) -> None:
        """Forget a step that has ended."""
        self._tried.pop(number, None)

    def _of(self, running: RunningStep) -> Tried:
        number = running.number
        if number not in self._tried:
            self._tried[number] = Tried(limit=running.step.limits.retries)
        return self._tried[number]


def stopped(outcome: Outcome, verdict: Verdict) -> GpucoreError:
    """Return why a run is ended for which one step spoke, as an error for its user."""
    what = f"the run was ended after {outcome.step}: {verdict.reason}"
    hint = "`gpucore resume` goes on when that is mended"
    if outcome.failure is FailureClass.DISK_FULL:
        return StepError(what, hint=hint, outcome=outcome, code="E511")
    return DeviceError(what, hint=hint, code="E606")
