"""A journal read on and on while a run writes it: each event is read once, however long it is."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

from gpucore.errors import GpucoreError
from gpucore.system.journal_coding import KIND, decode
from gpucore.system.journal_place import find_place
from gpucore.system.journal_reading import copy_journal, read_place
from gpucore.system.journal_replay import JournalState, Replay
from gpucore.system.journal_store import Scan, open_to_read, row_at

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from gpucore.system.journal_place import Place
    from gpucore.system.journal_records import Record
    from gpucore.system.journal_store import Row

__all__ = ["TICK", "FileFacts", "JournalFollower", "file_facts", "rows_after"]

TICK = 2.0
"""Seconds after which a file's time of change tells two writings apart, whatever keeps it."""
_DAMAGED = 30.0
"""Seconds between two readings of a damaged journal, each of which is one of all of it."""

FileFacts: TypeAlias = "tuple[tuple[int, int, int, int], ...]"


class JournalFollower:
    """Follows the journal of an output folder, whether it is there yet or not.

    Not for several threads at once.

    Parameters
    ----------
    folder : Path
        The output folder.
    state_home : Path
        The machine's local state directory.

    Attributes
    ----------
    state : JournalState or None
        What the journal says up to the last event that was given; None: there is none yet.
    beginnings : int
        How often it was read from its beginning. What was given before it grew counts for nothing.
    """

    def __init__(self, folder: Path, state_home: Path) -> None:
        self.state: JournalState | None = None
        self.beginnings = 0
        self._folder = folder
        self._state_home = state_home
        self._file: tuple[int, int] | None = None
        self._seen: FileFacts = ()
        self._changed = self._read = 0.0
        self._copy: JournalState | None = None

    def news(self, *kinds: type[Record]) -> Iterator[tuple[int, Record]]:
        """Yield the events of some kinds that came since the last call, with their numbers.

        From the first one on when the journal is read for the first time, or is another one now:
        then `beginnings` has grown before the first is given.

        Raises
        ------
        GpucoreError
            When it cannot be read now; the next call goes on where this one was, or begins anew.
        """
        place = find_place(self._folder, self._state_home, own=False)
        facts, file, now = file_facts(place), _identity(place), time.monotonic()
        if file is None:
            return  # there is none yet, or it is gone: what is known of it stays known
        if facts != self._seen:
            self._changed = now
        elif now - self._changed > TICK:
            return
        if self.state is None or file != self._file:
            yield from self._begin(place, kinds, file)
        elif not self.state.loss:
            whole = yield from self._go_on(place, kinds)
            if not whole:  # all of it is read again, and what is lost is told
                yield from self._begin(place, kinds, file)
        elif facts != self._seen and now - self._read > _DAMAGED:
            yield from self._begin(place, kinds, file)
        else:
            return
        self._seen = facts

    def close(self) -> None:
        """Let go of the journal, and of what is known of it."""
        if self.state is not None:
            self.state.close()
        self.state = self._copy = None
        self._file, self._seen = None, ()

    def _begin(
        self, place: Place, kinds: tuple[type[Record], ...], file: tuple[int, int]
    ) -> Iterator[tuple[int, Record]]:
        state = read_place(place)
        if not state.events and not state.loss:
            return  # whoever made the file has not written yet
        self.close()
        self.state, self._file = state, file
        self._changed = self._read = time.monotonic()
        self.beginnings += 1
        try:
            yield from state.records(*kinds)
        except GpucoreError:
            self.close()  # what was not given must not be taken for given
            raise

    def _go_on(
        self, place: Place, kinds: tuple[type[Record], ...]
    ) -> Generator[tuple[int, Record], None, bool]:
        """Yield what came; return whether the journal is whole, and still the same."""
        state = self.state
        assert state is not None  # noqa: S101 - as its caller saw
        rows, fault = self._rows(place, state)
        fault = Replay(state).take(rows) or fault
        wanted = {KIND[kind] for kind in kinds}
        try:
            given = [
                (n, decode(kind, step, attempt, body))
                for n, kind, step, attempt, body, _ in rows
                if kind in wanted and n <= state.events
            ]
        except ValueError as error:
            self.close()
            raise GpucoreError(
                f"the journal can no longer be read ({error})", code="E711"
            ) from error
        yield from given
        return not fault

    def _rows(self, place: Place, state: JournalState) -> tuple[list[Row], str]:
        """Return the rows that came, proved, and why there are no more.

        Raises
        ------
        GpucoreError
            When they cannot be read now.
        """
        path = place.journal
        try:
            if place.foreign:
                # Its owner's files are left as they are; the copy lasts until the next.
                copy = JournalState()
                path = copy_journal(path, copy)
                state.moved(path)
                self._copy = copy
            return rows_after(path, state)
        except (OSError, sqlite3.Error) as error:
            raise GpucoreError(
                f"the journal `{place.journal}` cannot be read now ({error})",
                hint="it is tried again",
                code="E711",
            ) from error


def rows_after(path: Path, state: JournalState) -> tuple[list[Row], str]:
    """Return the rows of a file after those of a state, proved, and why there are no more.

    Parameters
    ----------
    path : Path
        The journal's file.
    state : JournalState
        What it said before.

    Raises
    ------
    GpucoreError, sqlite3.Error
        When it cannot be read now.
    """
    # Not kept open: whoever writes folds its WAL in when it is the last to close.
    with closing(open_to_read(path)) as connection:
        last = row_at(connection, state.events)
        if state.events and (last is None or last[5] != state.chain):
            return [], "it is another one, or damaged"  # by its file's number it is the same
        scan = Scan(connection, state.events, state.chain)
        return list(scan), scan.fault


def file_facts(place: Place) -> FileFacts:
    """Return what changes when a file of a journal does."""
    found = []
    for path in (place.mended, place.journal, place.wal):
        try:
            facts = path.stat()
        except OSError:
            found.append((0, 0, 0, 0))
        else:
            found.append((facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns))
    return tuple(found)


def _identity(place: Place) -> tuple[int, int] | None:
    path = place.mended if place.mended.exists() else place.journal
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
