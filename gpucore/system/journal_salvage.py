"""Events that SQLite no longer reaches, found in the pages of a damaged journal.

One flipped bit in a page that leads to others hides all of them from SQLite. The rows themselves
are still there, and each proves itself by its hash: so every page that looks like one with rows is
looked into, and the chain is followed from where SQLite had to stop.
"""

from __future__ import annotations

import itertools
import mmap
import sqlite3
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpucore.system.journal_store import PAGE, Row, Scan, create, insert, open_to_read, proved

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["salvage"]

_LEAF = 0x0D
_LARGEST = PAGE - 35
_SMALLEST = (PAGE - 12) * 32 // 255 - 23
_WAL_HEADER, _FRAME_HEADER = 32, 24
_FIXED = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
"""Bytes of a number by its code in a record's head; 8 and 9 are the numbers 0 and 1."""


def salvage(source: Path, count: int, chain: bytes, into: Path) -> int:
    """Write a journal of the events that SQLite reads and of those that follow them in the pages.

    Parameters
    ----------
    source : Path
        The damaged journal; its WAL lies beside it.
    count : int
        How many events SQLite reads from it.
    chain : bytes
        The hash of the last of them.
    into : Path
        Where the new one is written, when there is more to be had.

    Returns
    -------
    int
        How many events it has; ``count`` when there are no more, and none was written.

    Raises
    ------
    OSError, sqlite3.Error
        When it cannot be written.
    """
    with ExitStack() as stack:
        pages = _Pages()
        for name, is_wal in ((source, False), (source.with_name(f"{source.name}-wal"), True)):
            if name.exists() and name.stat().st_size >= PAGE:
                with name.open("rb") as file:
                    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                pages.add(stack.enter_context(data), is_wal=is_wal)
        more = pages.chain_from(count, chain)
        first = next(more, None)
        if first is None:
            return count
        connection = sqlite3.connect(into, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous=OFF")  # a copy to read from
            create(connection)
            if count:
                whole = open_to_read(source)
                try:
                    insert(connection, itertools.islice(Scan(whole), count))
                finally:
                    whole.close()
            insert(connection, itertools.chain([first], more))
            (most,) = connection.execute("SELECT max(n) FROM event").fetchone()
        finally:
            connection.close()
    return int(most)


@dataclass
class _Pages:
    """Page images of a database and its WAL, by number; several of one page when it changed."""

    images: dict[int, list[tuple[mmap.mmap, int]]] = field(default_factory=dict)

    def add(self, data: mmap.mmap, *, is_wal: bool) -> None:
        if not is_wal:
            for number in range(len(data) // PAGE):
                self.images.setdefault(number + 1, []).append((data, number * PAGE))
            return
        for frame in range(_WAL_HEADER, len(data) - _FRAME_HEADER - PAGE + 1, _FRAME_HEADER + PAGE):
            number = int.from_bytes(data[frame : frame + 4], "big")
            # The latest first: what a page once held it still holds in an events' table.
            self.images.setdefault(number, []).insert(0, (data, frame + _FRAME_HEADER))

    def chain_from(self, count: int, chain: bytes) -> Iterator[Row]:
        """Yield the proved rows after the first ``count``."""
        found: dict[int, list[tuple[mmap.mmap, int, int]]] = {}
        for images in self.images.values():
            for data, start in images:
                for cell in _cells(data, start):
                    _, at = _varint(data, cell)
                    n, _ = _varint(data, at)
                    if n > count:
                        found.setdefault(n, []).append((data, start, cell))
        while True:
            count += 1
            for data, start, cell in found.pop(count, ()):
                row = self._row(data, start, cell)
                if row is not None and proved(row, count, chain):
                    chain = row[5]
                    yield row
                    break
            else:
                return

    def _row(self, data: mmap.mmap, start: int, cell: int) -> Row | None:
        size, at = _varint(data, cell)
        n, at = _varint(data, at)
        local = size
        if size > _LARGEST:
            local = _SMALLEST + (size - _SMALLEST) % (PAGE - 4)
            local = local if local <= _LARGEST else _SMALLEST
        if at + local > start + PAGE:
            return None
        payload = bytearray(data[at : at + local])
        following = int.from_bytes(data[at + local : at + local + 4], "big")
        while len(payload) < size:
            images = self.images.get(following)
            if not images:
                return None
            other, place = images[0]
            following = int.from_bytes(other[place : place + 4], "big")
            payload += other[place + 4 : place + min(PAGE, 4 + size - len(payload))]
        return _record(n, bytes(payload))


def _cells(data: mmap.mmap, start: int) -> Iterator[int]:
    """Yield the places of the rows on a page that looks like one with rows."""
    if data[start] != _LEAF:
        return
    count = int.from_bytes(data[start + 3 : start + 5], "big")
    for pointer in range(start + 8, min(start + 8 + 2 * count, start + PAGE - 1), 2):
        cell = int.from_bytes(data[pointer : pointer + 2], "big")
        if 8 <= cell <= PAGE - 20:  # noqa: PLR2004 - after the head, and not shorter than a row is
            yield start + cell


def _varint(data: mmap.mmap | bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(at, min(at + 8, len(data))):
        byte = data[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the bit that says that more follows
            return value, place + 1
    return -1, at + 9  # longer than any number of ours


def _record(n: int, payload: bytes) -> Row | None:
    """Return the row that a record in SQLite's form is, or None when it is none of ours."""
    end, at = _varint(payload, 0)
    codes: list[int] = []
    while 0 < at < end and len(codes) <= 6:  # noqa: PLR2004 - columns
        code, at = _varint(payload, at)
        codes.append(code)
    values: list[object] = []
    at = end
    for code in codes:
        size = _FIXED.get(code, (code - 12) // 2 if code >= 12 else -1)  # noqa: PLR2004 - SQLite's
        if size < 0 or at + size > len(payload):
            return None
        part = payload[at : at + size]
        at += size
        if code >= 12:  # noqa: PLR2004 - and even: bytes
            values.append(part)
        else:
            values.append(code - 8 if code in {8, 9} else int.from_bytes(part, "big", signed=True))
    match values:
        # The first column is the row's number, and is not stored twice.
        case [_, int(kind), bytes(step), int(attempt), bytes(body), bytes(chain)]:
            return n, kind, step, attempt, body, chain
    return None
