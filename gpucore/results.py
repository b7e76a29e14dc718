"""What becomes of steps: their ends on record, told, and the futures of hosts resolved."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from gpucore.adoption import end_unfinished
from gpucore.errors import GpucoreError
from gpucore.futures import Reporter, StepFuture, resolve
from gpucore.outcomes import unstarted
from gpucore.record import NOTHING_EARLIER, Earlier
from gpucore.standard.model import Outcome, StepEnded, StepState

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.observers import Observers
    from gpucore.standard.step import Step
    from gpucore.surroundings import Surroundings

__all__ = ["Results"]

_LOGGER = logging.getLogger(__name__)


class Results:
    """The steps of a run that have not ended, and what is to follow for each when it has.

    Parameters
    ----------
    around : Surroundings
        The run.
    tell : Observers
        Told of every end.
    forget : callable
        Told the number of each step that has ended for good.

    Attributes
    ----------
    counts : dict
        Steps that ended, by state.
    steps : dict
        Those that have not ended, by number.
    attempts : dict
        How often each of them was started in this run.
    """

    def __init__(
        self, around: Surroundings, tell: Observers, forget: Callable[[int], None]
    ) -> None:
        self.counts = dict.fromkeys(StepState, 0)
        self.steps: dict[int, Step] = {}
        self.attempts: dict[int, int] = {}
        self._futures: dict[int, StepFuture] = {}
        self._earlier: dict[int, Earlier] = {}
        self._around = around
        self._tell = tell
        self._forget = forget
        self._reporter = Reporter()
        self._quiet = threading.Condition(threading.Lock())
        # Each is written under one lock, the caller's and ours: neither waits for the other.
        self._entered = 0
        self._settled = 0

    def enter(self, number: int, step: Step, future: StepFuture | None, earlier: Earlier) -> None:
        """Take up a step under its number; never by two threads at once."""
        self._entered += 1
        self.steps[number] = step
        if future is not None:
            future.number = number
            self._futures[number] = future
        if earlier.attempts:
            self._earlier[number] = earlier

    def earlier(self, number: int) -> Earlier:
        """Return what earlier runs say of a step."""
        return self._earlier.get(number, NOTHING_EARLIER)

    def starts(self, number: int) -> bool:
        """Tell a step's future that it starts; False: it was cancelled in this very moment.

        Its own `Cancelled` event comes too late to stop it then. Whoever waits for it has been
        told, and must not be told again.
        """
        future = self._futures.get(number)
        if future is None or number in self.attempts or future.set_running_or_notify_cancel():
            return True
        del self._futures[number]
        return False

    def wait(self, timeout: float | None) -> bool:
        """Wait until no step is left; return whether that is so."""
        with self._quiet:
            return self._quiet.wait_for(lambda: self._entered == self._settled, timeout)

    def report(self, what: Callable[[], None]) -> None:
        """Have something told by the thread that hosts may keep."""
        self._reporter.put(what)

    def close(self) -> None:
        """Let the reporting thread go; nothing may be submitted any more."""
        self._reporter.close()

    def write(
        self,
        outcome: Outcome,
        attempt: int,
        then: Callable[[], None],
        recorded: Callable[[], None] | None = None,
    ) -> None:
        """Put an outcome on record, and let what follows from it wait until it is on disk."""
        if self._around.record is None:
            then()
            return

        def written(fault: str) -> None:
            if fault:
                _LOGGER.error("the end of %s is not on record: %s", outcome.step, fault)
            elif recorded is not None:
                recorded()
            self._reporter.put(then)

        try:
            self._around.record.finish(outcome, attempt, written)
        except GpucoreError as error:
            written(error.what)

    def settle_unstarted(self, number: int, state: StepState, reason: str) -> None:
        """Put on record, and tell, that a step will not be started."""
        step, earlier = self.steps[number], self.earlier(number)
        # Its end is on record from now on: the next run would not know of what an earlier left.
        end_unfinished(earlier.unfinished)
        attempts = earlier.attempts + self.attempts.get(number, 0)
        outcome = unstarted(step, state, reason, attempts)
        self.write(outcome, 0, lambda: self.settle(number, outcome))

    def settle(self, number: int, outcome: Outcome) -> None:
        """Tell that a step has ended, whose end is on record."""
        step = self.steps.pop(number)
        future = self._futures.pop(number, None)
        self._earlier.pop(number, None)
        self.attempts.pop(number, None)
        self._forget(number)
        try:
            self._tell(StepEnded(run=self._around.run, stage=step.stage, outcome=outcome))
        finally:  # Ctrl-C while a host is told: its future is resolved, and `wait` ends
            with self._quiet:
                self.counts[outcome.state] += 1
            try:
                if future is not None:
                    resolve(future, outcome)
            finally:
                with self._quiet:
                    self._settled += 1
                    if self._settled == self._entered:
                        self._quiet.notify_all()
