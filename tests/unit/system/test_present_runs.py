"""Records of runs that go on: there while they do, gone afterwards, never in a run's way."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gpucore.system.present_runs import announce, present_runs, withdraw

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def dead() -> int:
    """Return the number of a process that has ended and was waited for."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def record(home: Path, run: str = "r1", **changes: Any) -> Path:
    """Write a record of a run of this process, changed so."""
    path = announce(run, home / "out", home)
    assert path is not None
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, **changes}))
    return path


def names(home: Path) -> list[str]:
    return [one.run for one in present_runs(home)]


def test_a_run_is_on_record_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    first = announce("r1", tmp_path / "a", tmp_path)
    second = announce("r2", tmp_path / "b", tmp_path)
    found = present_runs(tmp_path)
    assert [(one.run, one.folder, one.pid) for one in found] == [
        ("r1", str(tmp_path / "a"), os.getpid()),
        ("r2", str(tmp_path / "b"), os.getpid()),
    ]
    assert all(one.lives for one in found)
    withdraw(first)
    assert names(tmp_path) == ["r2"]
    withdraw(second)
    withdraw(second)  # somebody else removed it
    withdraw(None)
    assert names(tmp_path) == []


def test_where_no_run_ever_was_none_is_found(tmp_path: Path) -> None:
    assert present_runs(tmp_path / "nothing") == []


def test_a_record_is_this_users_alone(tmp_path: Path) -> None:
    path = announce("r1", tmp_path, tmp_path)
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_whose_name_is_no_text_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b[2J\n\xe2\x80\xae")
    announce("r1", Path(folder), tmp_path)
    assert [one.folder for one in present_runs(tmp_path)] == [folder]


def test_a_relative_folder_is_known_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    announce("r1", Path("out"), tmp_path)
    assert [one.folder for one in present_runs(tmp_path)] == [str(tmp_path / "out")]


def test_the_record_of_a_run_that_died_is_removed_by_whoever_looks(
    tmp_path: Path, dead: int
) -> None:
    path = record(tmp_path, pid=dead)
    assert names(tmp_path) == []
    assert not path.exists()


def test_a_number_that_is_anothers_by_now_is_not_taken_for_the_run(tmp_path: Path) -> None:
    path = record(tmp_path, pid_start="1")
    assert names(tmp_path) == []
    assert not path.exists()


def test_a_run_that_died_is_found_as_long_as_a_program_of_it_lives(
    tmp_path: Path, dead: int, left_program: subprocess.Popen[bytes]
) -> None:
    path = record(tmp_path, run="left-over", pid=dead)
    (found,) = present_runs(tmp_path)
    assert not found.lives
    left_program.send_signal(signal.SIGKILL)
    left_program.wait()
    assert names(tmp_path) == []
    assert not path.exists()


@pytest.fixture
def left_program() -> Iterator[subprocess.Popen[bytes]]:
    """Yield a program that bears the marks of a run."""
    marks = {"GPUCORE_RUN": "left-over", "GPUCORE_STEP": "s"}
    with subprocess.Popen(
        [sys.executable, "-S", "-c", "print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **marks},
    ) as program:  # fmt: skip
        assert program.stdout is not None
        program.stdout.readline()  # it runs
        yield program
        program.kill()


@pytest.mark.parametrize("changes", [{"host": "elsewhere"}, {"space": "pid:[1]"}])
def test_what_cannot_be_judged_here_is_neither_shown_nor_removed(
    tmp_path: Path, dead: int, changes: dict[str, str]
) -> None:
    path = record(tmp_path, pid=dead, **changes)
    assert names(tmp_path) == []
    assert path.exists()


def test_a_record_from_before_the_machine_was_started_is_removed(tmp_path: Path) -> None:
    path = record(tmp_path, boot="an earlier one", began=1.0)
    assert names(tmp_path) == []
    assert not path.exists()


def test_another_machine_of_the_same_name_keeps_its_records(tmp_path: Path) -> None:
    path = record(tmp_path, boot="its own")
    assert names(tmp_path) == []
    assert path.exists()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"x"', '{"run": 1}', "\x00\xff", "[" * 100_000, "RECORD"],
)
def test_what_is_no_record_is_passed_over_and_removed_when_it_is_old(
    tmp_path: Path, text: str
) -> None:
    path = record(tmp_path)
    if text == "RECORD":
        text = json.dumps({**json.loads(path.read_text()), "pid": "1"})
    path.write_text(text)
    assert names(tmp_path) == []
    assert path.exists()  # one that is being written looks the same
    os.utime(path, (1, 1))
    assert names(tmp_path) == []
    assert not path.exists()


def test_a_planted_link_is_neither_followed_nor_written_through(tmp_path: Path) -> None:
    path = record(tmp_path)
    victim = tmp_path / "victim"
    victim.write_text(path.read_text())
    path.unlink()
    path.symlink_to(victim)
    assert names(tmp_path) == []
    assert announce("r1", tmp_path, tmp_path) is None
    assert json.loads(victim.read_text())["folder"] == str(tmp_path / "out")


def test_a_place_that_cannot_be_made_fails_no_run(tmp_path: Path) -> None:
    (tmp_path / "gpucore").write_text("a file")
    assert announce("r1", tmp_path, tmp_path) is None
    assert present_runs(tmp_path) == []


def test_runs_of_two_machines_that_share_a_folder_have_records_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce("r1", tmp_path, tmp_path)
    here = socket.gethostname()
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    announce("r1", tmp_path, tmp_path)
    monkeypatch.setattr(socket, "gethostname", lambda: here)
    assert names(tmp_path) == ["r1"]
    assert len(list((tmp_path / "gpucore" / "runs").iterdir())) == 2


def test_where_the_working_directory_is_gone_no_run_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert announce("first", Path("out"), tmp_path / "state") is None
