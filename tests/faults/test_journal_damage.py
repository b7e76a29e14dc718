"""Journals cut, flipped and overwritten at random places: always a prefix, never a traceback.

`GPUCORE_FAULTS` says how many; the seed is fixed, so that a trial that fails can be done again.
"""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gpucore.standard.model import StepState
from gpucore.system import journal_mending
from gpucore.system.journal import (
    Began,
    Finished,
    Journal,
    Planned,
    RunBegan,
    read_journal,
)
from gpucore.system.journal_store import Scan, open_to_read

if TYPE_CHECKING:
    from gpucore.system.journal import JournalState
    from gpucore.system.journal_store import Row

TRIALS = int(os.environ.get("GPUCORE_FAULTS", "300"))
SHARES = 6
"""The trials are dealt out to so many tests, each with a seed of its own."""

RUN = RunBegan(run="r", time=0.0, pid=1, host="h", boot="b", version="0")
FILES = ("journal.sqlite", "journal.sqlite-wal", "journal.head")

Content = dict[str, bytes]


def events_of(state: JournalState) -> list[Row]:
    """Return the events that a state was read from."""
    if state.source is None:
        return []
    connection = open_to_read(state.source)
    try:
        return [row for row in Scan(connection) if row[0] <= state.events]
    finally:
        connection.close()


def contents(folder: Path) -> Content:
    found = {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}
    return {name: data for name, data in found.items() if data}


def fill(journal: Journal, rng: random.Random, first: int, count: int) -> None:
    steps = [f"step {number}" for number in range(first, first + count)]
    journal.plan(Planned(step=step, stage="s", adapter="a") for step in steps)
    for step in steps:
        # Some are longer than a page of the database.
        argv = ("program", "x" * rng.choice([10, 100, 1000, 6000]))
        journal.commit(Began(step=step, attempt=1, time=1.0, argv=argv))
        journal.commit(Finished(step=step, attempt=1, time=2.0, state=StepState.DONE))


@pytest.fixture(scope="module")
def journals(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Content, list[Row]]]:
    """Return what lay on disk at three moments of a run, and the events there were."""
    folder = tmp_path_factory.mktemp("truth")
    rng = random.Random(7)
    found = []
    with Journal.open(folder, state_home=folder / "state", run=RUN) as journal:
        for moment in (30, 50):
            fill(journal, rng, moment, moment)
            with read_journal(folder, folder / "state") as state:
                found.append((contents(folder / ".gpucore"), events_of(state)))
            if moment == 30:
                # From here on a part lies in the file and a part in the WAL.
                journal._writer._connection.execute("PRAGMA wal_checkpoint(RESTART)")
    with read_journal(folder, folder / "state") as state:
        found.append((contents(folder / ".gpucore"), events_of(state)))
    return found


def damage(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Return what was done to a file, and what it is then."""
    kind = rng.choice(["cut", "flip", "flip", "flips", "page", "zeros", "insert", "empty", "noise"])
    place = rng.randrange(len(content))
    changed = bytearray(content)
    if kind == "cut":
        changed = changed[:place]
    elif kind in {"flip", "flips"}:
        for _ in range(1 if kind == "flip" else 30):
            changed[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif kind == "page":  # one page in another's place
        there, here = (rng.randrange(0, len(content), 4096) for _ in range(2))
        changed[here : here + 4096] = content[there : there + 4096]
    elif kind == "zeros":
        changed[place : place + 600] = bytes(len(changed[place : place + 600]))
    elif kind == "insert":
        changed[place:place] = rng.randbytes(rng.randrange(1, 9))
    elif kind == "empty":
        changed.clear()
    else:
        changed[:] = rng.randbytes(rng.randrange(1, 9000))
    return f"{kind} at {place}", bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_of_a_damaged_journal_a_prefix_is_used_and_the_loss_is_told(
    tmp_path: Path, share: int, journals: list[tuple[Content, list[Row]]]
) -> None:
    rng = random.Random(share)
    kept = total = lossless = 0
    trials = range(share, TRIALS, SHARES)
    for trial in trials:
        content, truth = rng.choice(journals)
        name = rng.choice([name for name in content for _ in range(1 if "head" in name else 5)])
        done, changed = damage(content[name], rng)
        story = f"trial {trial} of share {share}: {name} ({len(content[name])}): {done}"
        output = tmp_path / str(trial)
        folder = output / ".gpucore"
        folder.mkdir(parents=True)
        on_disk = {**content, name: changed}
        for file, data in on_disk.items():
            (folder / file).write_bytes(data)
        count = _one(output, truth, on_disk, story)
        kept += count
        total += len(truth)
        lossless += count == len(truth)
    print(  # noqa: T201 - the counter that CI keeps
        f"\njournal damage: {len(trials)} trials, {lossless} without loss, "
        f"{100 * kept / max(total, 1):.1f} % of the events kept, 0 tracebacks, 0 not a prefix"
    )


def _one(output: Path, truth: list[Row], on_disk: Content, story: str) -> int:
    home = output / "state"
    with read_journal(output, home) as state:
        events = events_of(state)
        assert len(events) == state.events, story
        assert events == truth[: len(events)], story
        assert state.loss or len(events) == len(truth), story
        assert "\n" not in state.loss, story
        for step in list(state.steps)[-3:]:
            assert state.began(step) is None or state.began(step).step == step  # type: ignore[union-attr]
    with Journal.open(output, state_home=home, run=RUN) as journal:
        assert journal.state.events == len(events), story
        assert journal.state.loss or not state.loss, story
        journal.commit(Planned(step="after", stage="s", adapter="a"))
        if journal.state.loss:
            for name in ("journal.sqlite", "journal.sqlite-wal"):
                aside = journal.path.with_name(name.replace("sqlite", "sqlite.damaged-1", 1))
                assert name not in on_disk or aside.read_bytes() == on_disk[name], story
    with read_journal(output, home) as again:
        assert not again.loss, story
        assert again.events == len(events) + 2 + len(again.mendings), story
        assert events_of(again)[: len(events)] == events, story
        assert "after" in again.steps, story
        assert [mended.loss for mended in again.mendings] in ([], [journal.state.loss]), story
    return len(events)


@pytest.mark.parametrize("there", [b"", b"no database at all\n" * 500, b"SQLite format 3\0"])
def test_what_is_no_journal_is_set_aside_and_told(tmp_path: Path, there: bytes) -> None:
    folder = tmp_path / ".gpucore"
    folder.mkdir()
    (folder / "journal.sqlite").write_bytes(there)
    assert read_journal(tmp_path, tmp_path / "state").loss
    with Journal.open(tmp_path, state_home=tmp_path / "state", run=RUN) as journal:
        assert journal.state.loss
    assert (folder / "journal.sqlite.damaged-1").read_bytes() == there
    state = read_journal(tmp_path, tmp_path / "state")
    assert not state.loss
    assert len(state.mendings) == 1


def test_a_journal_of_another_version_is_set_aside_and_told(tmp_path: Path) -> None:
    folder = tmp_path / ".gpucore"
    folder.mkdir()
    other = sqlite3.connect(folder / "journal.sqlite")
    other.execute("PRAGMA user_version=2")
    other.execute("CREATE TABLE event (n INTEGER PRIMARY KEY, what TEXT)")
    other.close()
    with Journal.open(tmp_path, state_home=tmp_path / "state", run=RUN) as journal:
        assert "another version of gpucore wrote it (2)" in journal.state.loss
    assert (folder / "journal.sqlite.damaged-1").exists()


def test_events_that_damage_hides_from_who_seeks_them_are_read_all_the_same(
    tmp_path: Path,
) -> None:
    with Journal.open(tmp_path, state_home=tmp_path / "state", run=RUN) as journal:
        fill(journal, random.Random(1), 0, 40)
    page = 4096  # the second is the root of the table: pages by the last event that each holds
    content = bytearray(journal.path.read_bytes())
    assert content[page] == 5
    for cell in range(1, int.from_bytes(content[page + 3 : page + 5], "big")):
        pointer = page + 12 + 2 * cell
        key = page + int.from_bytes(content[pointer : pointer + 2], "big") + 4
        content[key] = 2
    journal.path.write_bytes(content)
    with read_journal(tmp_path, tmp_path / "state") as state:
        assert (len(events_of(state)), state.source) == (121, journal.path)
        for step, fate in state.steps.items():
            began = state.began(step)
            assert began is not None
            assert began.step == step
            assert fate.state is StepState.DONE


def test_a_journal_that_is_gone_is_told(tmp_path: Path) -> None:
    with Journal.open(tmp_path, state_home=tmp_path / "state", run=RUN) as journal:
        journal.commit(Planned(step="a", stage="s", adapter="a"))
    journal.path.unlink()
    assert "2 events are lost" in read_journal(tmp_path, tmp_path / "state").loss
    with Journal.open(tmp_path, state_home=tmp_path / "state", run=RUN) as again:
        assert "2 events are lost" in again.state.loss
    assert not read_journal(tmp_path, tmp_path / "state").loss


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (journal_mending, "open_to_read", 2),
        (Path, "rename", 1),
        (Path, "rename", 2),
        (journal_mending, "open_own", 1),
        (Path, "replace", 2),
    ],
)
def test_dying_while_a_journal_is_mended_loses_nothing_more(
    tmp_path: Path,
    journals: list[tuple[Content, list[Row]]],
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    call: int,
) -> None:
    content, truth = journals[1]
    folder = tmp_path / ".gpucore"
    folder.mkdir()
    wal = content["journal.sqlite-wal"]
    for file, data in {**content, "journal.sqlite-wal": wal[: len(wal) // 2]}.items():
        (folder / file).write_bytes(data)
    with read_journal(tmp_path, tmp_path / "state") as state:
        events = state.events
    assert 0 < events < len(truth)
    real, calls = getattr(owner, name), 0

    def dying(*arguments: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying)
        with pytest.raises(KeyboardInterrupt):
            Journal.open(tmp_path, state_home=tmp_path / "state", run=RUN)
    with read_journal(tmp_path, tmp_path / "state") as state:
        assert state.events == events
    with Journal.open(tmp_path, state_home=tmp_path / "state", run=RUN) as journal:
        assert journal.state.events == events
