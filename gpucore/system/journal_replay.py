"""What a journal says about each step of its runs, read from the first event on."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.standard.model import StepState
from gpucore.system.journal_records import (
    KIND,
    Began,
    Finished,
    Mended,
    Planned,
    Record,
    RunBegan,
    RunFinished,
    Spawned,
    decode,
    ending,
)
from gpucore.system.journal_store import (
    SEED,
    Row,
    open_to_read,
    row_at,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["JournalState", "Replay", "StepFate"]

_BEGAN = KIND[Began]
_SPAWNED = KIND[Spawned]
_FINISHED = KIND[Finished]
_PLANNED = KIND[Planned]


@dataclass(slots=True)
class StepFate:
    """How far a step has come.

    Parameters
    ----------
    stage, adapter : str
        As planned.
    state : StepState
        WAITING: planned; RUNNING: begun and without an end; else how it ended last.
    attempts : int
        How often it was begun.
    """

    stage: str = ""
    adapter: str = ""
    state: StepState = StepState.WAITING
    attempts: int = 0
    began: int = 0
    spawned: int = 0
    finished: int = 0


class JournalState:
    """What the longest valid prefix of a journal says.

    Records are fetched from the file when they are asked for: a million of them would not fit.

    Attributes
    ----------
    steps : Mapping[str, StepFate]
        In the order in which they were planned.
    runs : list of (RunBegan, RunFinished or None)
        The last without an end is one that runs, or died.
    mendings : list of Mended
        What was lost before.
    events : int
        How many there are.
    loss : str
        What is missing or damaged; empty when nothing is.
    note : str
        What is special about where it lies.
    chain : bytes
        The hash of the last event.
    source : Path or None
        The file that records are fetched from.
    """

    def __init__(self, note: str = "") -> None:
        self.steps: Mapping[str, StepFate] = {}
        self.runs: list[tuple[RunBegan, RunFinished | None]] = []
        self.mendings: list[Mended] = []
        self.events = 0
        self.chain = SEED
        self.loss = ""
        self.note = note
        self.source: Path | None = None
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def began(self, step: str) -> Began | None:
        """Return the step's last beginning, with its process as far as that is known.

        Raises
        ------
        GpucoreError
            When the journal was damaged since it was read.
        """
        fate = self.steps[step]
        began = self._fetch(fate.began)
        if not isinstance(began, Began):
            return None
        spawned = self._fetch(fate.spawned)
        if isinstance(spawned, Spawned) and spawned.attempt == began.attempt:
            from dataclasses import replace  # noqa: PLC0415 - few steps are asked for

            return replace(began, pid=spawned.pid, pid_start=spawned.pid_start)
        return began

    def finished(self, step: str) -> Finished | None:
        """Return how the step ended last.

        Raises
        ------
        GpucoreError
            When the journal was damaged since it was read.
        """
        finished = self._fetch(self.steps[step].finished)
        return finished if isinstance(finished, Finished) else None

    def ended(self) -> Iterator[Finished]:
        """Yield how every step that ended did so last, in the order of the ends.

        One way through the file: for a look at all steps, far cheaper than asking for each.

        Raises
        ------
        GpucoreError
            When the journal was damaged since it was read.
        """
        if self.source is None:
            return
        connection = None
        try:
            connection = open_to_read(self.source)
            # They were proved when they were read, and what is written is not changed again.
            for n, kind, step, attempt, body in rows_of(connection, _FINISHED, self.events):
                finished = decode(kind, step, attempt, body)
                if isinstance(finished, Finished) and self.steps[finished.step].finished == n:
                    yield finished
        except (sqlite3.Error, ValueError, KeyError) as error:
            raise GpucoreError(f"the journal can no longer be read ({error})") from error
        finally:
            if connection is not None:
                connection.close()

    def counts(self) -> dict[StepState, int]:
        """Return the number of steps in each state."""
        counts = dict.fromkeys(StepState, 0)
        for fate in self.steps.values():
            counts[fate.state] += 1
        return counts

    def close(self) -> None:
        """Let go of the file; records can still be asked for, and open it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def moved(self, source: Path) -> None:
        """Fetch records from another file with the same events from now on."""
        self.close()
        self.source = source

    def __enter__(self) -> JournalState:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _fetch(self, n: int) -> Record | None:
        if not n:
            return None
        row = None
        with self._lock:
            try:
                if self._connection is None and self.source is not None:
                    self._connection = open_to_read(self.source)
                    weakref.finalize(self, self._connection.close)
                if self._connection is not None:
                    row = row_at(self._connection, n)
            except sqlite3.Error:
                row = None
        if row is None:
            raise GpucoreError(f"event {n} of the journal can no longer be read")
        return decode(row[1], row[2], row[3], row[4])


@dataclass
class Replay:
    """Events in, fates out."""

    state: JournalState
    steps: dict[str, StepFate] = field(default_factory=dict)
    plans: dict[bytes, tuple[str, str]] = field(default_factory=dict)

    def take(self, rows: Iterable[Row]) -> str:
        """Take in all rows; return why one could not be understood."""
        for row in rows:
            n, kind, step, attempt, body, chain = row
            try:
                if kind == _BEGAN:
                    # Most of a journal's bytes: not looked into until someone asks.
                    fate = self._fate(step)
                    fate.state, fate.began = StepState.RUNNING, n
                    fate.attempts = max(fate.attempts, attempt)
                elif kind == _FINISHED:
                    _end(self._fate(step), n, attempt, ending(body))
                elif kind == _PLANNED:
                    # All steps of a stage have the same body.
                    if body not in self.plans:
                        self.plans[body] = self._plan(decode(kind, step, attempt, body))
                    fate = self._fate(step)
                    fate.stage, fate.adapter = self.plans[body]
                elif kind == _SPAWNED:
                    self._fate(step).spawned = n
                else:
                    self._apply(decode(kind, step, attempt, body))
            except ValueError as error:
                return str(error)
            self.state.events, self.state.chain = n, chain
        return ""

    def _fate(self, step: bytes) -> StepFate:
        fate = self.steps.get(name := step.decode("utf-8", "surrogatepass"))
        if fate is None:
            fate = self.steps[name] = StepFate()
        return fate

    @staticmethod
    def _plan(record: Record) -> tuple[str, str]:
        if not isinstance(record, Planned):
            raise TypeError(record)
        return record.stage, record.adapter

    def _apply(self, record: Record) -> None:
        if isinstance(record, RunBegan):
            self.state.runs.append((record, None))
        elif isinstance(record, RunFinished):
            if self.state.runs:
                self.state.runs[-1] = (self.state.runs[-1][0], record)
        elif isinstance(record, Mended):
            self.state.mendings.append(record)


def _end(fate: StepFate, n: int, attempt: int, state: StepState) -> None:
    """Take an end in: the first told of an attempt counts, and only the last attempt's."""
    running = fate.state is StepState.RUNNING
    if running and attempt != fate.attempts:
        return
    if not running and attempt and attempt <= fate.attempts:
        return
    fate.state, fate.finished = state, n
    fate.attempts = max(fate.attempts, attempt)
