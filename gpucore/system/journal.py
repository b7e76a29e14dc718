"""The journal of an output folder's runs: what is recorded lasts, whatever dies afterwards."""

from __future__ import annotations

import atexit
import logging
import os
import sqlite3
import tempfile
import time
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.system.journal_coding import encode
from gpucore.system.journal_mending import finish_mending, mend, sound
from gpucore.system.journal_place import (
    Place,
    find_place,
    head_line,
    local_place,
    lock_place,
    make_folder,
    open_own,
)
from gpucore.system.journal_reading import read_journal, read_place
from gpucore.system.journal_records import (
    Began,
    Fingerprint,
    Finished,
    Mended,
    Planned,
    Record,
    RunBegan,
    RunFinished,
    Spawned,
)
from gpucore.system.journal_replay import JournalState, StepFate
from gpucore.system.journal_store import PAGE, open_to_write
from gpucore.system.journal_summary import Summarist
from gpucore.system.journal_writer import JournalWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = [
    "Began",
    "Fingerprint",
    "Finished",
    "Journal",
    "JournalState",
    "Mended",
    "Planned",
    "Record",
    "RunBegan",
    "RunFinished",
    "Spawned",
    "StepFate",
    "read_journal",
]

_LOGGER = logging.getLogger(__name__)
_LAST_CHANCE = 5.0
"""Seconds for what is queued when the interpreter ends and nobody closed the journal."""


class Journal:
    """The journal of one output folder, open for one run; see `Journal.open`.

    Attributes
    ----------
    state : JournalState
        What it said when it was opened, before this run.
    """

    def __init__(self, place: Place, state: JournalState, writer: JournalWriter, lock: int) -> None:
        self.state = state
        self._place = place
        self._writer = writer
        self._lock = lock
        atexit.register(self.close, _LAST_CHANCE)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        state_home: Path,
        run: RunBegan,
        on_trouble: Callable[[str], None] | None = None,
    ) -> Journal:
        """Open the journal of an output folder for a run, and record that the run began.

        Parameters
        ----------
        folder : Path
            The output folder, made if need be.
        state_home : Path
            The machine's local state directory; the journal lies there when the output folder's
            file system cannot hold it.
        run : RunBegan
            The run.
        on_trouble : callable, optional
            Told in one line when records cannot be written for the time being, and when they can
            again; called on the journal's own thread, and must neither raise nor wait for it.

        Raises
        ------
        GpucoreError
            When another run writes it, when it lies on another machine, when what lies in its
            place is not ours, or when it cannot be written.
        """
        place = find_place(folder, state_home, own=True)
        make_folder(place, folder)
        journal = cls._at(place, folder, run, on_trouble or _log)
        if journal is None:
            place = local_place(folder, state_home)
            make_folder(place, folder)
            journal = cls._at(place, folder, run, on_trouble or _log)
        if journal is None:
            raise GpucoreError(
                f"SQLite's WAL works neither in `{folder}` nor in `{place.folder}`",
                hint="set XDG_STATE_HOME to a folder on a local disk",
                code="E721",
            )
        return journal

    @classmethod
    def _at(
        cls, place: Place, folder: Path, run: RunBegan, on_trouble: Callable[[str], None]
    ) -> Journal | None:
        """Open the journal in a place; return None when WAL does not work there."""
        place.check(own=True)
        lock = lock_place(place, f"process {run.pid} on {run.host} (run {run.run})")
        try:
            place.check(own=True)
            state, mended = _whole(place, folder)
            writer = _writer(place, state, on_trouble)
        except (OSError, sqlite3.Error) as error:
            os.close(lock)
            raise GpucoreError(
                f"the journal in `{place.folder}` cannot be opened ({_cause(place, error)})",
                hint="make room there, or write to another output folder",
                code="E721",
            ) from error
        except BaseException:
            os.close(lock)
            raise
        if writer is None:
            os.close(lock)
            return None
        journal = cls(place, state, writer, lock)
        records: tuple[Record, ...] = (*mended, run)
        try:
            journal._writer.put_and_wait([encode(one) for one in records])
        except BaseException:
            journal.close(0)
            raise
        return journal

    @property
    def note(self) -> str:
        """What is special about where it lies; empty when it lies beside the outputs."""
        return self._place.note

    @property
    def path(self) -> Path:
        """The database file."""
        return self._place.journal

    @property
    def transactions(self) -> int:
        """How many transactions carried this run's records so far."""
        return self._writer.transactions

    def append(self, record: Record) -> None:
        """Queue a record; return at once.

        Raises
        ------
        GpucoreError
            When the journal is closed or beyond writing.
        """
        self._writer.put((encode(record),))

    def commit(self, record: Record) -> None:
        """Return when a record, and all that were queued before it, are on disk.

        While the disk is full this waits.

        Raises
        ------
        GpucoreError
            When the journal is closed or beyond writing, or was closed without success.
        """
        self._writer.put_and_wait((encode(record),))

    def commit_then(self, record: Record, then: Callable[[str], None]) -> None:
        """Queue a record; ``then`` is called when it is on disk, or with why it never will be.

        Parameters
        ----------
        then : callable
            Called once on the journal's own thread; must neither raise, nor wait for the journal.

        Raises
        ------
        GpucoreError
            When the journal is closed or beyond writing.
        """
        self._writer.put_then((encode(record),), then)

    def plan(self, steps: Iterable[Planned]) -> None:
        """Return when all steps of a plan are on disk: all of them, or none, whatever dies.

        Raises
        ------
        GpucoreError
            As `commit` does.
        """
        if records := [encode(step) for step in steps]:
            self._writer.put_and_wait(records)

    def close(self, timeout: float | None = None) -> bool:
        """Write what is queued and let go of the journal.

        Parameters
        ----------
        timeout : float, optional
            Seconds after which what cannot be written (the disk is full) is given up.

        Returns
        -------
        bool
            Whether all was written.
        """
        written = self._writer.close(timeout)
        self.state.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
            atexit.unregister(self.close)
        return written

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _whole(place: Place, folder: Path) -> tuple[JournalState, tuple[Mended, ...]]:
    """Return the state of a journal that is whole now, and the record of its mending."""
    finish_mending(place)
    beside = Place(folder=folder / ".gpucore")
    moves = (
        place.folder != beside.folder
        and not place.journal.exists()
        and os.path.lexists(beside.journal)
    )
    if moves:
        # It was kept beside the outputs until now: the output folder has moved, or its disk.
        beside.check(own=True)
    state = read_place(beside if moves else place)
    if not moves and not state.loss and place.journal.exists() and (fault := sound(place.journal)):
        state.loss = f"the journal is damaged ({fault}), but all its events could be read"
    if not moves and not state.loss:
        return state, ()
    aside = mend(place, state.source, state.events)
    state.moved(place.journal)
    state.note = place.note
    if not state.loss:
        return state, ()
    told = Mended(time=time.time(), kept=state.events, loss=state.loss, aside=str(aside))
    return state, (told,)


def _writer(
    place: Place, state: JournalState, on_trouble: Callable[[str], None]
) -> JournalWriter | None:
    """Start the writer of a journal that is whole; None when WAL does not work there."""
    head = open_own(place.head)
    connection = None
    try:
        # From here on an empty journal is one in the making, and not one that lost all.
        if not state.events:
            os.pwrite(head, head_line(0), 0)
        connection = _connection(place, state)
    finally:
        if connection is None:
            os.close(head)
    if connection is None:
        return None
    summarist = Summarist(place, state.steps, state.events, state.chain)
    return JournalWriter(connection, head, state.events, state.chain, on_trouble, summarist)


def _connection(place: Place, state: JournalState) -> sqlite3.Connection | None:
    fresh = not place.journal.exists()
    try:
        connection = open_to_write(place.journal)
    except sqlite3.OperationalError as error:
        if not fresh or not any(one in str(error) for one in ("I/O", "locking protocol")):
            raise
        connection = None
    if connection is None:
        if fresh:
            place.journal.unlink(missing_ok=True)
        return None
    try:
        last = connection.execute("SELECT n, chain FROM event ORDER BY n DESC LIMIT 1").fetchone()
        if (last or (0, state.chain)) != (state.events, state.chain):
            raise GpucoreError(
                f"the journal in `{place.folder}` changed while it was opened", code="E720"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _cause(place: Place, error: Exception) -> str:
    """Return why a journal cannot be opened: of a full disk SQLite says only that it could not."""
    try:
        with tempfile.TemporaryFile(dir=place.folder) as trial:
            trial.write(bytes(PAGE))
    except OSError as fault:
        return fault.strerror or str(fault)
    return str(error)


def _log(text: str) -> None:
    _LOGGER.warning("%s", text)
