"""What a journal says about each step of its runs, read from the first event on."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.system.journal_coding import KIND, decode
from gpucore.system.journal_fates import Fates, StepFate
from gpucore.system.journal_records import (
    Began,
    Finished,
    Mended,
    Record,
    RunBegan,
    RunFinished,
    Spawned,
)
from gpucore.system.journal_rows import Rows
from gpucore.system.journal_store import SEED, Row, open_to_read, rows_of, rows_until

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path

    from gpucore.standard.model import StepState

__all__ = ["JournalState", "Replay", "StepFate"]

_FINISHED = KIND[Finished]


class JournalState:
    """What the longest valid prefix of a journal says.

    Records are fetched from the file when they are asked for: a million of them would not fit.

    Attributes
    ----------
    steps : Fates
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
        self.steps = Fates()
        self.runs: list[tuple[RunBegan, RunFinished | None]] = []
        self.mendings: list[Mended] = []
        self.events = 0
        self.chain = SEED
        self.loss = ""
        self.note = note
        self.source: Path | None = None
        self._lock = threading.Lock()
        self._rows: Rows | None = None
        self._let_go: weakref.finalize[[], JournalState] | None = None

    def began(self, step: str) -> Began | None:
        """Return the step's last beginning, with its process as far as that is known.

        Raises
        ------
        GpucoreError
            When the journal was damaged since it was read.
        """
        place = self._place(step)
        began = self._fetch(Began, self.steps.began[place])
        if not isinstance(began, Began):
            return None
        spawned = self._fetch(Spawned, self.steps.spawned[place])
        if isinstance(spawned, Spawned) and spawned.attempt == began.attempt:
            from dataclasses import replace  # noqa: PLC0415 - few steps are asked for

            return replace(began, pid=spawned.pid, pid_start=spawned.pid_start)
        return began

    def beginning(self, n: int) -> Began | None:
        """Return the beginning that is the event of that number; None when it is none.

        Raises
        ------
        GpucoreError
            When the journal was damaged since it was read.
        """
        row = self._row(n, KIND[Began]) if 0 < n <= self.events else None
        try:
            record = None if row is None else decode(KIND[Began], *row)
        except ValueError as error:
            raise GpucoreError(
                f"event {n} of the journal can no longer be read", code="E711"
            ) from error
        return record if isinstance(record, Began) else None

    def finished(self, step: str) -> Finished | None:
        """Return how the step ended last.

        Raises
        ------
        GpucoreError
            When the journal was damaged since it was read.
        """
        finished = self._fetch(Finished, self.steps.finished[self._place(step)])
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
                place = self._place(finished.step) if isinstance(finished, Finished) else -1
                if isinstance(finished, Finished) and self.steps.finished[place] == n:
                    yield finished
        except (sqlite3.Error, ValueError, KeyError) as error:
            raise GpucoreError(
                f"the journal can no longer be read ({error})", code="E711"
            ) from error
        finally:
            if connection is not None:
                connection.close()

    def records(
        self, *kinds: type[Record], only: Container[int] | None = None
    ) -> Iterator[tuple[int, Record]]:
        """Yield the records of some kinds with their numbers, in their order; all by default.

        One way through the file, in little memory: for a look at all that was.

        Parameters
        ----------
        *kinds : type
            Kinds of records.
        only : container of int, optional
            The numbers of those that are wanted.

        Raises
        ------
        GpucoreError
            When the journal was damaged since it was read.
        """
        if self.source is None or not self.events:
            return
        wanted = {KIND[kind] for kind in kinds or KIND}
        connection = None
        try:
            connection = open_to_read(self.source)
            # They were proved when they were read, and what is written is not changed again.
            for n, kind, step, attempt, body in rows_until(connection, self.events):
                if kind in wanted and (only is None or n in only):
                    yield n, decode(kind, step, attempt, body)
        except (sqlite3.Error, ValueError) as error:
            raise GpucoreError(
                f"the journal can no longer be read ({error})", code="E711"
            ) from error
        finally:
            if connection is not None:
                connection.close()

    def counts(self) -> dict[StepState, int]:
        """Return the number of steps in each state."""
        return self.steps.counts()

    def close(self) -> None:
        """Let go of the file; records can still be asked for, and open it again."""
        with self._lock:
            if self._let_go is not None:
                self._let_go()
            self._rows = self._let_go = None

    def moved(self, source: Path) -> None:
        """Fetch records from another file with the same events from now on."""
        self.close()
        self.source = source

    def __enter__(self) -> JournalState:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _place(self, step: str) -> int:
        place = self.steps.place(step)
        if place is None:
            raise KeyError(step)
        return place

    def _fetch(self, kind: type[Record], n: int) -> Record | None:
        if not n:
            return None
        number = KIND[kind]
        try:
            row = self._row(n, number) or self._row_in_turn(n, number)
            if row is None:
                raise ValueError("it is not there")
            return decode(number, *row)
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise GpucoreError(
                f"event {n} of the journal can no longer be read", code="E711"
            ) from error

    def _row(self, n: int, kind: int) -> tuple[bytes, int, bytes] | None:
        if self.source is None:
            return None
        with self._lock:
            try:
                if self._rows is None:
                    self._rows = Rows(self.source)
                    self._let_go = weakref.finalize(self, self._rows.close)
                return self._rows.row(n, kind)
            except (sqlite3.Error, TypeError):
                return None

    def _row_in_turn(self, n: int, kind: int) -> tuple[bytes, int, bytes] | None:
        """Find a row as it was found when all were read: damage can hide it from who seeks it."""
        if self.source is None:
            return None
        with closing(open_to_read(self.source)) as connection:
            for number, its_kind, step, attempt, body in rows_until(connection, n):
                if (number, its_kind) == (n, kind):
                    return step, attempt, body
        return None


@dataclass
class Replay:
    """Events in, a state out."""

    state: JournalState

    def take(self, rows: Iterable[Row]) -> str:
        """Take in all rows; return why one could not be understood."""
        state, take = self.state, self.state.steps.take
        n, chain, fault = state.events, state.chain, ""
        for row in rows:
            number, kind, step, attempt, body, after = row
            try:
                if not take(number, kind, step, attempt, body):
                    self.apply(number, decode(kind, step, attempt, body))
            except (ValueError, OverflowError) as error:
                fault = str(error)
                break
            n, chain = number, after
        state.events, state.chain = n, chain
        return fault

    def apply(self, n: int, record: Record) -> None:
        """Take in a record of the runs, and not of a step."""
        if isinstance(record, RunBegan | RunFinished | Mended):
            self.state.steps.of_runs.append(n)
        if isinstance(record, RunBegan):
            self.state.runs.append((record, None))
        elif isinstance(record, RunFinished):
            if self.state.runs:
                self.state.runs[-1] = (self.state.runs[-1][0], record)
        elif isinstance(record, Mended):
            self.state.mendings.append(record)
