"""Rows asked for by number: the same whatever the order, in few reads where they lie together."""

from __future__ import annotations

import gc
import random
import sqlite3
import weakref
from typing import TYPE_CHECKING

import pytest
from past_runs import PastRun

from gpucore.system import journal_rows
from gpucore.system.journal_rows import Rows
from gpucore.system.journal_store import SEED, insert, link, open_to_write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COUNT = 3000


def body_of(n: int) -> bytes:
    return b"body %d" % n


def made(path: Path, bodies: Iterable[bytes] | None = None) -> Path:
    """Return a journal whose rows have the kinds 4 and 6 in turn."""
    connection = open_to_write(path)
    assert connection is not None
    chain, rows = SEED, []
    for n, body in enumerate(bodies or map(body_of, range(1, COUNT + 1)), 1):
        encoded = (4 + 2 * (n % 2), b"step %d" % n, 1, body)
        chain = link(chain, n, encoded)
        rows.append((n, *encoded, chain))
    insert(connection, rows)
    connection.close()
    return path


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("rows") / "journal.sqlite")


def reads_of(rows: Rows) -> list[str]:
    told: list[str] = []
    rows._connection.set_trace_callback(told.append)
    return told


def shuffled(numbers: range, seed: int) -> list[int]:
    rng = random.Random(seed)
    return sorted(numbers, key=lambda n: n + rng.randrange(30))


@pytest.mark.parametrize(
    "numbers",
    [
        range(1, COUNT + 1),
        range(COUNT, 0, -1),
        range(1, COUNT, 150),
        shuffled(range(1, COUNT + 1), 1),
        random.Random(2).choices(range(1, COUNT + 1), k=500),
        [1, 1, COUNT, 1, COUNT, 2],
    ],
    ids=["in turn", "backwards", "far apart", "a little out of order", "at random", "ends"],
)
def test_a_row_is_the_one_with_its_number_in_whatever_order_they_are_asked_for(
    journal: Path, numbers: Iterable[int]
) -> None:
    rows = Rows(journal)
    for n in numbers:
        assert rows.row(n, 4 + 2 * (n % 2)) == (b"step %d" % n, 1, body_of(n)), n
        assert rows.row(n, 6 - 2 * (n % 2)) is None, n
    rows.close()


@pytest.mark.parametrize("seed", [0, 1])
def test_rows_that_are_asked_for_nearly_in_turn_are_read_many_at_a_time(
    journal: Path, seed: int
) -> None:
    rows = Rows(journal)
    told = reads_of(rows)
    for n in shuffled(range(1, COUNT + 1, 2), seed) if seed else range(1, COUNT + 1, 2):
        assert rows.row(n, 6) is not None
    assert len(told) < COUNT / 100
    rows.close()


def test_of_rows_that_lie_far_apart_little_else_is_read(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0
    real = journal_rows._Stream._read

    def counted(self: journal_rows._Stream, first: int, n: int, length: int) -> journal_rows._Run:
        nonlocal read
        run = real(self, first, n, length)
        read += len(run.rows)
        return run

    monkeypatch.setattr(journal_rows._Stream, "_read", counted)
    rows = Rows(journal)
    numbers = range(1, COUNT, 50)
    for n in numbers:
        assert rows.row(n, 4 + 2 * (n % 2)) is not None
    assert read <= 2 * journal_rows._WORTH * len(numbers)
    rows.close()


def test_large_rows_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    large = 300_000
    rows = Rows(made(tmp_path / "j.sqlite", (bytes(large) for _ in range(60))))
    for n in range(1, 60, 2):
        assert rows.row(n, 6) is not None
    kept = [len(body) for run in rows._streams[6]._kept for *_, body in run.rows.values()]
    assert sum(kept) <= journal_rows._KEPT * (journal_rows._BYTES + large)
    rows.close()


def test_a_row_is_read_though_those_beside_it_cannot_be(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = journal_rows._Stream._read

    def damaged(self: journal_rows._Stream, first: int, n: int, length: int) -> journal_rows._Run:
        if length > 1:
            raise sqlite3.DatabaseError("database disk image is malformed")
        return real(self, first, n, length)

    monkeypatch.setattr(journal_rows._Stream, "_read", damaged)
    rows = Rows(journal)
    for n in range(1, 100, 2):
        assert rows.row(n, 6) == (b"step %d" % n, 1, body_of(n))
    rows.close()


def test_a_state_that_let_go_of_its_file_keeps_nothing_of_it(tmp_path: Path) -> None:
    past = PastRun(tmp_path / "out")
    past.begin()
    past.ran("s/1", 1.0, 2.0, 0)
    past.end(3.0)
    state = past.read()
    for _ in range(2):  # it may be opened again, as often as somebody asks
        assert state.began("s/1") is not None
        rows = weakref.ref(state._rows)
        state.close()
        gc.collect()
        assert rows() is None
