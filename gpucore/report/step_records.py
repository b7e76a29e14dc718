"""What a journal's records tell of steps: when they came, began and ended, run by run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpucore.report.history import Attempt, State, Unbegun
from gpucore.standard.model import StepState
from gpucore.system.journal_records import Began, Finished, RunBegan, RunFinished

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.system.journal_records import Planned

__all__ = ["OpenRun", "StepRecords"]

_ENDED = {
    StepState.DONE: State.DONE,
    StepState.FAILED: State.FAILED,
    StepState.SKIPPED: State.SKIPPED,
    StepState.CANCELLED: State.CANCELLED,
}
_NO_END = Finished(step="", attempt=0, time=0.0, state=StepState.CANCELLED)
"""Says nothing: the end of an attempt that nobody saw."""


@dataclass(slots=True)
class _Open:
    """An attempt whose end has not come by yet."""

    n: int
    run: int
    began: Began
    arrived: float
    ready: float
    awaited: str
    gpus: tuple[int, ...]


@dataclass
class OpenRun:
    """A run, and what it has told so far.

    Parameters
    ----------
    record : RunBegan
        Its beginning.
    last : float
        When it was last heard of, in seconds since the epoch.
    finished : RunFinished or None
        Its end.
    used : set of int
        Places of its GPUs.
    """

    record: RunBegan
    last: float
    finished: RunFinished | None = None
    used: set[int] = field(default_factory=set)
    arrived: dict[str, float] = field(default_factory=dict)
    """When steps came into it."""
    unarrived: list[str] = field(default_factory=list)
    """Those that came since the last event that says a time."""
    settled: dict[str, float] = field(default_factory=dict)
    """When steps were last begun or ended in it."""


class StepRecords:
    """Steps in runs that follow each other.

    Parameters
    ----------
    emit : callable
        Given each attempt when its end comes by, with its beginning.
    """

    def __init__(self, emit: Callable[[Attempt, Began | None], None]) -> None:
        self.runs: list[OpenRun] = []
        self.unbegun: list[Unbegun] = []
        self.plans: dict[str, tuple[str, str]] = {}
        self._emit = emit
        self._open: dict[str, _Open] = {}
        self._done: set[str] = set()
        self._ends: dict[str, int] = {}
        self._made: dict[str, tuple[str, float]] = {}
        self._chained: set[str] = set()
        self._texts: dict[str, str] = {}

    @property
    def run(self) -> OpenRun:
        """The run that tells."""
        return self.runs[-1]

    def run_began(self, record: RunBegan, used: set[int]) -> None:
        """Take in that a run began; one before it that did not end has died."""
        self.run_ended()
        self.runs.append(OpenRun(record=record, last=record.time, used=used))

    def run_ended(self) -> None:
        """Note what the run left, now that no more is told of it."""
        if not self.runs:
            return
        run = self.run
        self.heard(run.last)
        for step, arrived in run.arrived.items():
            if step not in run.settled and step not in self._done:
                self.unbegun.append(self._left(step, arrived, run.last))
        run.arrived, run.settled = {}, {}

    def planned(self, record: Planned) -> None:
        """Take in that a step came into the run."""
        self.plans[record.step] = (self._text(record.stage), self._text(record.adapter))
        self.run.unarrived.append(record.step)

    def heard(self, at: float) -> None:
        """Take in the time: steps that were planned since the last event came now at the latest.

        Their own records say no time. Where it matters, because nothing else can run, the next
        event is their beginning, and follows at once.
        """
        run = self.run
        run.last = max(run.last, at)
        for step in run.unarrived:
            run.arrived.setdefault(step, max(at, run.record.time))
        run.unarrived.clear()

    def began(self, n: int, record: Began, gpus: tuple[int, ...]) -> None:
        """Take in that a step was begun."""
        step, run = record.step, self.run
        before = self._open.pop(step, None)
        if before is not None:
            self._end_unseen(before, State.CUT_OFF)
        awaited, made = "", 0.0
        if step in run.settled:  # it is tried again
            arrived = min(run.settled[step], record.time)
        else:
            arrived = min(run.arrived.get(step, record.time), record.granted or record.time)
            awaited, made = self._awaited(record)
            if made <= arrived:
                awaited = ""
            if awaited:
                self._chained.add(self._plan(step)[0])
        run.used.update(gpus)
        run.settled[step] = record.time
        self._done.discard(step)
        self._open[step] = _Open(
            n=n,
            run=len(self.runs) - 1,
            began=record,
            arrived=arrived,
            ready=min(max(arrived, made), record.time),
            awaited=awaited,
            gpus=gpus,
        )

    def finished(self, n: int, record: Finished) -> None:
        """Take in that a step ended."""
        step = record.step
        if record.attempt and record.attempt <= self._ends.get(step, 0):
            return  # told twice
        self._ends[step] = max(record.attempt, self._ends.get(step, 0))
        if record.state is StepState.DONE:
            self._done.add(step)
        for path in record.outputs.values():
            self._made[path] = (step, record.time)
        opened = self._open.get(step)
        if opened is not None and opened.began.attempt == record.attempt:
            del self._open[step]
            self._emit(
                self._attempt(opened, _ENDED[record.state], record.time, record, n), opened.began
            )
        else:
            self._emit(self._not_begun(n, record), None)
        self.run.settled[step] = record.time

    def standing(self, last: float, *, lives: bool) -> list[Attempt]:
        """Return what stands for steps whose end has not come by: they run, or were cut off.

        Parameters
        ----------
        last : float
            When the last run was last heard of, in seconds since the epoch.
        lives : bool
            Whether that goes on.
        """
        return [self._standing(one, last, lives=lives) for one in self._open.values()]

    def standing_of(self, step: str, last: float, *, lives: bool) -> Attempt | None:
        """Return what stands for one step; None when nothing does; see `standing`."""
        opened = self._open.get(step)
        return None if opened is None else self._standing(opened, last, lives=lives)

    def left(self, last: float) -> list[Unbegun]:
        """Return the steps that the last run has not begun, as it stands; see `standing`."""
        if not self.runs:
            return []
        run = self.run
        arrived = {step: max(last, run.record.time) for step in run.unarrived} | run.arrived
        return [
            self._left(step, at, last)
            for step, at in arrived.items()
            if step not in run.settled and step not in self._done
        ]

    def _awaited(self, record: Began) -> tuple[str, float]:
        """Return the step that made the last of its inputs, and when; nothing when none did."""
        found = [
            made
            for path in record.inputs
            if (made := self._made.get(path)) is not None and made[0] != record.step
        ]
        return max(found, key=lambda one: one[1], default=("", 0.0))

    def _not_begun(self, n: int, record: Finished) -> Attempt:
        """Return what stands for a step that ended without a beginning: skipped, say."""
        stage, adapter = self._plan(record.step)
        arrived = self.run.arrived.get(record.step)
        if arrived is not None and record.step not in self.run.settled:
            self.unbegun.append(self._left(record.step, arrived, record.time))
        return Attempt(
            step=record.step,
            stage=stage,
            adapter=adapter,
            number=record.attempt,
            run=len(self.runs) - 1,
            state=_ENDED[record.state],
            end=n,
            arrived=record.time,
            ready=record.time,
            began=record.time,
            ended=record.time,
            reason=self._text(record.reason),
            hint=self._text(record.hint),
            failure=record.failure.value if record.failure else "",
        )

    def _left(self, step: str, arrived: float, until: float) -> Unbegun:
        stage, adapter = self._plan(step)
        return Unbegun(
            step=step,
            stage=stage,
            adapter=adapter,
            run=len(self.runs) - 1,
            arrived=min(arrived, until),
            until=until,
            chained=stage in self._chained,
        )

    def _standing(self, opened: _Open, last: float, *, lives: bool) -> Attempt:
        if opened.run < len(self.runs) - 1:
            return self._attempt(opened, State.CUT_OFF, self.runs[opened.run].last)
        return self._attempt(opened, State.RUNNING if lives else State.CUT_OFF, last)

    def _end_unseen(self, opened: _Open, state: State) -> None:
        self._emit(self._attempt(opened, state, self.runs[opened.run].last), opened.began)

    def _attempt(
        self,
        opened: _Open,
        state: State,
        ended: float,
        record: Finished | None = None,
        end_event: int = 0,
    ) -> Attempt:
        began = opened.began
        stage, adapter = self._plan(began.step)
        end = record or _NO_END
        return Attempt(
            step=began.step,
            stage=stage,
            adapter=adapter,
            number=began.attempt,
            run=opened.run,
            state=state,
            event=opened.n,
            end=end_event,
            arrived=opened.arrived,
            ready=opened.ready,
            began=began.time,
            # A clock that was set back meanwhile must not make it end before it began.
            ended=max(ended, began.time),
            gpus=opened.gpus,
            awaited=opened.awaited,
            log=began.log,
            reason=self._text(end.reason),
            hint=self._text(end.hint),
            failure=end.failure.value if end.failure else "",
            exit_code=-end.signal if end.signal else end.exit_code,
            warnings=end.warnings and tuple(map(self._text, end.warnings)),
            peak_memory_mib=end.peak_memory_mib,
            peak_utilisation=end.peak_utilisation,
        )

    def _plan(self, step: str) -> tuple[str, str]:
        return self.plans.get(step, ("", ""))

    def _text(self, text: str) -> str:
        """Return one object for equal texts: there are few of them, and many steps."""
        return self._texts.setdefault(text, text)
