"""What a journal holds of one step, and of the devices: asked for, and not kept in memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.system.journal_coding import KIND, decode
from gpucore.system.journal_records import Began, Finished, Regarded, RunBegan, Sampled
from gpucore.system.journal_store import open_to_read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.system.journal_records import Record
    from gpucore.system.journal_replay import JournalState

__all__ = ["RecordedAttempt", "last_sample", "recorded_attempts", "regards"]

_ROWS = "SELECT kind, step, attempt, body FROM event WHERE"
_LAST_RUN = "coalesce((SELECT n FROM event WHERE kind = ? AND n <= ? ORDER BY n DESC LIMIT 1), 0)"


@dataclass(kw_only=True)
class RecordedAttempt:
    """One attempt of a step, as far as it is on record.

    Parameters
    ----------
    number : int
        Which; 0: the step was not begun.
    began : Began or None
        Its beginning.
    finished : Finished or None
        Its end.
    """

    number: int
    began: Began | None = None
    finished: Finished | None = None


def recorded_attempts(state: JournalState, step: str) -> list[RecordedAttempt]:
    """Return the attempts of a step, the first first.

    Raises
    ------
    GpucoreError
        When the journal was damaged since it was read.
    """
    found: dict[int, RecordedAttempt] = {}
    name = step.encode("utf-8", "surrogatepass")
    where = "step = ? AND kind IN (?, ?) AND n <= ? ORDER BY n"
    for record in _records(state, where, name, KIND[Began], KIND[Finished], state.events):
        if isinstance(record, Began):
            found[record.attempt] = RecordedAttempt(number=record.attempt, began=record)
        elif isinstance(record, Finished):
            one = found.setdefault(record.attempt, RecordedAttempt(number=record.attempt))
            # The first that is told of an attempt counts.
            one.finished = one.finished or record
    return list(found.values())


def regards(state: JournalState) -> dict[str, Regarded]:
    """Return what the last run said last of each device of which it thought anything.

    What an earlier one thought is known no longer: nobody took it back when that died.

    Raises
    ------
    GpucoreError
        When the journal was damaged since it was read.
    """
    where = f"kind = ? AND n <= ? AND n > {_LAST_RUN} ORDER BY n"
    latest = state.steps.of_runs[-1] if state.steps.of_runs else 0
    values = (KIND[Regarded], state.events, KIND[RunBegan], latest)
    return {
        record.device: record
        for record in _records(state, where, *values)
        if isinstance(record, Regarded)
    }


def last_sample(state: JournalState) -> Sampled | None:
    """Return what the devices said of themselves last; None: nothing is on record.

    Raises
    ------
    GpucoreError
        When the journal was damaged since it was read.
    """
    where = "kind = ? AND n <= ? ORDER BY n DESC LIMIT 1"
    for record in _records(state, where, KIND[Sampled], state.events):
        if isinstance(record, Sampled):
            return record
    return None


def _records(state: JournalState, where: str, *values: bytes | int) -> Iterator[Record]:
    if state.source is None:
        return
    try:
        with closing(open_to_read(state.source)) as connection:
            for row in connection.execute(f"{_ROWS} {where}", values):
                yield decode(*row)
    except (sqlite3.Error, ValueError) as error:
        raise GpucoreError(f"the journal can no longer be read ({error})", code="E711") from error
