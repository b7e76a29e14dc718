"""A journal's summary: it says what the journal says, or counts for nothing."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import GpucoreError
from gpucore.standard.model import StepState
from gpucore.system import journal_reading, journal_summary
from gpucore.system.journal import (
    Began,
    Finished,
    Journal,
    Planned,
    RunBegan,
    RunFinished,
    Spawned,
    read_journal,
)
from gpucore.system.journal_place import Place
from gpucore.system.journal_records import Sampled
from gpucore.system.journal_summary import read_summary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpucore.system.journal import JournalState, Record

NAMES = ("ü\n\t\0", "bytes-\udcff\udc80.mrc", "\ud800 alone", "日本", "", "plain")


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write summaries of short journals, too."""
    monkeypatch.setattr(journal_summary, "EVERY", 10)


def opened(folder: Path, run: str = "one") -> Journal:
    began = RunBegan(run=run, time=1.5, pid=os.getpid(), host="h", boot="b", version="0")
    return Journal.open(folder, state_home=folder / "state", run=began)


def read(folder: Path, *, whole: bool) -> JournalState:
    return read_journal(folder, folder / "state", whole=whole)


def said(state: JournalState) -> object:
    steps = {name: (fate, state.began(name), state.finished(name)) for name, fate in
             state.steps.items()}  # fmt: skip
    told = (state.runs, state.mendings, state.events, state.chain, state.loss, state.note)
    return list(state.steps), steps, state.counts(), told


def place(folder: Path) -> Place:
    return Place(folder=folder / ".gpucore")


def events(rng: random.Random, count: int) -> Iterator[Record]:
    """Yield what may happen to steps, in an order that makes some sense or none."""
    for _ in range(count):
        step = rng.choice([f"step {rng.randrange(30)}", *NAMES])
        attempt = rng.randrange(4)
        state = rng.choice([StepState.DONE, StepState.FAILED, StepState.SKIPPED])
        yield rng.choice(
            [
                Planned(step=step, stage=rng.choice("ab"), adapter="a"),
                Began(step=step, attempt=attempt, time=1.0, argv=("true", step)),
                Spawned(step=step, attempt=attempt, pid=7, pid_start="8"),
                Finished(step=step, attempt=attempt, time=2.0, state=state),
                Sampled(time=3.0, devices={}),
                RunFinished(run="one", time=4.0),
            ]
        )


def used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> JournalState:
    """Read a journal by its summary, and in no other way."""
    with monkeypatch.context() as patch:
        patch.setattr(journal_reading, "_read", None)
        return read(folder, whole=False)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_a_summary_and_what_came_after_it_say_what_the_whole_journal_says(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    for run in range(3):
        with opened(tmp_path, f"run {run}") as journal:
            for record in events(rng, 60):
                journal.commit(record)
                if rng.random() < 0.3 and place(tmp_path).summary.exists():
                    assert said(used(tmp_path, monkeypatch)) == said(read(tmp_path, whole=True))
        assert said(used(tmp_path, monkeypatch)) == said(read(tmp_path, whole=True))


def test_of_a_run_that_ended_the_summary_covers_all(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.plan(Planned(step=str(n), stage="s", adapter="a") for n in range(50))
        journal.append(RunFinished(run="one", time=2.0))
    summary = read_summary(place(tmp_path))
    assert summary is not None
    assert summary.events == 52


def test_a_short_journal_has_none(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.plan(Planned(step=str(n), stage="s", adapter="a") for n in range(8))
    assert not place(tmp_path).summary.exists()


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return a folder with a journal and its summary."""
    folder = tmp_path / "out"
    with opened(folder) as journal:
        for record in events(random.Random(9), 200):
            journal.append(record)
    assert read_summary(place(folder)) is not None
    return folder


@pytest.mark.slow
def test_a_damaged_summary_counts_for_nothing(written: Path) -> None:
    rng, summary = random.Random(1), place(written).summary
    whole, truth = summary.read_bytes(), said(read(written, whole=True))
    for trial in range(60):
        content = bytearray(whole)
        at = rng.randrange(len(content))
        if trial % 3 == 0:
            del content[at:]
        elif trial % 3 == 1:
            content[at] ^= 1 << rng.randrange(8)
        else:
            content[at:at] = rng.randbytes(3)
        summary.write_bytes(content)
        assert read_summary(place(written)) is None, trial
        assert said(read(written, whole=False)) == truth, trial


@pytest.mark.parametrize(
    "head",
    [
        b'{"order": "middle"}',
        b"[]",
        b"{}",
        b"nonsense",
        b'{"order": "little", "steps": 3, "events": 9, "names": 5, "chain": "00",'
        b' "planned": [["", ""]], "of_runs": []}',
        b'{"order": "little", "steps": 0, "events": 9, "names": 0, "chain": "00",'
        b' "planned": [["", ""]], "of_runs": [10]}',
        b'{"order": "little", "steps": 0, "events": 9, "names": 0, "chain": "zz",'
        b' "planned": [["", ""]], "of_runs": []}',
        b"[" * 100_000,
    ],
)
def test_a_whole_file_that_is_no_summary_counts_for_nothing(written: Path, head: bytes) -> None:
    body = b"gpucore journal summary 1\n" + head + b"\n"
    digest = hashlib.blake2b(body, digest_size=16).digest()
    place(written).summary.write_bytes(body + digest)
    assert read_summary(place(written)) is None
    assert said(read(written, whole=False)) == said(read(written, whole=True))


def test_the_summary_of_another_journal_counts_for_nothing(tmp_path: Path, written: Path) -> None:
    with opened(tmp_path / "other") as journal:
        for record in events(random.Random(10), 200):
            journal.append(record)
    place(tmp_path / "other").summary.replace(place(written).summary)
    assert read_summary(place(written)) is not None
    assert said(read(written, whole=False)) == said(read(written, whole=True))


def test_a_summary_of_more_than_the_journal_holds_counts_for_nothing(
    tmp_path: Path, written: Path
) -> None:
    folder = tmp_path / "shorter"
    opened(folder).close()
    place(written).summary.replace(place(folder).summary)
    assert said(read(folder, whole=False)) == said(read(folder, whole=True))


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_summary_of_somebody_else_is_not_believed(written: Path) -> None:
    os.chown(place(written).summary, 12345, 12345)
    assert read_summary(place(written)) is None
    with pytest.raises(GpucoreError, match="belongs to another user"):
        opened(written)


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_another_users_journal_is_read_by_its_summary_and_without_a_trace(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (place(written).journal, place(written).summary):
        os.chown(path, 12345, 12345)
    before = sorted(place(written).folder.iterdir())
    assert said(used(written, monkeypatch)) == said(read(written, whole=True))
    assert sorted(place(written).folder.iterdir()) == before


def spoil(path: Path, n: int) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE event SET body = 'nonsense' WHERE n = ?", (n,))
    connection.close()


def test_damage_under_a_summary_is_found_by_the_next_run(written: Path) -> None:
    truth = said(read(written, whole=True))
    spoil(place(written).journal, 20)
    with read(written, whole=False) as state:
        assert list(state.steps) == truth[0]  # type: ignore[index]
    with opened(written, "two") as journal:
        assert "event 20 is not what was written" in journal.state.loss
        assert journal.state.events == 19
    assert said(read(written, whole=False)) == said(read(written, whole=True))


def test_damage_after_a_summary_is_told(written: Path) -> None:
    content = place(written).summary.read_bytes()
    with opened(written, "two") as journal:
        journal.commit(Planned(step="x", stage="s", adapter="a"))
        journal.commit(Planned(step="y", stage="s", adapter="a"))
    place(written).summary.write_bytes(content)  # as a killed host had left it
    spoil(place(written).journal, 203)
    with read(written, whole=False) as state:
        assert "2 of 204 events are lost" in state.loss


def test_an_event_that_is_asked_for_and_was_spoilt_is_told(written: Path) -> None:
    with read(written, whole=False) as state:
        step, fate = next((name, fate) for name, fate in state.steps.items() if fate.began)
        spoil(place(written).journal, fate.began)
        with pytest.raises(GpucoreError, match="can no longer be read"):
            state.began(step)


def test_a_summary_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        place(tmp_path).summarising.mkdir()
        for number in range(100):
            journal.commit(Planned(step=str(number), stage="s", adapter="a"))
    place(tmp_path).summarising.rmdir()
    assert not place(tmp_path).summary.exists()
    assert len(read(tmp_path, whole=False).steps) == 100


def test_a_summary_that_fails_leaves_the_older_one_and_no_scrap(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = place(written).summary.read_bytes()

    def full(path: Path, parts: object) -> None:
        path.write_bytes(b"a part of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal_summary, "_fill", full)
    with opened(written, "two") as journal:
        for number in range(100):
            journal.commit(Planned(step=str(number), stage="s", adapter="a"))
    assert place(written).summary.read_bytes() == before
    assert not place(written).summarising.exists()
    assert said(read(written, whole=False)) == said(read(written, whole=True))


@pytest.mark.parametrize("count", [8, 100], ids=["at the end", "on the way"])
def test_a_fault_in_summing_up_does_not_stop_the_journal(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    count: int,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(journal_summary, "write_summary", fail)
    with opened(tmp_path) as journal:
        for number in range(count):
            journal.commit(Planned(step=str(number), stage="s", adapter="a"))
        monkeypatch.setattr(journal_summary, "EVERY", 5)
    assert "no longer kept" in caplog.text
    assert len(read(tmp_path, whole=True).steps) == count
