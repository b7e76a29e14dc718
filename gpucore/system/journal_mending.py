"""A damaged journal set aside, and a new one made of what could be proved of it.

The new one is made whole under another name first; from then on each step can be done again, so
that dying in between loses nothing more.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.system.journal_place import head_line, open_own
from gpucore.system.journal_store import Scan, create, insert, open_to_read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gpucore.system.journal_place import Place
    from gpucore.system.journal_store import Row

__all__ = ["finish_mending", "mend", "sound"]


def mend(place: Place, source: Path | None, count: int) -> Path:
    """Make a new journal of the first events of a damaged one; return where that lies now.

    Parameters
    ----------
    place : Place
        Whose journal is replaced.
    source : Path or None
        The events are read from it; None: there are none.
    count : int
        How many of them are proved.

    Raises
    ------
    GpucoreError
        When the new one cannot be written; the damaged one is as it was.
    """
    try:
        place.building.unlink(missing_ok=True)
        connection = sqlite3.connect(place.building, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous=FULL")
            create(connection)
            if source is not None and count:
                _copy(source, connection, count)
        finally:
            connection.close()
        place.building.replace(place.mended)
        _sync(place.folder)
        return finish_mending(place)
    except (OSError, sqlite3.Error) as error:
        raise GpucoreError(
            f"the damaged journal in `{place.folder}` cannot be replaced ({error})",
            hint="make room there, or make it writable",
            code="E721",
        ) from error


def finish_mending(place: Place) -> Path:
    """Put a mended journal, when there is one, in its place; return where the damaged one lies.

    Raises
    ------
    OSError, sqlite3.Error
        When that cannot be done; it can be done again.
    """
    aside = _aside(place)
    if not place.mended.exists():
        return aside
    connection = open_to_read(place.mended)
    try:
        (count,) = connection.execute("SELECT coalesce(max(n), 0) FROM event").fetchone()
    finally:
        connection.close()
    # The WAL of the damaged one must never be taken for that of the new one.
    place.shm.unlink(missing_ok=True)
    for path, suffix in ((place.wal, "-wal"), (place.journal, "")):
        if path.exists():
            path.rename(f"{aside}{suffix}")
    descriptor = open_own(place.head)
    try:
        os.pwrite(descriptor, head_line(count), 0)
        os.ftruncate(descriptor, len(head_line(count)))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    place.mended.replace(place.journal)
    _sync(place.folder)
    return aside


def sound(path: Path) -> str:
    """Return what SQLite finds wrong with the form of a file, or an empty text."""
    try:
        connection = open_to_read(path)
        try:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except (sqlite3.Error, TypeError, OverflowError) as error:
        return str(error)
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    return "" if text == "ok" else " ".join(text.split())


def _copy(source: Path, into: sqlite3.Connection, count: int) -> None:
    connection = open_to_read(source)
    try:
        rows: Iterable[Row] = itertools.islice(Scan(connection), count)
        insert(into, rows)
    finally:
        connection.close()


def _aside(place: Place) -> Path:
    for number in itertools.count(1):
        path = place.folder / f"journal.sqlite.damaged-{number}"
        if not os.path.lexists(path):
            return path
    raise AssertionError("counting ended")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
