"""What steps held of a device's memory, remembered from run to run and never in the way."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

from gpucore.standard import Adapter, Param, Program, Template
from gpucore.system.memory_notes import MemoryNotes, sizes_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "memory"


def test_what_was_seen_is_known_to_the_next_run(folder: Path) -> None:
    notes = MemoryNotes(folder)
    assert notes.peaks("gctf", "gpus=1") == ()
    assert not folder.exists()
    notes.add("gctf", "gpus=1", 4_000, 700)
    notes.add("gctf", "gpus=1", 5_000, 900)
    notes.add("gctf", "gpus=2", 0, 400)
    later = MemoryNotes(folder)
    assert later.peaks("gctf", "gpus=1") == notes.peaks("gctf", "gpus=1") == (700, 900)
    assert (later.declared("gctf", "gpus=1"), later.declared("gctf", "gpus=2")) == (5_000, 0)
    assert later.peaks("gctf", "gpus=2") == (400,)
    assert later.peaks("relion", "gpus=1") == ()
    assert notes.fault == later.fault == ""
    assert folder.stat().st_mode & 0o777 == 0o700


def test_two_runs_at_once_see_each_others(folder: Path) -> None:
    one, other = MemoryNotes(folder), MemoryNotes(folder)
    one.add("gctf", "k", 0, 1)
    other.add("gctf", "k", 0, 2)
    one.add("gctf", "k", 0, 3)
    assert one.peaks("gctf", "k") == other.peaks("gctf", "k") == (1, 2, 3)


def test_the_last_twenty_of_the_last_two_hundred_kinds_are_kept(folder: Path) -> None:
    notes = MemoryNotes(folder)
    for peak in range(1, 31):
        notes.add("gctf", "first", 0, peak)
    assert notes.peaks("gctf", "first") == tuple(range(11, 31))
    for number in range(199):
        notes.add("gctf", f"k{number}", 0, 1)
    assert notes.peaks("gctf", "first")
    notes.add("gctf", "one more", 0, 1)
    assert notes.peaks("gctf", "first") == ()


@pytest.mark.parametrize("peak", [0, -1, 2**31])
def test_what_is_no_memory_is_not_remembered(folder: Path, peak: int) -> None:
    notes = MemoryNotes(folder)
    notes.add("gctf", "k", 0, peak)
    assert notes.peaks("gctf", "k") == ()


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "3", '{"version": 2, "notes": {}}', '{"version": 1}',
        '{"version": 1, "notes": []}', '{"version": 1, "notes": {"k": 3}}',
        '{"version": 1, "notes": {"k": {"peaks": "9"}}}',
        '{"version": 1, "notes": {"k": {"peaks": [true, "x", -4, 1e9, null]}}}', "[" * 100_000,
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_written_anew(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "gctf.json").write_text(text)
    notes = MemoryNotes(folder)
    assert notes.peaks("gctf", "k") == ()
    assert notes.declared("gctf", "k") == 0
    notes.add("gctf", "k", 0, 5)
    assert MemoryNotes(folder).peaks("gctf", "k") == (5,)
    assert json.loads((folder / "gctf.json").read_text())["version"] == 1


def test_a_link_in_its_place_is_neither_followed_nor_written_to(
    folder: Path, tmp_path: Path
) -> None:
    folder.mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (folder / "gctf.json").symlink_to(victim)
    notes = MemoryNotes(folder)
    notes.add("gctf", "k", 0, 5)
    assert victim.read_text() == "precious"
    assert "is a link" in notes.fault
    assert notes.peaks("gctf", "k") == (5,)  # as long as this run lasts
    assert MemoryNotes(folder).peaks("gctf", "k") == ()


def test_a_folder_that_everybody_may_write_to_is_not_trusted(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    notes = MemoryNotes(folder)
    notes.add("gctf", "k", 0, 5)
    assert "everybody on this machine may write" in notes.fault
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_fails_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    notes = MemoryNotes(tmp_path / "file" / "memory")
    notes.add("gctf", "k", 0, 5)
    notes.add("gctf", "k", 0, 6)
    assert notes.fault
    assert notes.peaks("gctf", "k") == (5, 6)


def test_a_disk_that_is_full_leaves_what_was_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = MemoryNotes(folder)
    notes.add("gctf", "k", 0, 5)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        notes.add("gctf", "k", 0, 6)
    assert "No space left" in notes.fault
    assert [one.name for one in folder.iterdir()] == ["gctf.json"]
    assert MemoryNotes(folder).peaks("gctf", "k") == (5,)
    notes.add("gctf", "k", 0, 7)
    assert MemoryNotes(folder).peaks("gctf", "k") == (5, 6, 7)


def test_a_name_that_is_no_file_name_stays_in_the_folder(folder: Path) -> None:
    MemoryNotes(folder).add("../../x", "k", 0, 5)
    assert [one.name for one in folder.iterdir()] == ["_.._x.json"]
    assert MemoryNotes(folder).peaks("../../x", "k") == (5,)


def test_threads_lose_nothing_of_each_other(folder: Path) -> None:
    notes = MemoryNotes(folder)
    threads = [
        threading.Thread(target=notes.add, args=("gctf", f"k{number}", 0, 7)) for number in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {MemoryNotes(folder).peaks("gctf", f"k{number}") for number in range(9)} == {(7,)}
    assert os.listdir(folder) == ["gctf.json"]  # noqa: PTH208


def test_files_are_measured_by_parameter(tmp_path: Path) -> None:
    adapter = Adapter(
        name="prog",
        title="prog: a stand-in",
        program=Program(executable="prog"),
        command=Template(argv=("%(EXE)s",)),
        params={
            "halves": Param(type="path", length=2, help="two maps"),
            "mask": Param(type="path", optional=True, help="a mask"),
            "gone": Param(type="path", optional=True, help="another"),
            "out": Param(type="path", output="o", help="a result"),
            "box": Param(type="int", default=3, help="a number"),
        },
    )
    for name, size in (("a", 3), ("b", 4), ("o", 9)):
        (tmp_path / name).write_bytes(b"x" * size)
    values = {
        "halves": (str(tmp_path / "a"), str(tmp_path / "b")),
        "mask": None,
        "gone": str(tmp_path / "gone"),
        "out": str(tmp_path / "o"),
        "box": 3,
    }
    assert sizes_of(adapter, values) == {"halves": 7}
