"""The journal's file: rows chained by a checksum, so that a valid prefix can be proved.

Each row carries the hash of itself and of the hash before it. What was cut off, flipped or put in
between is therefore found wherever it is, and what lies before it is known to be whole.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import struct
from typing import TYPE_CHECKING
from urllib.parse import quote

from gpucore.errors import GpucoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from gpucore.system.journal_coding import Encoded

__all__ = [
    "PAGE",
    "SEED",
    "VERSION",
    "Row",
    "Scan",
    "create",
    "fault_of",
    "insert",
    "link",
    "open_to_read",
    "open_to_write",
    "proved",
    "row_at",
    "rows_of",
    "rows_until",
]

VERSION = 1
SEED = hashlib.blake2b(b"gpucore journal 1", digest_size=8).digest()
"""The hash before the first row; another version has another."""

APPLICATION = 0x67707563  # "gpuc", for `file` and others who ask whose database it is
PAGE = 4096
_COLUMNS = "n, kind, step, attempt, body, chain"
_SCHEMA = (
    "CREATE TABLE event (n INTEGER PRIMARY KEY, kind INTEGER NOT NULL, step BLOB NOT NULL,"
    " attempt INTEGER NOT NULL, body BLOB NOT NULL, chain BLOB NOT NULL)"
)
_HEAD = struct.Struct("<8sqqqq")
_DIGEST = hashlib.blake2b(digest_size=8)

_PASSING = ("unable to open", "is locked", "out of memory", "disk I/O error", "locking protocol")

Row = tuple[int, int, bytes, int, bytes, bytes]


def link(before: bytes, n: int, record: Encoded) -> bytes:
    """Return the hash of a row and of all rows before it."""
    kind, step, attempt, body = record
    head = _HEAD.pack(before, n, kind, attempt, len(step))
    digest = _DIGEST.copy()
    digest.update(head + step + body)
    return digest.digest()


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a journal in a way that leaves its files as they are, a writer beside it or not.

    Raises
    ------
    sqlite3.Error
        When SQLite cannot open it.
    """
    # A connection that cannot write does not fold the WAL into the file when it is closed.
    name = f"file:{quote(os.fsencode(path))}?mode=ro"
    connection = _connect(name)
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA cell_size_check=ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_to_write(path: Path) -> sqlite3.Connection | None:
    """Open a journal that is whole, or make it; None when WAL does not work there.

    Raises
    ------
    sqlite3.Error
        When it cannot be opened or made.
    """
    connection = _connect(f"file:{quote(os.fsencode(path))}?mode=rwc")
    try:
        connection.execute(f"PRAGMA page_size={PAGE}")
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        if mode not in {"wal", b"wal"}:
            connection.close()
            return None
        connection.execute("PRAGMA synchronous=FULL")
        create(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def create(connection: sqlite3.Connection) -> None:
    """Make the table when there is none yet."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name='event'").fetchone():
        return
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_SCHEMA)
    connection.execute(f"PRAGMA application_id={APPLICATION}")
    connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute("COMMIT")


def insert(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Insert rows that are chained already, in one transaction.

    Raises
    ------
    sqlite3.Error
        When they could not be made to last; then none of them is there.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO event ({_COLUMNS}) VALUES (?,?,?,?,?,?)", rows)  # noqa: S608 - a constant
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class Scan:
    """The rows of a journal after a known one, as long as each is proved.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of the journal.
    count : int
        How many rows are known; none by default.
    chain : bytes
        The hash of the last of them.

    Attributes
    ----------
    fault : str
        Why there were no more; empty when the end was reached.
    """

    def __init__(self, connection: sqlite3.Connection, count: int = 0, chain: bytes = SEED) -> None:
        self.fault = ""
        self._connection = connection
        self._count = count
        self._chain = chain

    def __iter__(self) -> Iterator[Row]:
        count, chain = self._count, self._chain
        try:
            rows = self._connection.execute(
                f"SELECT {_COLUMNS} FROM event WHERE n > ? ORDER BY n",  # noqa: S608 - a constant
                (count,),
            )
            # What `proved` does, in place: a fifth of the time in which a long journal is opened.
            pack, fresh = _HEAD.pack, _DIGEST.copy
            for row in rows:
                n, kind, step, attempt, body, after = row
                count += 1
                plain = type(kind) is int and type(attempt) is int
                if n != count or not plain or type(step) is not bytes or type(body) is not bytes:
                    break
                digest = fresh()
                digest.update(pack(chain, n, kind, attempt, len(step)) + step + body)
                if digest.digest() != after:
                    break
                chain = after
                yield row
            else:
                return
            self.fault = f"event {count} is not what was written"
        except (sqlite3.Error, OverflowError, MemoryError) as error:
            self.fault = fault_of(error)


def proved(row: Row, n: int, before: bytes) -> bool:
    """Say whether a row is the n-th and what was written after the row with that hash."""
    number, kind, step, attempt, body, chain = row
    if number != n or type(kind) is not int or type(attempt) is not int:
        return False
    if type(step) is not bytes or type(body) is not bytes:
        return False
    return link(before, n, (kind, step, attempt, body)) == chain


def row_at(connection: sqlite3.Connection, n: int) -> Row | None:
    """Return one row, proved by the one before it; None when it is not what was written."""
    before = SEED
    try:
        for row in connection.execute(
            f"SELECT {_COLUMNS} FROM event WHERE n BETWEEN ? AND ? ORDER BY n",  # noqa: S608
            (n - 1, n),
        ):
            if row[0] == n and isinstance(before, bytes) and proved(row, n, before):
                found: Row = row
                return found
            before = row[5]
    except sqlite3.Error:
        return None
    return None


def rows_of(
    connection: sqlite3.Connection, kind: int, last: int
) -> Iterator[tuple[int, int, bytes, int, bytes]]:
    """Yield the rows of one kind up to a number, unproved.

    Raises
    ------
    sqlite3.Error
        When they cannot be read.
    """
    yield from connection.execute(
        "SELECT n, kind, step, attempt, body FROM event WHERE kind = ? AND n <= ? ORDER BY n",
        (kind, last),
    )


def rows_until(
    connection: sqlite3.Connection, last: int
) -> Iterator[tuple[int, int, bytes, int, bytes]]:
    """Yield the rows up to a number, unproved.

    Raises
    ------
    sqlite3.Error
        When they cannot be read.
    """
    yield from connection.execute(
        "SELECT n, kind, step, attempt, body FROM event WHERE n <= ? ORDER BY n", (last,)
    )


def fault_of(error: BaseException) -> str:
    """Return what is wrong with a file in one line that others than SQLite's makers understand.

    Raises
    ------
    GpucoreError
        When it is not the file: it may be whole, and can be read another time.
    """
    text = str(error) or type(error).__name__
    if isinstance(error, MemoryError) or any(one in text for one in _PASSING):
        raise GpucoreError(
            f"the journal cannot be read now ({text})",
            hint="try again; nothing was changed",
            code="E711",
        ) from error
    if "no such table" in text or "no such column" in text:
        return "it is no journal of this version of gpucore"
    if "not a database" in text:
        return "it is no SQLite file, or its head is damaged"
    return text


def _connect(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, uri=True, isolation_level=None, check_same_thread=False, timeout=10
    )
    # Text of a damaged file need not be UTF-8; nothing of ours is text.
    connection.text_factory = bytes
    connection.row_factory = None
    try:
        connection.execute("PRAGMA trusted_schema=OFF")
    except sqlite3.Error:
        connection.close()
        raise
    return connection
