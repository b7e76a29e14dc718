"""One thread that writes a journal: what came meanwhile goes to disk in one transaction."""

from __future__ import annotations

import logging
import os
import queue
import sqlite3
import threading
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.system.journal_place import head_line
from gpucore.system.journal_store import Row, insert, link

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpucore.system.journal_coding import Encoded
    from gpucore.system.journal_summary import Summarist

__all__ = ["JournalWriter"]

_LOGGER = logging.getLogger(__name__)
_SHORTEST, _LONGEST = 0.05, 1.0
_PATIENCE = 0.0002
_AT_ONCE = 10_000
"""Records in one transaction at most, unless they came together."""


class _Ticket:
    """Records that are to be written together, and whoever waits for them."""

    __slots__ = ("done", "error", "records", "then")

    def __init__(
        self,
        records: Sequence[Encoded],
        *,
        waited: bool,
        then: Callable[[str], None] | None = None,
    ) -> None:
        self.records = records
        self.error = ""
        self.then = then
        # A bare lock is a third of the cost of an Event, and this is on every step's way.
        self.done = threading.Lock() if waited else None
        if self.done is not None:
            self.done.acquire()


class JournalWriter:
    """Writes records in the order in which they were given.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of a journal that is whole; closed at the end.
    head : int
        Descriptor of the head file; closed at the end.
    count : int
        Events there are.
    chain : bytes
        The hash of the last.
    on_trouble : callable
        Told in one line when records cannot be written, and when they can again; must not raise.
    summarist : Summarist
        Told what is on disk, when whoever waited for that goes on.

    Attributes
    ----------
    transactions : int
        How many were committed.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        head: int,
        count: int,
        chain: bytes,
        on_trouble: Callable[[str], None],
        summarist: Summarist,
    ) -> None:
        self.transactions = 0
        self._connection = connection
        self._head = head
        self._count = count
        self._chain = chain
        self._on_trouble = on_trouble
        self._summarist = summarist
        self._queue: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._broken = ""
        self._company = 1
        self._give_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpucore journal", daemon=True)
        self._thread.start()

    def put(self, records: Sequence[Encoded]) -> None:
        """Queue records; return at once.

        Raises
        ------
        GpucoreError
            When the journal was closed, or is beyond writing.
        """
        self._queue_up(_Ticket(records, waited=False))

    def put_then(self, records: Sequence[Encoded], then: Callable[[str], None]) -> None:
        """Queue records; ``then`` is called on the writer's thread when they are on disk.

        It gets why they never will be, or an empty text. It must neither raise, nor wait for the
        journal.

        Raises
        ------
        GpucoreError
            When the journal was closed, or is beyond writing.
        """
        self._queue_up(_Ticket(records, waited=False, then=then))

    def put_and_wait(self, records: Sequence[Encoded]) -> None:
        """Return when the records, and all that were queued before, are on disk.

        Raises
        ------
        GpucoreError
            When the journal was closed, or is beyond writing.
        """
        ticket = _Ticket(records, waited=True)
        self._queue_up(ticket)
        if ticket.done is not None:
            ticket.done.acquire()
        if ticket.error:
            raise GpucoreError(ticket.error, code="E721")

    def close(self, timeout: float | None = None) -> bool:
        """Write what is queued and end; after ``timeout`` seconds without success, give it up.

        Returns
        -------
        bool
            Whether all was written.
        """
        with self._gate:
            first, self._closed = not self._closed, True
        if first:
            self._queue.put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._give_up.set()
            self._thread.join()
        return not self._broken

    def _queue_up(self, ticket: _Ticket) -> None:
        with self._gate:
            if self._closed or self._broken:
                raise GpucoreError(self._broken or "the journal was closed", code="E721")
            self._queue.put(ticket)

    def _run(self) -> None:
        try:
            last = False
            while not last:
                tickets, last = self._take()
                if tickets:
                    self._write(tickets)
            if not self._broken:
                self._summarist.close()
        finally:
            try:
                self._connection.close()
            except sqlite3.Error:
                _LOGGER.warning("the journal could not be closed in order", exc_info=True)
            os.close(self._head)

    def _take(self) -> tuple[list[_Ticket], bool]:
        """Wait for a ticket; return it with all that came meanwhile, and whether it was the end."""
        tickets: list[_Ticket] = []
        ticket = self._queue.get()
        size = 0
        while ticket is not None:
            tickets.append(ticket)
            size += len(ticket.records)
            if size >= _AT_ONCE:
                return tickets, False
            try:
                # Those who were just told come back at once: without this moment's patience the
                # first of them would have a transaction to itself, and the others wait for it.
                more = len(tickets) < self._company
                ticket = self._queue.get(timeout=_PATIENCE) if more else self._queue.get_nowait()
            except queue.Empty:
                break
        self._company = len(tickets)
        return tickets, ticket is None

    def _write(self, tickets: Sequence[_Ticket]) -> None:
        rows: list[Row] = []
        try:
            rows = self._chained(tickets)
            error = self._broken or self._commit(rows)
        except Exception as fault:
            # Whoever waits would wait for ever for a thread that is gone.
            _LOGGER.exception("the journal's writer failed")
            error = f"the journal could not be written ({fault!r})"
        if error and not self._broken:
            with self._gate:
                self._broken = error
            self._tell(error)
        for ticket in tickets:
            ticket.error = error
            if ticket.done is not None:
                ticket.done.release()
            if ticket.then is not None:
                ticket.then(error)
        if not error:
            self._summarist.take(rows)

    def _chained(self, tickets: Sequence[_Ticket]) -> list[Row]:
        n, chain = self._count, self._chain
        rows: list[Row] = []
        for ticket in tickets:
            for record in ticket.records:
                n += 1
                chain = link(chain, n, record)
                rows.append((n, *record, chain))
        return rows

    def _commit(self, rows: Sequence[Row]) -> str:
        """Write until it is written; return why it never will be."""
        told, pause = False, _SHORTEST
        while True:
            try:
                insert(self._connection, rows)
            except sqlite3.OperationalError as error:
                # The disk is full, or away: nothing is lost while we wait for it.
                if not told:
                    told = True
                    self._tell(f"the journal cannot be written ({error}): the run waits")
                if self._give_up.wait(pause):
                    return f"the journal could not be written ({error})"
                pause = min(2 * pause, _LONGEST)
            except sqlite3.Error as error:
                return f"the journal was damaged while it was written ({error})"
            else:
                break
        self._count, _, _, _, _, self._chain = rows[-1]
        self.transactions += 1
        try:
            os.pwrite(self._head, head_line(self._count), 0)
        except OSError:
            _LOGGER.debug("the journal's head could not be written", exc_info=True)
        if told:
            self._tell("the journal can be written again: the run goes on")
        return ""

    def _tell(self, text: str) -> None:
        try:
            self._on_trouble(text)
        except Exception:
            _LOGGER.exception("who is told of the journal's trouble failed: %s", text)
