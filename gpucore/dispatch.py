"""Between the machine, which decides, and the engine, which runs: actions carried out.

The machine is called under one lock, by whichever thread has an event for it: no thread of our own
stands between the end of a step and the start of the next, and nothing polls. Futures and
observers are only ever told outside that lock.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from gpucore.futures import StepFuture
from gpucore.inbox import Inbox, Posted, call
from gpucore.moves import Moves
from gpucore.plugins.offers import EngineTask
from gpucore.record import NOTHING_EARLIER, Earlier
from gpucore.results import Results
from gpucore.retrying import Retries, stopped
from gpucore.running import RunningStep
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
    StepRetried,
    StepStarted,
    StepState,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpucore.errors import GpucoreError, NeedError
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
    """

    def __init__(
        self,
        machine: Machine,
        engine: Engine,
        around: Surroundings,
        tell: Observers,
    ) -> None:
        self._machine = machine
        self._engine = engine
        self._around = around
        self._tell = tell
        self._lock = threading.Lock()
        self._leases: dict[int, LeaseAnswer] = {}
        self._running: dict[int, RunningStep] = {}
        self._retries = Retries(machine, around)
        self._results = Results(around, tell, self._retries.forget)
        self._inbox = Inbox(self._lock, self._enter_posted, self._results.report)
        self._moves = Moves(machine, self._inbox.held, self.handle)
        self._done_before: set[int] = set()

    @property
    def counts(self) -> Mapping[StepState, int]:
        """Steps that ended, by state."""
        return self._results.counts

    def post(
        self,
        step: Step,
        need: Need,
        after: Sequence[StepFuture],
        earlier: Earlier = NOTHING_EARLIER,
        priority: int = 0,
    ) -> StepFuture:
        """Submit a step; return its future, which has its number as soon as that is asked for."""
        future = StepFuture(self, self._cancel)
        self._inbox.post(Posted(step, need, tuple(after), future, earlier, priority))
        return future

    def submit(
        self, step: Step, need: Need, after: Sequence[int], earlier: Earlier = NOTHING_EARLIER
    ) -> int:
        """Submit a step that needs no future; return its number.

        One that was done in an earlier run, as were all that it waits for, is not run again.
        """
        with self._lock:
            self._inbox.take_in()
            number = self._machine.submitted
            later = self._enter(step, need, after, None, earlier, 0)
        self._inbox.take_over()
        call(later)
        return number

    def catch_up(self) -> None:
        """Have the machine know of every step that was submitted up to now."""
        self._inbox.catch_up()

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
            self._inbox.take_in()
            number = self._machine.submitted
            self._leases[number] = answer
            later = self._carry_out(self._machine.handle(Submitted(number, need)))
        self._inbox.take_over()
        call(later)
        return number

    def handle(self, event: MachineEvent) -> None:
        """Give the machine an event and carry out what follows from it."""
        with self._lock:
            self._inbox.take_in()
            later = self._carry_out(self._machine.handle(event))
        self._inbox.take_over()
        call(later)

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

    def first_waiting(self) -> tuple[str, str]:
        """Return the step that is to start next and what it waits for; empty: there is none."""
        with self._inbox.held():
            number = self._machine.first_ready
            if number is None or number not in self._results.steps:
                return "", ""
            return self._results.steps[number].name, self._machine.waits_for(number)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until no step is left; return whether that is so."""
        self.catch_up()
        return self._results.wait(timeout)

    def close(self) -> None:
        """Let the reporting thread go; nothing may be submitted any more."""
        self._results.close()

    def _cancel(self, number: int) -> None:
        self.handle(Cancelled(number))

    def _enter_posted(self, posted: Posted) -> list[Callable[[], None]]:
        step, need, after, future, earlier, priority = posted
        return self._enter(step, need, [one.number for one in after], future, earlier, priority)

    def _enter(
        self,
        step: Step,
        need: Need,
        after: Sequence[int],
        future: StepFuture | None,
        earlier: Earlier,
        priority: int,
    ) -> list[Callable[[], None]]:
        """Give the machine a step, under the lock; return what has to be done outside it."""
        number, done = self._machine.submitted, earlier.done
        if done is not None and not self._done_before.issuperset(after):
            done = None
        self._results.enter(number, step, future, earlier)
        event = Submitted(number, need, after, done=done is not None, priority=priority)
        later = self._carry_out(self._machine.handle(event))
        if done is not None:
            self._done_before.add(number)
            outcome = replace(done, attempts=earlier.attempts)
            later.insert(0, lambda: self._results.settle(number, outcome))
        return later

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
        return [*later, *self._moves.due()]

    def _launch(self, launch: Launch, later: list[Callable[[], None]]) -> None:
        number, grant = launch.step, launch.grant
        answer = self._leases.pop(number, None)
        if answer is not None:
            later.append(lambda: answer(grant))
            return
        results = self._results
        if not results.starts(number):
            later.append(lambda: results.settle_unstarted(number, StepState.CANCELLED, "cancelled"))
            later.append(lambda: self.handle(Ended(number, done=False)))
            return
        attempt = results.attempts[number] = results.attempts.get(number, 0) + 1
        running = RunningStep(
            number,
            results.steps[number],
            grant,
            self._around,
            self._begun,
            self._ended,
            moves=self._moves,
            earlier=results.earlier(number),
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
        steps = self._results.steps
        if isinstance(action, Refuse):
            state, reason = StepState.FAILED, action.error.what
        elif action.fate == Fate.SKIPPED:
            # It may be told to have ended in this very moment, by another thread.
            because = steps.get(action.because)
            name = "a step" if because is None else because.name
            state, reason = StepState.SKIPPED, f"{name} did not end well"
        else:
            state, reason = StepState.CANCELLED, "it was not started"
        later.append(lambda: self._results.settle_unstarted(number, state, reason))

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

    def _ended(self, running: RunningStep, outcome: Outcome | None) -> None:
        number = running.number
        self._running.pop(number, None)
        if outcome is None:  # it was not begun, and that was no attempt
            self._results.attempts[number] -= 1
            self._moves.move(running)
            return
        verdict = self._verdict(running, outcome)
        if verdict is not None and not verdict.ends and not self._around.stopping:
            self._results.write(outcome, running.attempt, lambda: None, running.recorded)
            stage, run = running.step.stage, self._around.run
            event = StepRetried(run=run, stage=stage, outcome=outcome, attempt=running.attempt)
            self._tell(event)
            self.handle(Ended(number, done=False, again=True, need=verdict.need))
            running.give_back()
            return
        # The devices go on at once; who waits for this step's result comes second.
        self.handle(Ended(number, done=outcome.done))
        running.give_back()
        settle = partial(self._results.settle, number, outcome)
        self._results.write(outcome, running.attempt, settle, running.recorded)

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
