"""A summary beside a long journal: who only looks need not read all of it again.

It says how far each step had come by one event, which it names by number and hash. Where the
journal has no such event the summary counts for nothing: it may be old, torn or missing at any
time, and is never the only place where something is kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import sys
from array import array
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.system.journal_fates import OF_RUNS, STATES, Fates
from gpucore.system.ownership import FILE_MODE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gpucore.system.journal_place import Place
    from gpucore.system.journal_store import Row

__all__ = ["EVERY", "Summarist", "Summary", "read_summary", "write_summary"]

EVERY = 10_000
"""Events between two summaries at least; a journal of fewer is read faster than it is told."""

_SHARE = 16
"""Of a long journal a part: to write all of a summary after few events would cost more."""

_LOGGER = logging.getLogger(__name__)
_FIRST = b"gpucore journal summary 1\n"
_BETWEEN = b"\xff"  # in no name: they are UTF-8
_DIGEST = 16


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a summary says.

    Parameters
    ----------
    fates : Fates
        How far each step had come.
    events : int
        By which event.
    chain : bytes
        Its hash.
    """

    fates: Fates
    events: int
    chain: bytes


class Summarist:
    """Writes the summary of a journal now and then, while that is written.

    Parameters
    ----------
    place : Place
        The journal's.
    fates : Fates
        How far each step has come; not changed.
    events : int
        Events of the journal.
    chain : bytes
        The hash of the last.
    """

    def __init__(self, place: Place, fates: Fates, events: int, chain: bytes) -> None:
        self._place = place
        self._fates = fates.copy()
        self._events = events
        self._chain = chain
        self._told = 0
        self._given_up = False

    def take(self, rows: Sequence[Row]) -> None:
        """Take in events that are on disk; write the summary when it is time."""
        with self._harmless():
            if not self._given_up:
                self._take(rows)

    def close(self) -> None:
        """Write the last summary, when the journal is worth one."""
        with self._harmless():
            if not self._given_up and self._events >= EVERY and self._events > self._told:
                self._write()

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        """Let no fault out: the journal can do without, and its writer's thread must go on."""
        try:
            yield
        except Exception:
            _LOGGER.exception("the journal's summary is no longer kept")
            self._given_up = True

    def _take(self, rows: Sequence[Row]) -> None:
        fates = self._fates
        for n, kind, step, attempt, body, _ in rows:
            if not fates.take(n, kind, step, attempt, body) and kind in OF_RUNS:
                fates.of_runs.append(n)
        self._events, self._chain = rows[-1][0], rows[-1][5]
        if self._events - self._told >= max(EVERY, self._events // _SHARE):
            self._write()

    def _write(self) -> None:
        self._told = self._events  # whether it can be written or not: it is not tried at once again
        try:
            write_summary(self._place, self._fates, self._events, self._chain)
        except OSError as error:
            _LOGGER.debug("the journal's summary cannot be written: %s", error)


def write_summary(place: Place, fates: Fates, events: int, chain: bytes) -> None:
    """Write a summary in one piece.

    Raises
    ------
    OSError
        When it cannot be written; an older one is as it was.
    """
    names = _BETWEEN.join(fates.places)
    head = {
        "order": sys.byteorder,
        "events": events,
        "chain": chain.hex(),
        "steps": len(fates),
        "names": len(names),
        "planned": fates.planned,
        "of_runs": fates.of_runs.tolist(),
    }
    parts = [
        _FIRST,
        json.dumps(head).encode("ascii") + b"\n",
        names,
        bytes(fates.states),
        *(column.tobytes() for column in _columns(fates)),
    ]
    digest = hashlib.blake2b(digest_size=_DIGEST)
    for part in parts:
        digest.update(part)
    place.summarising.unlink(missing_ok=True)
    try:
        _fill(place.summarising, [*parts, digest.digest()])
        # Not made to last before: one that a power cut tears is known by its hash.
        place.summarising.replace(place.summary)
    except OSError:
        with suppress(OSError):
            place.summarising.unlink()  # the journal needs the room
        raise


def read_summary(place: Place) -> Summary | None:
    """Return what a summary says; None when there is none that can be believed.

    Parameters
    ----------
    place : Place
        The journal's; who owns that must own the summary.
    """
    try:
        owner = os.lstat(place.journal).st_uid
        descriptor = os.open(
            place.summary, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
        with open(descriptor, "rb") as file:  # noqa: PTH123 - it is open already
            facts = os.fstat(descriptor)
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid != owner:
                return None
            content = file.read()
    except OSError:
        return None
    try:
        return _parsed(content)
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError) as error:
        _LOGGER.debug("the journal's summary is not used: %r", error)
        return None


def _fill(path: Path, parts: Sequence[bytes]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, FILE_MODE), "wb") as file:  # noqa: PTH123 - as opened so
        file.writelines(parts)


def _parsed(content: bytes) -> Summary:
    """Return what a summary says.

    Raises
    ------
    ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError
        When it is none, or not whole.
    """
    body, told = content[:-_DIGEST], content[-_DIGEST:]
    if not body.startswith(_FIRST) or hashlib.blake2b(body, digest_size=_DIGEST).digest() != told:
        raise ValueError("it is not whole")
    line, _, columns = body[len(_FIRST) :].partition(b"\n")
    head = json.loads(line)
    if head["order"] != sys.byteorder:
        raise ValueError("it was written on another kind of machine")
    steps, events, names = int(head["steps"]), int(head["events"]), int(head["names"])
    fates = Fates()
    fates.planned = [(str(stage), str(adapter)) for stage, adapter in head["planned"]]
    fates.of_runs = array("I", head["of_runs"])
    text, at = columns[:names], names
    text.replace(_BETWEEN, b"\n").decode("utf-8", "surrogatepass")  # or they are no names
    fates.places = dict(zip(text.split(_BETWEEN), range(steps), strict=True)) if steps else {}
    fates.states = bytearray(columns[at : at + steps])
    at += steps
    for column in _columns(fates):
        size = steps * column.itemsize
        column.frombytes(columns[at : at + size])
        at += size
    lengths = {len(fates.places), len(fates.states), *map(len, _columns(fates))}
    numbers = (*fates.of_runs, 0, *map(_most, (fates.began, fates.spawned, fates.finished)))
    if (
        lengths != {steps}
        or at != len(columns)
        or max(numbers) > events
        or _most(fates.plans) >= len(fates.planned)
        or _most(fates.states) >= len(STATES)
    ):
        raise ValueError("it does not fit together")
    return Summary(fates=fates, events=events, chain=bytes.fromhex(head["chain"]))


def _columns(fates: Fates) -> tuple[array[int], ...]:
    return fates.attempts, fates.plans, fates.began, fates.spawned, fates.finished


def _most(column: array[int] | bytearray) -> int:
    return max(column, default=0)
