"""A journal read: as SQLite gives it, as a copy of it, or as what its pages still hold."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import tempfile
import weakref
from pathlib import Path

from gpucore.errors import GpucoreError
from gpucore.system.journal_coding import decode
from gpucore.system.journal_place import Place, find_place, read_head
from gpucore.system.journal_replay import JournalState, Replay
from gpucore.system.journal_store import VERSION, Scan, fault_of, open_to_read, row_at
from gpucore.system.journal_summary import Summary, read_summary

__all__ = ["copy_journal", "read_journal", "read_place"]

_LOGGER = logging.getLogger(__name__)
_TRIES = 3


def read_journal(folder: Path, state_home: Path, *, whole: bool = True) -> JournalState:
    """Return what the journal of an output folder says, whether a run writes it or not.

    Parameters
    ----------
    folder : Path
        The output folder.
    state_home : Path
        The machine's local state directory.
    whole : bool
        Whether every event is read and proved. Otherwise those that the writer's summary covers
        are not, when it fits: damage among them is noticed by the next run.

    Raises
    ------
    GpucoreError
        When it lies on another machine, or something else lies in its place.
    """
    return read_place(find_place(folder, state_home, own=False), whole=whole)


def read_place(place: Place, *, whole: bool = True) -> JournalState:
    """Return what the journal in a place says; see `read_journal`."""
    place.check(own=False)
    head = read_head(place)  # before the events: they can only become more
    path = place.mended if place.mended.exists() else place.journal
    if not path.exists():
        state = JournalState(place.note)
        if head:
            state.loss = f"the journal is missing: {head} events are lost"
        return state
    if not whole and path != place.mended and (short := _by_summary(place, head)) is not None:
        return short
    if path == place.mended:
        head = None
    # A copy may be taken in the moment in which a writer folds its WAL: then it is taken again.
    for _ in range(_TRIES if place.foreign else 1):
        state, fault = _read(path, place)
        if place.foreign and head is not None and state.events >= head:
            fault = ""
        if not fault:
            break
    if fault and head == 0 and not state.events and _in_the_making(state.source or path):
        fault = ""  # its first writer died before it wrote anything
    if fault or (head or 0) > state.events:
        fault = fault or f"SQLite reads no more than {state.events} events"
        state = _salvaged(path, state)
    state.loss = _loss(state.events, head, fault)
    return state


def _by_summary(place: Place, head: int | None) -> JournalState | None:
    """Return what a journal says by its summary and what came after; None when that fails."""
    try:
        # Before the journal: it can only have more.
        summary = read_summary(place)
        if summary is None:
            return None
        state = JournalState(place.note)
        where = copy_journal(place.journal, state) if place.foreign else place.journal
        connection = open_to_read(where)
    except (OSError, sqlite3.Error):
        return None
    try:
        fits = _go_on(state, summary, connection)
    except ValueError:
        return None
    finally:
        connection.close()
    if not fits or (head or 0) > state.events:
        return None
    state.source = where
    return state


def _go_on(state: JournalState, summary: Summary, connection: sqlite3.Connection) -> bool:
    """Take a summary and the events after it into a state; return whether they fit.

    Raises
    ------
    ValueError
        When a record is none.
    """
    last = row_at(connection, summary.events)
    if last is None or last[5] != summary.chain:
        return False
    state.steps, state.events, state.chain = summary.fates, summary.events, summary.chain
    replay = Replay(state)
    numbers = summary.fates.of_runs[:]
    del summary.fates.of_runs[:]
    for n in numbers:
        row = row_at(connection, n)
        if row is None:
            return False
        replay.apply(n, decode(*row[1:5]))
    scan = Scan(connection, summary.events, summary.chain)
    return not (replay.take(scan) or scan.fault)


def _in_the_making(path: Path) -> bool:
    """Say whether a database has nothing in it yet, not even its table."""
    if not path.stat().st_size:
        return True
    try:
        connection = open_to_read(path)
    except sqlite3.Error:
        return False
    try:
        return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.Error:
        return False
    finally:
        connection.close()


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
    try:
        if place.foreign:
            where = copy_journal(path, state)
        if not where.stat().st_size:
            # SQLite would throw its WAL away, although it only reads.
            return state, "it is empty"
    except OSError as error:
        raise GpucoreError(
            f"the journal `{path}` cannot be read ({error.strerror})", code="E711"
        ) from error
    return state, _replay(where, state)


def _replay(where: Path, state: JournalState) -> str:
    """Read a file into a state; return what is wrong with it."""
    try:
        connection = open_to_read(where)
    except sqlite3.Error as error:
        return fault_of(error)
    try:
        scan = Scan(connection)
        replay = Replay(state)
        fault = replay.take(scan) or scan.fault
        if fault and not state.events:
            fault = _version(connection) or fault
    finally:
        connection.close()
    state.source = where
    return fault


def _salvaged(path: Path, state: JournalState) -> JournalState:
    """Return the state with the events that SQLite does not reach, as far as there are any."""
    from gpucore.system.journal_salvage import salvage  # noqa: PLC0415 - for the damaged only

    better = JournalState(state.note)
    into = _temporary(better) / path.name
    source = state.source or path  # a copy, when it is another user's
    try:
        if salvage(source, state.events, state.chain, into) > state.events:
            _replay(into, better)
    except (OSError, sqlite3.Error) as error:
        _LOGGER.debug("no more could be had from %s: %s", path, error)
    return better if better.events > state.events else state


def _temporary(state: JournalState) -> Path:
    """Return a folder that lasts as long as a state."""
    folder = tempfile.mkdtemp(prefix="gpucore-journal-")
    weakref.finalize(state, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def copy_journal(path: Path, state: JournalState) -> Path:
    """Copy a journal that we must leave no trace beside; the copy lasts as long as a state."""
    copy = _temporary(state) / path.name
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
