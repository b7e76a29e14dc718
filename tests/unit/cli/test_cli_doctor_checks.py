"""What the doctor looks at beside GPUs and files: folders, limits, the clock; and that it ends."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command_line import environment

from gpucore.cli.doctor import limits, places
from gpucore.cli.doctor.checking import Check, Notes, carry_out, for_each
from gpucore.cli.doctor.places import Place, look_at_place
from gpucore.errors import ConfigError, Faults

if TYPE_CHECKING:
    from command_line import Cli


def look(place: Place) -> Notes:
    notes = Notes()
    look_at_place(place, notes)
    return notes


def a_place(path: Path, **more: Any) -> Place:
    facts: dict[str, Any] = {"name": "working directory", "least": 0, "elsewhere": "go elsewhere"}
    return Place(path=path, **{**facts, **more})


def test_a_folder_without_room_is_told(tmp_path: Path) -> None:
    (one,) = look(a_place(tmp_path, least=1 << 62)).findings
    assert (one.level, one.help) == ("wrong", "go elsewhere")
    assert "MiB are free in the working directory" in one.what


def test_a_folder_that_is_not_there_yet_is_looked_at_above(tmp_path: Path) -> None:
    notes = look(a_place(tmp_path / "not" / "there"))
    assert not notes.findings
    assert not (tmp_path / "not").exists()
    assert notes.facts["path"] == str(tmp_path / "not" / "there")


def test_a_folder_on_a_network_file_system_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "file_system_of", lambda path: "nfs4")
    monkeypatch.setattr(places, "wal_works", lambda path: False)
    (one,) = look(a_place(tmp_path, network="journals are not safe there")).findings
    assert one.level == "note"
    assert one.what.endswith("lies on a network file system (nfs4): journals are not safe there")
    assert not look(a_place(tmp_path)).findings


@pytest.mark.skipif(not os.geteuid(), reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    (one,) = look(a_place(tmp_path)).findings
    assert "cannot be written (Permission denied)" in one.what


def test_a_folder_of_the_kernels_own_cannot_be_written() -> None:
    (one,) = look(a_place(Path("/proc/self"))).findings
    assert one.level == "wrong"
    assert "the working directory /proc/self cannot be written" in one.what


def test_a_file_system_whose_clock_differs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time
    monkeypatch.setattr(places.time, "time", lambda: now() + 3600)
    (one,) = look(a_place(tmp_path)).findings
    assert "differ by 3600 seconds" in one.what
    assert one.help.startswith("sudo timedatectl set-ntp true")


@pytest.mark.parametrize("year", [1970, 2130])
def test_a_clock_that_cannot_be_right_is_told(monkeypatch: pytest.MonkeyPatch, year: int) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: (year - 1970) * 31_556_952.0 + 86_400)
    notes = Notes()
    limits.look_at_clock(notes)
    assert f"the clock says {year}" in notes.findings[0].what


def told_under(limit: str, value: int, cli: Cli) -> list[str]:
    """Return what the doctor says in a process of its own under a limit."""
    done = subprocess.run(
        [shutil.which("sh", path=os.defpath) or "sh", "-c",
         f'ulimit -S -{limit} {value} && exec "$0" -m gpucore.cli doctor --devices simulated:1',
         sys.executable],
        cwd=cli.folder, capture_output=True, text=True, check=False,
        # A GPU that another test put into quarantine is none of its.
        env=environment(PATH=os.environ["PATH"], HOME=str(cli.folder),
                        XDG_STATE_HOME=str(cli.folder), XDG_RUNTIME_DIR=str(cli.folder)),
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("limit", "value", "what", "mend"),
    [
        ("n", 64, "✗ limits: 64 files may be open at once", "ulimit -n 4096"),
        ("v", 2**23, "✗ limits: a process may have 8192 MiB of address space", "ulimit -v unl"),
        ("f", 2**20, "! limits: a file may have", "ulimit -f unlimited"),
    ],
)
def test_a_limit_that_is_too_low_is_told(
    cli: Cli, limit: str, value: int, what: str, mend: str
) -> None:
    first, second, *_ = told_under(limit, value, cli)
    assert first.startswith(what)
    assert second.startswith(f"  help: {mend}")


def test_a_limit_on_processes_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pids.max").write_text("100\n")
    (tmp_path / "pids.current").write_text("60\n")
    monkeypatch.setattr(limits, "_groups", lambda: [tmp_path])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(
        resource, "getrlimit",
        lambda which: (5, 5) if which == resource.RLIMIT_NPROC else (resource.RLIM_INFINITY,) * 2,
    )  # fmt: skip
    notes = Notes()
    limits.look_at_limits(notes)
    own, group = notes.findings
    assert "this user may have 5 processes and threads" in own.what
    assert "may have 100 processes and threads" in group.what
    assert "has 60 already" in group.what


def test_a_check_that_hangs_is_left_behind_with_what_it_had_found() -> None:
    released = threading.Event()

    def hang(notes: Notes) -> None:
        notes.facts["seen"] = 1
        released.wait()

    def fine(notes: Notes) -> None:
        notes.facts["seen"] = 2

    stuck, other = carry_out(
        [
            Check(name="a", look=hang, deadline=0.05, waits_for="the file server", help="wake it"),
            Check(name="b", look=fine, deadline=60, waits_for="", help=""),
        ]
    )
    released.set()
    assert (stuck.state, stuck.facts) == ("silent", {"seen": 1})
    assert stuck.findings[0].what == "the file server did not answer within 0.05 seconds"
    assert stuck.findings[0].help == "wake it"
    assert (other.state, other.facts, other.findings) == ("well", {"seen": 2}, ())


def test_a_check_that_fails_says_why_and_the_others_go_on() -> None:
    def wrong(notes: Notes) -> None:
        raise Faults([ConfigError("a is wrong", hint="mend a", where="f:1"), ConfigError("b is")])

    def ours(notes: Notes) -> None:
        raise ZeroDivisionError("oh")

    first, second = carry_out(
        [
            Check(name=name, look=look, deadline=60, waits_for="", help="")
            for name, look in (("a", wrong), ("b", ours))
        ]
    )
    assert [(one.what, one.help, one.exit_code) for one in first.findings] == [
        ("f:1: a is wrong", "mend a", 2), ("b is", "", 2)
    ]  # fmt: skip
    assert second.findings[0].exit_code == 4
    assert "ZeroDivisionError: oh" in second.findings[0].what


def test_answers_come_in_the_order_of_what_was_asked() -> None:
    assert for_each(lambda one: one * one, range(20), at_once=4) == [one**2 for one in range(20)]
    with pytest.raises(ZeroDivisionError):
        for_each(lambda one: 1 // one, [1, 0], at_once=2)
