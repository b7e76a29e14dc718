"""What a journal says about each step of its runs, read from the first event on."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.standard.model import StepState
from gpucore.system.journal_place import Place, find_place, read_head
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
)
from gpucore.system.journal_store import SEED, VERSION, Row, Scan, open_to_read, row_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["JournalState", "StepFate", "read_journal", "read_place"]

_TRIES = 3
_BEGAN = KIND[Began]
_SPAWNED = KIND[Spawned]


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
                if self._connection is not None:
                    row = row_at(self._connection, n)
            except sqlite3.Error:
                row = None
        if row is None:
            raise GpucoreError(f"event {n} of the journal can no longer be read")
        return decode(row[1], row[2], row[3], row[4])


@dataclass
class _Replay:
    """Events in, fates out."""

    state: JournalState
    steps: dict[str, StepFate] = field(default_factory=dict)

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
                elif kind == _SPAWNED:
                    self._fate(step).spawned = n
                else:
                    self._apply(n, step, decode(kind, step, attempt, body))
            except ValueError as error:
                return str(error)
            self.state.events, self.state.chain = n, chain
        return ""

    def _fate(self, step: bytes) -> StepFate:
        fate = self.steps.get(name := step.decode("utf-8", "surrogatepass"))
        if fate is None:
            fate = self.steps[name] = StepFate()
        return fate

    def _apply(self, n: int, step: bytes, record: Record) -> None:
        if isinstance(record, Planned):
            fate = self._fate(step)
            fate.stage = sys.intern(record.stage)
            fate.adapter = sys.intern(record.adapter)
        elif isinstance(record, Finished):
            _end(self._fate(step), n, record)
        elif isinstance(record, RunBegan):
            self.state.runs.append((record, None))
        elif isinstance(record, RunFinished):
            if self.state.runs:
                self.state.runs[-1] = (self.state.runs[-1][0], record)
        elif isinstance(record, Mended):
            self.state.mendings.append(record)


def _end(fate: StepFate, n: int, record: Finished) -> None:
    """Take an end in: the first told of an attempt counts, and only the last attempt's."""
    running = fate.state is StepState.RUNNING
    if running and record.attempt != fate.attempts:
        return
    if not running and record.attempt and record.attempt <= fate.attempts:
        return
    fate.state, fate.finished = record.state, n
    fate.attempts = max(fate.attempts, record.attempt)


def read_journal(folder: Path, state_home: Path) -> JournalState:
    """Return what the journal of an output folder says, whether a run writes it or not.

    Parameters
    ----------
    folder : Path
        The output folder.
    state_home : Path
        The machine's local state directory.

    Raises
    ------
    GpucoreError
        When it lies on another machine, or something else lies in its place.
    """
    return read_place(find_place(folder, state_home, own=False))


def read_place(place: Place) -> JournalState:
    """Return what the journal in a place says; see `read_journal`."""
    place.check(own=False)
    head = read_head(place)  # before the events: they can only become more
    path = place.mended if place.mended.exists() else place.journal
    if not path.exists():
        state = JournalState(place.note)
        if head:
            state.loss = f"the journal is missing: {head} events are lost"
        return state
    if path == place.mended:
        head = None
    # A copy may be taken in the moment in which a writer folds its WAL: then it is taken again.
    for _ in range(_TRIES if place.foreign else 1):
        state, fault = _read(path, place)
        if place.foreign and head is not None and state.events >= head:
            fault = ""
        if not fault:
            break
    state.loss = _loss(state.events, head, fault)
    return state


def _loss(events: int, head: int | None, fault: str) -> str:
    if head is not None and head > events:
        why = f" ({fault})" if fault else ""
        return f"the journal is damaged{why}: {head - events} of {head} events are lost"
    if not fault:
        return ""
    if head is not None and head == events and events:
        return f"the journal is damaged ({fault}), but all {events} events could be read"
    return f"the journal is damaged ({fault}): what came after {events} events is lost"


def _read(path: Path, place: Place) -> tuple[JournalState, str]:
    state = JournalState(place.note)
    where = path
    if place.foreign:
        try:
            where = _copy(path, state)
        except OSError as error:
            return state, f"it cannot be read, {error.strerror}"
    try:
        connection = open_to_read(where)
    except sqlite3.Error as error:
        return state, str(error)
    try:
        scan = Scan(connection)
        replay = _Replay(state)
        fault = replay.take(scan) or scan.fault
        state.steps = replay.steps
        if fault and not state.events:
            fault = _version(connection) or fault
    finally:
        connection.close()
    state.source = where
    return state, fault


def _copy(path: Path, state: JournalState) -> Path:
    """Copy a journal that we must leave no trace beside, or that changes under our eyes."""
    folder = tempfile.mkdtemp(prefix="gpucore-journal-")
    weakref.finalize(state, shutil.rmtree, folder, ignore_errors=True)
    copy = Path(folder) / path.name
    wal = path.with_name(f"{path.name}-wal")
    # The WAL first: events that are folded into the file meanwhile are then in both.
    if wal.exists():
        shutil.copyfile(wal, copy.with_name(wal.name))
    shutil.copyfile(path, copy)
    return copy


def _version(connection: sqlite3.Connection) -> str:
    """Return that the journal is of another version, when its head says so."""
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except (sqlite3.Error, TypeError):
        return ""
    return "" if version in {0, VERSION} else f"another version of gpucore wrote it ({version})"
