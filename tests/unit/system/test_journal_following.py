"""A journal that is followed: each event once, whoever writes it, and whatever becomes of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from past_runs import PastRun, night

from gpucore.errors import GpucoreError
from gpucore.system.journal_coding import KIND
from gpucore.system.journal_following import JournalFollower
from gpucore.system.journal_records import Began, Finished, Planned, RunBegan
from gpucore.system.journal_replay import JournalState
from gpucore.system.journal_store import link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.system.journal_records import Record


@pytest.fixture
def past(tmp_path: Path) -> PastRun:
    """Return a run that has begun."""
    past = PastRun(tmp_path / "out")
    past.begin()
    return past


@pytest.fixture
def follower(tmp_path: Path) -> JournalFollower:
    """Return who follows that folder."""
    return JournalFollower(tmp_path / "out", tmp_path / "state")


def told(follower: JournalFollower, *kinds: type[Record]) -> list[str]:
    """Return the names of the kinds of what is new."""
    return [type(record).__name__ for _, record in follower.news(*(kinds or ALL))]


ALL = (RunBegan, Planned, Began, Finished)


def test_each_event_is_given_once_as_it_comes(past: PastRun, follower: JournalFollower) -> None:
    past.plan("align/m1")
    past.settle(0)
    assert told(follower) == ["RunBegan", "Planned"]
    assert told(follower) == []
    past.began("align/m1", 1, 0)
    past.settle(1)
    assert told(follower) == ["Began"]
    past.ended("align/m1", 2)
    past.settle(2)
    assert told(follower) == ["Finished"]
    assert follower.beginnings == 1
    assert follower.state is not None
    assert follower.state.finished("align/m1") is not None
    past.end(3)


def test_only_the_kinds_that_are_asked_for_are_given(
    past: PastRun, follower: JournalFollower
) -> None:
    past.ran("align/m1", 1, 2, 0)
    past.settle(2)
    assert told(follower, Finished) == ["Finished"]
    past.ran("align/m2", 3, 4, 0)
    past.settle(4)
    assert told(follower, Began) == ["Began"]
    past.end(5)


def test_what_is_not_there_yet_is_nothing(tmp_path: Path, follower: JournalFollower) -> None:
    assert told(follower) == []
    assert follower.state is None
    past = PastRun(tmp_path / "out")
    past.begin()
    past.settle(0)
    assert told(follower) == ["RunBegan"]
    past.end(1)


def test_the_next_run_of_the_folder_goes_on_in_it(past: PastRun, follower: JournalFollower) -> None:
    past.ran("align/m1", 1, 2, 0)
    past.end(3)
    assert told(follower)[0] == "RunBegan"
    past.begin(10, "second")
    past.settle(10)
    assert told(follower) == ["RunBegan"]
    assert follower.beginnings == 1
    past.end(11)


def test_another_journal_in_its_place_is_read_from_its_beginning(
    past: PastRun, follower: JournalFollower, tmp_path: Path
) -> None:
    past.ran("align/m1", 1, 2, 0)
    past.end(3)
    assert "Finished" in told(follower)
    shutil.rmtree(tmp_path / "out")
    other = PastRun(tmp_path / "out")
    other.begin(20)
    other.settle(20)
    assert told(follower) == ["RunBegan"]
    assert follower.beginnings == 2
    assert follower.state is not None
    assert len(follower.state.steps) == 0
    other.end(21)


def test_what_is_gone_stays_known(past: PastRun, follower: JournalFollower, tmp_path: Path) -> None:
    past.ran("align/m1", 1, 2, 0)
    past.end(3)
    assert told(follower)
    shutil.rmtree(tmp_path / "out")
    assert told(follower) == []
    assert follower.state is not None
    assert len(follower.state.runs) == 1


def test_damage_that_comes_while_it_is_followed_is_told(
    tmp_path: Path, follower: JournalFollower
) -> None:
    past = night(tmp_path / "out", 300)
    past.read().close()
    assert told(follower)
    assert follower.state is not None
    assert follower.state.loss == ""
    events = follower.state.events
    journal = tmp_path / "out" / ".gpucore" / "journal.sqlite"
    content = bytearray(journal.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    journal.write_bytes(content)
    again = told(follower)
    assert again[0] == "RunBegan"
    assert "events are lost" in follower.state.loss
    assert 0 < follower.state.events < events
    # All of it is not read again and again.
    os.utime(journal, (1, 1))
    assert told(follower) == []


def test_what_was_not_given_because_of_a_fault_is_given_the_next_time(
    past: PastRun, follower: JournalFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.plan("align/m1")
    past.settle(0)
    records = JournalState.records

    def broken(state: JournalState, *kinds: type[Record]) -> Iterator[tuple[int, Record]]:
        yield next(records(state, *kinds))
        raise GpucoreError("the journal can no longer be read (disk I/O error)")

    with monkeypatch.context() as patched:
        patched.setattr(JournalState, "records", broken)
        with pytest.raises(GpucoreError, match="disk I/O"):
            told(follower)
    assert told(follower) == ["RunBegan", "Planned"]
    assert follower.beginnings == 2
    past.end(1)


def test_a_row_that_is_no_record_is_a_fault_that_is_told(
    past: PastRun, follower: JournalFollower, tmp_path: Path
) -> None:
    past.plan("align/m1")
    past.end(1)
    assert told(follower)
    assert follower.state is not None
    n, row = follower.state.events + 1, (KIND[Began], b"align/m1", 1, b"no record")
    with closing(sqlite3.connect(tmp_path / "out" / ".gpucore" / "journal.sqlite")) as journal:
        kind, step, attempt, body = row
        chain = link(follower.state.chain, n, row)
        journal.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", (n, kind, step, attempt, body, chain)
        )
        journal.commit()
    for _ in range(2):
        with pytest.raises(GpucoreError, match="can no longer be read"):
            told(follower)


def test_who_follows_keeps_no_writer_from_putting_its_journal_in_order(
    past: PastRun, follower: JournalFollower, tmp_path: Path
) -> None:
    past.settle(0)
    assert told(follower)
    past.ran("align/m1", 1, 2, 0)
    past.settle(2)
    assert told(follower)
    past.end(3)
    wal = tmp_path / "out" / ".gpucore" / "journal.sqlite-wal"
    assert not wal.exists()


def test_a_journal_where_nothing_can_be_written_is_followed_as_copies(
    past: PastRun, follower: JournalFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucore.system.journal_place.os.access", lambda *_: False)
    past.settle(0)
    assert told(follower) == ["RunBegan"]
    past.ran("align/m1", 1, 2, 0)
    past.settle(2)
    assert told(follower) == ["Began", "Finished"]
    assert follower.state is not None
    assert follower.state.source is not None
    assert Path.cwd() != follower.state.source.parent
    assert ".gpucore" not in follower.state.source.parts
    monkeypatch.undo()
    past.end(3)
