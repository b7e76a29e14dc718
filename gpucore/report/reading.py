"""A journal made into a history, in one way through it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from gpucore.errors import GpucoreError
from gpucore.report.gpu_records import GpuRecords
from gpucore.report.history import History, JournalFacts, RunSpan, State
from gpucore.report.step_records import StepRecords
from gpucore.report.texts import command_words
from gpucore.system.journal_records import (
    Began,
    Finished,
    Planned,
    Regarded,
    RunBegan,
    RunFinished,
    Sampled,
)
from gpucore.system.lives import life

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gpucore.report.history import Attempt
    from gpucore.report.step_records import OpenRun
    from gpucore.system.journal_records import Record
    from gpucore.system.journal_replay import JournalState

__all__ = ["KINDS", "LATEST", "Commands", "HistoryReader", "Told", "history_of"]

LATEST = 32_503_680_000.0
"""The year 3000: what is later no clock has told."""

KINDS = (RunBegan, Planned, Began, Finished, RunFinished, Sampled, Regarded)
"""The records that a history is made of."""

Told: TypeAlias = "Callable[[Attempt, Began | None, tuple[str, ...]], None]"
"""Given an attempt, its beginning, and what its GPUs are called."""


def history_of(
    folder: Path, state: JournalState, *, now: float | None = None, told: Told | None = None
) -> History:
    """Return what the runs of an output folder did.

    Parameters
    ----------
    folder : Path
        The output folder.
    state : JournalState
        What its journal says.
    now : float, optional
        Seconds since the epoch; the clock's by default.
    told : callable, optional
        Given each attempt when its end comes by: what is large (the command) is not kept.

    Raises
    ------
    GpucoreError
        When the journal was damaged since it was read.
    """
    reader = HistoryReader(told)
    for n, record in state.records(*KINDS):
        reader.take(n, record)
    return reader.history(folder, state, time.time() if now is None else now)


class Commands:
    """The commands of attempts as words of a shell's line: kept while few, read again when many.

    Parameters
    ----------
    most : int
        So many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[int, list[str]] = {}
        self._whole = True

    def __call__(self, attempt: Attempt, began: Began | None) -> list[str]:
        """Return the command of an attempt whose end comes by."""
        if began is None:
            return []
        words = command_words(began.env, began.argv)
        if len(self._kept) < self._most:
            self._kept[attempt.event] = words
        else:
            self._whole = False
        return words

    def of(self, state: JournalState, attempts: Sequence[Attempt]) -> Mapping[int, list[str]]:
        """Return the commands of some attempts, by their events.

        Raises
        ------
        GpucoreError
            When the journal was damaged since it was read.
        """
        if self._whole:
            return self._kept
        wanted = {one.event for one in attempts if one.event}
        return {
            n: command_words(began.env, began.argv)
            for n, began in state.records(Began, only=wanted)
            if isinstance(began, Began)  # nothing else was asked for
        }


class HistoryReader:
    """Records in, a history out: at any time, and more records after it.

    Parameters
    ----------
    told : callable, optional
        Given each attempt when its end comes by.

    Attributes
    ----------
    gpus : GpuRecords
        What they tell of GPUs.
    steps : StepRecords
        What they tell of steps.
    """

    def __init__(self, told: Told | None = None) -> None:
        self.gpus = GpuRecords()
        self.steps = StepRecords(self._emit)
        self._told = told
        self._attempts: list[Attempt] = []

    def take(self, n: int, record: Record) -> None:
        """Take a record in."""
        at = getattr(record, "time", 0.0)
        if not (isinstance(at, float | int) and 0 <= at < LATEST):
            raise GpucoreError(
                f"event {n} of the journal tells a time that cannot be ({at!r})", code="E711"
            )
        if isinstance(record, RunBegan):
            self._run_began(record)
            return
        if not self.steps.runs:
            # What came before was lost; a run of which nothing is known stands for it.
            self._run_began(RunBegan(run="", time=at, pid=0, host="", boot="", version=""))
        if isinstance(record, Planned):
            self.steps.planned(record)
            return
        self.steps.heard(at)
        if isinstance(record, Began):
            self.steps.began(n, record, self.gpus.of_step(record))
        elif isinstance(record, Finished):
            self.steps.finished(n, record)
        elif isinstance(record, Sampled):
            self.gpus.sampled(record)
        elif isinstance(record, Regarded):
            self.gpus.regarded(record)
        elif isinstance(record, RunFinished):
            self.steps.run.finished = record

    def history(self, folder: Path, state: JournalState, now: float) -> History:
        """Return what was taken in, as a whole.

        Parameters
        ----------
        folder : Path
            The output folder.
        state : JournalState
            What its journal says, up to the last record that was taken in.
        now : float
            Seconds since the epoch.
        """
        runs = self.steps.runs
        how = life(state, len(state.runs) - 1) if state.runs else "died"
        last = max((run.last for run in runs[-1:]), default=0.0)
        if how == "runs":
            last = max(last, now)
        # On another machine it may go on, as far as anybody here knows.
        all_attempts = [
            *self._attempts,
            *self.steps.standing(last, lives=how in {"runs", "unknown"}),
        ]
        latest = {one.step: place for place, one in enumerate(all_attempts)}
        attempts = [
            one
            if one.state is State.DONE or latest[one.step] == place
            else replace(one, state=State.RETRIED)
            for place, one in enumerate(all_attempts)
        ]
        counts = Counter(attempts[place].state for place in latest.values())
        counts[State.WAITING] = len(self.steps.plans.keys() - latest.keys())
        attempts.sort(key=lambda one: one.began)
        return History(
            folder=str(folder.absolute()),
            made=now,
            journal=_facts(folder, state),
            runs=tuple(_spans(state, runs, last)),
            gpus=tuple(self.gpus.gpus),
            attempts=tuple(attempts),
            unbegun=(*self.steps.unbegun, *self.steps.left(last)),
            used=tuple(frozenset(run.used) for run in runs),
            notes=tuple(self.gpus.standing(last)),
            samples={place: tuple(rows) for place, rows in self.gpus.samples.items()},
            counts={one: counts[one] for one in State},
        )

    def _run_began(self, record: RunBegan) -> None:
        if self.steps.runs:
            self.gpus.run_ended(self.steps.run.last)
        self.steps.run_began(record, self.gpus.of_run(record))

    def _emit(self, attempt: Attempt, began: Began | None) -> None:
        self._attempts.append(attempt)
        if self._told is not None:
            self._told(attempt, began, self.gpus.labels(attempt.gpus))


def _facts(folder: Path, state: JournalState) -> JournalFacts:
    beside = folder / ".gpucore" / "journal.sqlite"
    # What belongs to another user is read as a copy of it.
    path = beside if beside.exists() else state.source
    return JournalFacts(
        path=str(path or ""),
        events=state.events,
        chain=state.chain.hex(),
        loss=state.loss,
        notes=tuple(filter(None, (state.note, *(one.loss for one in state.mendings)))),
    )


def _spans(state: JournalState, runs: list[OpenRun], last: float) -> Iterator[RunSpan]:
    made_up = len(runs) - len(state.runs)
    for place, run in enumerate(runs, -made_up):
        record, finished = run.record, run.finished
        heard = last if run is runs[-1] else run.last
        yield RunSpan(
            name=record.run,
            life=life(state, place) if place >= 0 else "died",
            began=record.time,
            ended=max(finished.time if finished is not None else heard, record.time),
            host=record.host,
            version=record.version,
            cwd=record.cwd,
            pid=record.pid,
            argv=record.argv,
            reason=finished.reason if finished is not None else "",
            workers=record.workers,
        )
