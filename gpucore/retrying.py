"""The attempts of a step that failed, and whether there may be another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpucore.errors import DeviceError, StepError
from gpucore.scheduling.verdicts import Attempt
from gpucore.standard.model import FailureClass

if TYPE_CHECKING:
    from gpucore.errors import GpucoreError
    from gpucore.scheduling.verdicts import Verdict
    from gpucore.standard.model import Outcome

__all__ = ["Tried", "stopped"]


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


def stopped(outcome: Outcome, verdict: Verdict) -> GpucoreError:
    """Return why a run is ended for which one step spoke, as an error for its user."""
    what = f"the run was ended after {outcome.step}: {verdict.reason}"
    hint = "`gpucore resume` goes on when that is mended"
    if outcome.failure is FailureClass.DISK_FULL:
        return StepError(what, hint=hint, outcome=outcome)
    return DeviceError(what, hint=hint)
