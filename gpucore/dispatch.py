"""Between the machine, which decides, and the engine, which runs: actions carried out.

The machine is called under one lock, by whichever thread has an event for it: no thread of our own
stands between the end of a step and the start of the next, and nothing polls. Futures and
observers are only ever told outside that lock.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from gpucore.errors import GpucoreError, NeedError
from gpucore.futures import Reporter, StepFuture, resolve
from gpucore.outcomes import unstarted
from gpucore.plugins.offers import EngineTask
from gpucore.record import NOTHING_EARLIER, Earlier
from gpucore.retrying import Retries, stopped
from gpucore.running import RunningStep, end_unfinished
from gpucore.scheduling import (
    Action,
    Cancelled,
    Drained,
    Ended,
    Fate,
    FewerWorkers,
    Grant,
    Launch,
    Machine,
    MachineEvent,
    Refuse,
    Skip,
    Stop,
    Submitted,
)
from gpucore.scheduling.verdicts import Move
from gpucore.standard.model import (
    Need,
    Outcome,
    StepEnded,
    StepRetried,
    StepStarted,
    StepState,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpucore.observers import Observers
    from gpucore.plugins.offers import Engine
    from gpucore.scheduling.verdicts import Verdict
    from gpucore.standard.step import Step
    from gpucore.surroundings import Surroundings

__all__ = ["Dispatch", "LeaseAnswer"]

_LOGGER = logging.getLogger(__name__)

LeaseAnswer: TypeAlias = "Callable[[Grant | NeedError | None], None]"


class Dispatch:
    """Carries out what a machine decides.

    Parameters
    ----------
    machine : Machine
        Decides.
    engine : Engine
        Runs programs.
    around : Surroundings
        What all steps have in common.
    tell : Observers
        Told of every event.

    Attributes
    ----------
    counts : dict
        Steps that ended, by state.
    """

    def __init__(
        self,
        machine: Machine,
        engine: Engine,
        around: Surroundings,
        tell: Observers,
    ) -> None:
        self.counts = dict.fromkeys(StepState, 0)
        self._machine = machine
        self._engine = engine
        self._around = around
        self._tell = tell
        self._lock = threading.Lock()
        self._quiet = threading.Condition(threading.Lock())
        self._open = 0
        self._steps: dict[int, Step] = {}
        self._futures: dict[int, StepFuture] = {}
        self._leases: dict[int, LeaseAnswer] = {}
        self._running: dict[int, RunningStep] = {}
        self._earlier: dict[int, Earlier] = {}
        self._attempts: dict[int, int] = {}
        self._retries = Retries(machine, around)
        self._done_before: set[int] = set()
        self._reporter = Reporter()

    @property
    def submitted(self) -> int:
        """How many steps and leases were submitted; the next one's number."""
        return self._machine.submitted

    def submit(
        self,
        step: Step,
        need: Need,
        after: Sequence[int],
        future: StepFuture | None = None,
        earlier: Earlier = NOTHING_EARLIER,
        priority: int = 0,
    ) -> int:
        """Submit a step; return its number.

        One that was done in an earlier run, as were all that it waits for, is not run again.
        """
        with self._quiet:
            self._open += 1
        done = earlier.done if self._done_before.issuperset(after) else None
        with self._lock:
            number = self._machine.submitted
            self._steps[number] = step
            if future is not None:
                future.number = number
                self._futures[number] = future
            if earlier.attempts:
                self._earlier[number] = earlier
            event = Submitted(number, need, after, done=done is not None, priority=priority)
            later = self._carry_out(self._machine.handle(event))
        if done is not None:
            self._done_before.add(number)
            self._settle(number, replace(done, attempts=earlier.attempts))
        self._call(later)
        return number

    def future(self) -> StepFuture:
        """Return a future for a step that is about to be submitted."""
        return StepFuture(self, lambda number: self.handle(Cancelled(number)))

    def check(self, need: Need) -> None:
        """Refuse a need that the run could not meet even with every device free.

        Raises
        ------
        NeedError
            Says how many devices there are.
        """
        self._machine.ledger.check(need)

    def ask(self, need: Need, answer: LeaseAnswer) -> int:
        """Ask for a lease; ``answer`` gets the grant, why there is none ever, or None."""
        with self._lock:
            number = self._machine.submitted
            self._leases[number] = answer
            later = self._carry_out(self._machine.handle(Submitted(number, need)))
        self._call(later)
        return number

    def handle(self, event: MachineEvent) -> None:
        """Give the machine an event and carry out what follows from it."""
        with self._lock:
            later = self._carry_out(self._machine.handle(event))
        self._call(later)

    def stop(self, *, now: bool = False) -> None:
        """Start nothing new, and end what runs."""
        self._drain()
        for number, running in list(self._running.items()):
            running.stopping()
            self._engine.stop(number, now=now)

    def halt(self, error: GpucoreError) -> None:
        """Start nothing new, and let what runs end: no step could end well any more."""
        if self._around.halted is not None:
            return
        self._around.halted = error
        self._drain()

    def _drain(self) -> None:
        self._around.stopping = True
        self.handle(Drained())
        if self._around.leases is not None:
            self._around.leases.stop()

    def end_steps(self, uuid: str, reason: str) -> None:
        """End what runs on a device, which failed under it; it is tried on another."""
        for number, running in list(self._running.items()):
            if uuid in running.uuids:
                running.stopping(reason)
                self._engine.stop(number)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no step is left; return whether that is so."""
        with self._quiet:
            return self._quiet.wait_for(lambda: not self._open, timeout)

    def _carry_out(self, actions: Sequence[Action]) -> list[Callable[[], None]]:
        """Do what has to be done under the lock; return what has to be done outside it."""
        later: list[Callable[[], None]] = []
        for action in actions:
            if isinstance(action, Launch):
                self._launch(action, later)
            elif isinstance(action, Stop):
                number = action.step
                if number in self._running:
                    self._running[number].cancel()
                later.append(lambda number=number: self._engine.stop(number))  # type: ignore[misc]
            else:
                self._not_run(action, later)
        return later

    def _launch(self, launch: Launch, later: list[Callable[[], None]]) -> None:
        number, grant = launch.step, launch.grant
        answer = self._leases.pop(number, None)
        if answer is not None:
            later.append(lambda: answer(grant))
            return
        future = self._futures.get(number)
        first = number not in self._attempts
        if future is not None and first and not future.set_running_or_notify_cancel():
            # Cancelled in this very moment; its own Cancelled event comes too late to stop it.
            # Whoever waits for it has been told, and must not be told again.
            del self._futures[number]
            later.append(lambda: self._settle_unstarted(number, StepState.CANCELLED, "cancelled"))
            later.append(lambda: self.handle(Ended(number, done=False)))
            return
        attempt = self._attempts[number] = self._attempts.get(number, 0) + 1
        running = RunningStep(
            number,
            self._steps[number],
            grant,
            self._around,
            self._begun,
            self._ended,
            earlier=self._earlier.get(number, NOTHING_EARLIER),
            attempt=attempt,
        )
        self._running[number] = running
        running.claim()
        self._engine.start(
            EngineTask(
                step=number,
                name=running.step.name,
                run=self._around.run,
                prepare=running.prepare,
                begun=running.begun if self._tell.wanted else None,
                ended=running.ended,
            )
        )

    def _not_run(self, action: Skip | Refuse, later: list[Callable[[], None]]) -> None:
        number = action.step
        answer = self._leases.pop(number, None)
        if answer is not None:
            error = action.error if isinstance(action, Refuse) else None
            later.append(lambda: answer(error))
            return
        if isinstance(action, Refuse):
            reason = action.error.what
            later.append(lambda: self._settle_unstarted(number, StepState.FAILED, reason))
        elif action.fate == Fate.SKIPPED:
            name = self._steps[action.because].name if action.because in self._steps else "a step"
            reason = f"{name} did not end well"
            later.append(lambda: self._settle_unstarted(number, StepState.SKIPPED, reason))
        else:
            later.append(
                lambda: self._settle_unstarted(number, StepState.CANCELLED, "it was not started")
            )

    def _begun(self, running: RunningStep) -> None:
        step = running.step
        self._tell(
            StepStarted(
                run=self._around.run,
                step=step.name,
                adapter=step.adapter.name,
                stage=step.stage,
                devices=running.grant.devices,
            )
        )

    def _ended(self, running: RunningStep, outcome: Outcome) -> None:
        number = running.number
        self._running.pop(number, None)
        verdict = self._verdict(running, outcome)
        if verdict is not None and not verdict.ends and not self._around.stopping:
            self._write(outcome, running.attempt, lambda: None, running.recorded)
            stage, run = running.step.stage, self._around.run
            event = StepRetried(run=run, stage=stage, outcome=outcome, attempt=running.attempt)
            self._tell(event)
            self.handle(Ended(number, done=False, again=True, need=verdict.need))
            running.give_back()
            return
        # The devices go on at once; who waits for this step's result comes second.
        self.handle(Ended(number, done=outcome.done))
        running.give_back()
        self._write(
            outcome, running.attempt, lambda: self._settle(number, outcome), running.recorded
        )

    def _verdict(self, running: RunningStep, outcome: Outcome) -> Verdict | None:
        """Return what follows for a step that failed; None when it did not, or nothing follows."""
        try:
            verdict = self._retries.verdict(running, outcome)
        except Exception:
            # A step that is not told to have ended would hold its devices for ever.
            _LOGGER.exception("what follows for step %s is not known", outcome.step)
            return None
        if verdict is None:
            return None
        if verdict.move is Move.STOP:
            self.halt(stopped(outcome, verdict))
        if verdict.fewer:
            self.handle(FewerWorkers())
        return self._retries.allowed(running, outcome, verdict)

    def _write(
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

    def _settle_unstarted(self, number: int, state: StepState, reason: str) -> None:
        step = self._steps[number]
        earlier = self._earlier.get(number, NOTHING_EARLIER)
        # Its end is on record from now on: the next run would not know of what an earlier left.
        end_unfinished(earlier.unfinished)
        attempts = earlier.attempts + self._attempts.get(number, 0)
        outcome = unstarted(step, state, reason, attempts)
        self._write(outcome, 0, lambda: self._settle(number, outcome))

    def _settle(self, number: int, outcome: Outcome) -> None:
        step = self._steps.pop(number)
        future = self._futures.pop(number, None)
        self._earlier.pop(number, None)
        self._attempts.pop(number, None)
        self._retries.forget(number)
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
                    self._open -= 1
                    if not self._open:
                        self._quiet.notify_all()

    def close(self) -> None:
        """Let the reporting thread go; nothing may be submitted any more."""
        self._reporter.close()

    @staticmethod
    def _call(later: Sequence[Callable[[], None]]) -> None:
        for one in later:
            one()
