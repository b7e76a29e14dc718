"""Where a journal lies, and what in its place is refused."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import GpucoreError
from gpucore.system import filesystems, journal_reading
from gpucore.system import journal as journal_module
from gpucore.system.journal import (
    Began,
    Journal,
    JournalState,
    Planned,
    RunBegan,
    read_journal,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def run_began(run: str = "one", **facts: object) -> RunBegan:
    return RunBegan(run=run, time=1.5, pid=os.getpid(), host="here", boot="b", version="0")


def opened(tmp_path: Path, run: str = "one", tell: Callable[[str], None] | None = None) -> Journal:
    return Journal.open(
        tmp_path / "out", state_home=tmp_path / "state", run=run_began(run), on_trouble=tell
    )


def read(tmp_path: Path) -> JournalState:
    return read_journal(tmp_path / "out", tmp_path / "state")


def planned(step: object) -> Planned:
    return Planned(step=str(step), stage="stage", adapter="adapter")


def began(step: str, attempt: int = 1, **facts: object) -> Began:
    return Began(step=step, attempt=attempt, time=2.0, argv=("true",), **facts)  # type: ignore[arg-type]


def test_where_wal_does_not_work_the_journal_lies_in_the_local_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystems, "file_system_of", lambda path: "nfs4")
    with opened(tmp_path) as journal:
        journal.commit(planned(1))
        assert (tmp_path / "state" / "gpucore" / "journals") in journal.path.parents
        assert "nfs4" in journal.note
        assert str(journal.path.parent) in journal.note
    beside = tmp_path / "out" / ".gpucore"
    assert [file.name for file in beside.iterdir()] == ["journal.where"]
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    monkeypatch.undo()
    # The pointer counts from then on, wherever the state directory is said to be.
    state = read_journal(tmp_path / "out", tmp_path / "elsewhere")
    assert list(state.steps) == ["1"]
    assert state.note
    with opened(tmp_path, "two") as again:
        assert again.path == journal.path


def test_a_journal_on_another_machine_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystems, "file_system_of", lambda path: "nfs4")
    opened(tmp_path).close()
    pointer = tmp_path / "out" / ".gpucore" / "journal.where"
    path = pointer.read_text().splitlines()[0]
    pointer.write_text(f"{path}\nhost=other-machine\n")
    for use in (read, opened):
        with pytest.raises(GpucoreError, match="on the machine `other-machine`"):
            use(tmp_path)
    pointer.write_text("nonsense")
    with pytest.raises(GpucoreError, match="does not say where"):
        read(tmp_path)


def test_where_wal_is_tried_and_refused_the_journal_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = journal_module.open_to_write
    monkeypatch.setattr(
        journal_module,
        "open_to_write",
        lambda path: real(path) if tmp_path / "state" in path.parents else None,
    )
    with opened(tmp_path) as journal:
        journal.commit(planned(1))
        assert journal.note
    assert list(read(tmp_path).steps) == ["1"]
    monkeypatch.setattr(journal_module, "open_to_write", lambda path: None)
    with pytest.raises(GpucoreError, match="WAL works neither"):
        Journal.open(tmp_path / "o2", state_home=tmp_path / "s2", run=run_began())


def test_a_journal_moves_with_its_events_when_its_folder_comes_to_a_network_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as journal:
        journal.commit(began("a"))
    monkeypatch.setattr(filesystems, "file_system_of", lambda path: "lustre")
    assert list(read(tmp_path).steps) == ["a"]
    with opened(tmp_path, "two") as moved:
        assert moved.path != journal.path
        assert moved.state.began("a") is not None
        moved.commit(began("b"))
    assert list(read(tmp_path).steps) == ["a", "b"]


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    victim = path.parent.parent / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)


@pytest.mark.parametrize("plant", [_fifo, _link, Path.mkdir])
@pytest.mark.parametrize(
    "name",
    [
        "journal.sqlite",
        "journal.sqlite-wal",
        "journal.sqlite-shm",
        "journal.lock",
        "journal.head",
        "journal.summary",
        "journal.where",
    ],
)
def test_what_is_no_plain_file_is_refused_and_left_alone(
    tmp_path: Path, name: str, plant: Callable[[Path], None]
) -> None:
    folder = tmp_path / "out" / ".gpucore"
    folder.mkdir(parents=True)
    plant(folder / name)
    for use in (read, opened):
        with pytest.raises(GpucoreError, match=name):
            use(tmp_path)
    assert [file.name for file in folder.iterdir()] == [name]
    victim = tmp_path / "out" / "victim"
    assert not victim.exists() or victim.read_text() == "precious"


def test_a_link_in_place_of_our_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".gpucore").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(GpucoreError, match="is a link"):
        opened(tmp_path)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file away needs root")
def test_a_file_of_another_user_is_read_without_a_trace_and_not_written(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.commit(planned(1))
        os.chown(journal.path, 12345, 12345)
        before = sorted(journal.path.parent.iterdir())
        with read(tmp_path) as state:
            assert list(state.steps) == ["1"]
            assert not state.loss
        assert sorted(journal.path.parent.iterdir()) == before
    with pytest.raises(GpucoreError, match="belongs to another user"):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["a b?mode=rw#x%41", "bytes-\udcff", "ünï"])
def test_a_journal_lies_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with opened(tmp_path / name) as journal:
        journal.commit(planned(1))
    assert list(read(tmp_path / name).steps) == ["1"]
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_journal_that_cannot_be_read_for_now_is_not_taken_for_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path).close()

    def fail(path: Path) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    with monkeypatch.context() as patch:
        patch.setattr(journal_reading, "open_to_read", fail)
        for use in (read, opened):
            with pytest.raises(GpucoreError, match="cannot be read now"):
                use(tmp_path)
    assert not list((tmp_path / "out" / ".gpucore").glob("*damaged*"))
    assert len(read(tmp_path).runs) == 1
