"""The journal: what is committed lasts, is told once, and is written by one process only."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import GpucoreError
from gpucore.standard.model import FailureClass, StepState
from gpucore.system.journal import (
    Began,
    Fingerprint,
    Finished,
    Journal,
    JournalState,
    Planned,
    RunBegan,
    RunFinished,
    Spawned,
    read_journal,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ["motion/movie 1", "ü\n\t\0", "bytes-\udcff\udc80.mrc", "\ud800 alone", "日本", ""]
"""Names as bytes make them; `\\ud800` never comes from a file system, and must not harm either."""


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


def finished(step: str, attempt: int = 1, state: StepState = StepState.DONE) -> Finished:
    return Finished(step=step, attempt=attempt, time=3.0, state=state)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_is_read_again_whatever_bytes_its_names_are_made_of(
    tmp_path: Path, name: str
) -> None:
    stamps = {f"/in/{name}": Fingerprint(size=3, changed_ns=10**18, digest="d"), "/gone": None}
    start = Began(
        step=name,
        attempt=1,
        time=2.25,
        argv=("prog", name),
        pid=None,
        boot="boot",
        env={"A": name},
        devices=("GPU-1", "GPU-2"),
        log=f"/log/{name}",
        status=f"/status/{name}",
        inputs=stamps,
        key="key",
    )
    end = Finished(
        step=name,
        attempt=1,
        time=3.5,
        state=StepState.FAILED,
        reason=name,
        hint="look",
        failure=FailureClass.LIMIT,
        exit_code=-9,
        signal=9,
        outputs={"micrograph": name},
        output_stamps=stamps,
        warnings=(name,),
        key="key",
    )
    with opened(tmp_path) as journal:
        journal.plan([Planned(step=name, stage=name, adapter=name)])
        journal.commit(start)
        journal.append(Spawned(step=name, attempt=1, pid=77, pid_start="99"))
        journal.commit(end)
        journal.append(RunFinished(run="one", time=4.0, counts={"failed": 1}))
    with read(tmp_path) as state:
        assert list(state.steps) == [name]
        fate = state.steps[name]
        assert (fate.stage, fate.adapter, fate.state) == (name, name, StepState.FAILED)
        began_again = state.began(name)
        assert began_again is not None
        assert (began_again.pid, began_again.pid_start) == (77, "99")
        assert began_again.argv == start.argv
        assert began_again.inputs == stamps
        assert state.finished(name) == end
        assert list(state.ended()) == [end]
        assert state.runs == [(run_began(), RunFinished(run="one", time=4.0, counts={"failed": 1}))]
        assert not state.loss
        assert not state.note


def test_a_value_that_looks_like_a_secret_is_in_none_of_the_journals_files(tmp_path: Path) -> None:
    secret = "hunter2hunter2"  # noqa: S105 - planted
    names = ("API_TOKEN", "secret_x", "PGPASSWORD", "SSH_KEY", "credentials")
    with opened(tmp_path) as journal:
        journal.commit(began("a", env={**dict.fromkeys(names, secret), "OMP": "4"}))
        files = list((tmp_path / "out" / ".gpucore").iterdir())
        assert not [file for file in files if secret.encode() in file.read_bytes()]
    with read(tmp_path) as state:
        record = state.began("a")
    assert record is not None
    assert set(record.env) == {*names, "OMP"}
    assert record.env["OMP"] == "4"


def test_fates_follow_from_the_events(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.plan(planned(name) for name in "abcdef")
        for record in (
            began("b"),
            *(began("c"), finished("c")),
            *(began("d"), finished("d", state=StepState.FAILED), began("d", 2)),
            *(began("e"), began("e", 2), finished("e", 1, StepState.FAILED)),
            finished("f", 0, StepState.SKIPPED),
            finished("c", 1, StepState.FAILED),  # told twice: the first counts
        ):
            journal.append(record)
    with opened(tmp_path, "two") as journal:
        assert len(journal.state.runs) == 1
        assert journal.state.counts()[StepState.RUNNING] == 3
    state = read(tmp_path)
    fates = {name: (fate.state.value, fate.attempts) for name, fate in state.steps.items()}
    assert fates == {
        "a": ("waiting", 0),
        "b": ("running", 1),
        "c": ("done", 1),
        "d": ("running", 2),
        "e": ("running", 2),
        "f": ("skipped", 0),
    }
    assert [begun.run for begun, _ in state.runs] == ["one", "two"]
    # Of a step that runs again the last end is told, of one that was told twice the first.
    ends = [(end.step, end.state.value) for end in state.ended()]
    assert ends == [("c", "done"), ("d", "failed"), ("f", "skipped")]
    assert state.finished("a") is None
    assert state.began("a") is None
    state.close()


def test_a_folder_without_a_journal_has_an_empty_one(tmp_path: Path) -> None:
    state = read(tmp_path)
    assert (state.events, dict(state.steps), state.runs, state.loss) == (0, {}, [], "")
    assert not (tmp_path / "out").exists()


def test_a_journal_is_read_while_it_is_written_and_reading_leaves_its_files(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        for number in range(50):
            journal.commit(planned(number))
            if number % 10 == 0:
                with read(tmp_path) as state:
                    assert len(state.steps) == number + 1
                    assert not state.loss
                assert journal.path.with_name("journal.sqlite-wal").stat().st_size
    assert sorted(file.name for file in journal.path.parent.iterdir()) == [
        "journal.head",
        "journal.lock",
        "journal.sqlite",
    ]


def test_files_have_the_permissions_that_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with opened(tmp_path) as journal:
            journal.commit(planned(1))
            for file in journal.path.parent.iterdir():
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    finally:
        os.umask(before)


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with (
        opened(tmp_path) as journal,
        pytest.raises(GpucoreError, match=f"process {os.getpid()} on here"),
    ):
        opened(tmp_path, "two")
    journal.close()
    opened(tmp_path, "two").close()
    assert [begun.run for begun, _ in read(tmp_path).runs] == ["one", "two"]


def test_a_closed_journal_takes_no_record(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert journal.close()
    assert journal.close()
    with pytest.raises(GpucoreError, match="closed"):
        journal.append(planned(1))
    with pytest.raises(GpucoreError, match="closed"):
        journal.commit(planned(1))
