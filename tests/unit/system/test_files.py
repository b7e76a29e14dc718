"""Files: looked at, stamped, furnished."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from gpucore.errors import ConfigError
from gpucore.standard.model import Command, FileToWrite, LinkToMake
from gpucore.system.files import (
    file_fault,
    furnish,
    made_anew,
    safe_name,
    stamp,
    stamp_before,
    writable_fault,
)

OLD = 1_000_000_000


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("text")
    os.utime(path, (OLD, OLD))
    return path


@pytest.mark.parametrize("result", [False, True])
def test_a_file_that_is_there_has_no_fault(file, result):
    assert file_fault(str(file), "file", result=result) == ""


@pytest.mark.parametrize("check", ["file", "mrc"])
def test_what_is_no_file_has_a_fault(tmp_path, check):
    (tmp_path / "broken").symlink_to("nowhere")
    assert file_fault(str(tmp_path / "nowhere"), check, result=False) == "it is not there"
    assert file_fault(str(tmp_path / "broken"), check, result=True) == "it is not there"
    assert file_fault(str(tmp_path), check, result=False) == "it is a folder"


def test_an_empty_file_is_no_result_but_may_be_an_input(tmp_path):
    (tmp_path / "empty").touch()
    assert file_fault(str(tmp_path / "empty"), "file", result=True) == "it is empty"
    assert file_fault(str(tmp_path / "empty"), "file", result=False) == ""


def test_a_folder_is_asked_for_by_name(tmp_path, file):
    assert file_fault(str(tmp_path), "directory", result=True) == ""
    assert file_fault(str(file), "directory", result=False) == "it is no folder"
    assert file_fault(str(tmp_path / "nowhere"), "directory", result=False) == "it is no folder"


def test_an_empty_folder_is_no_result_but_may_be_an_input(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert file_fault(str(empty), "directory", result=True) == "it is an empty folder"
    assert file_fault(str(empty), "directory", result=False) == ""
    (empty / "m1.mrc").touch()
    assert file_fault(str(empty), "directory", result=True) == ""


def test_what_is_not_to_be_looked_at_has_no_fault(tmp_path):
    assert file_fault(str(tmp_path / "nowhere"), "any", result=True) == ""


def test_a_file_that_may_not_be_read_has_a_fault(file, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "permission" in file_fault(str(file), "file", result=False)


def test_a_file_that_cannot_be_opened_has_a_fault(file, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert file_fault(str(file), "mrc", result=False) == "it cannot be read (Permission denied)"


def test_a_name_that_is_too_long_has_a_fault(tmp_path):
    assert file_fault(str(tmp_path / ("x" * 300)), "file", result=False)


def test_a_pipe_is_no_image_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert file_fault(str(tmp_path / "pipe"), "mrc", result=False) == "it is no file"


def test_a_damaged_image_has_a_fault(file):
    assert "less than a header" in file_fault(str(file), "mrc", result=False)


def test_a_stamp_tells_what_was_written_from_what_was_not(file):
    before = stamp(str(file))
    assert not made_anew(str(file), before)
    file.write_text("more text")
    assert made_anew(str(file), before)


def test_a_file_of_the_same_size_and_time_in_another_place_is_new(file):
    before = stamp(str(file))
    other = file.with_name("other")
    other.write_text("tixt")
    os.utime(other, (OLD, OLD))
    other.replace(file)
    assert made_anew(str(file), before)


def test_a_file_that_was_not_there_or_is_gone_is_not_the_same(tmp_path, file):
    assert stamp(str(tmp_path / "nowhere")) is None
    assert made_anew(str(file), None)
    before = stamp(str(file))
    file.unlink()
    assert made_anew(str(file), before)


def test_a_file_written_within_one_tick_of_the_clock_is_not_taken_for_the_old_one(file):
    """Two runs within a few milliseconds leave the same size, time and place."""
    now = time.time_ns()
    os.utime(file, ns=(now, now))
    before = stamp(str(file))
    file.write_text("tixt")
    os.utime(file, ns=(now, now))
    assert made_anew(str(file), before)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def test_an_output_in_which_a_program_would_wait_for_ever_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        with pytest.raises(ConfigError, match="is a pipe"):
            stamp_before(str(tmp_path / name))
    (tmp_path / "own").symlink_to("nowhere")
    assert stamp_before(str(tmp_path / "own")) is None
    assert stamp_before(str(tmp_path / "missing")) is None


def test_a_file_whose_name_ends_in_a_slash_is_an_empty_folder(tmp_path):
    command = Command(argv=("prog",), env={}, files=(FileToWrite(name="out/log/", text=""),))
    for _ in range(2):
        furnish(tmp_path, command)
    assert list((tmp_path / "out/log").iterdir()) == []


def test_a_steps_own_directory_gets_files_and_links(folder):
    command = Command(
        argv=("x",),
        files=(FileToWrite(name="in/a.star", text="data_\nÄ\udcff\n"),),
        links=(LinkToMake(name="movie.tif", target="/data/m 1.tif"),),
    )
    for _ in range(2):
        furnish(folder, command)
    assert (folder / "in" / "a.star").read_bytes() == b"data_\n\xc3\x84\xff\n"
    assert (folder / "movie.tif").readlink() == Path("/data/m 1.tif")


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("align/m1", "align_m1"), ("../../etc", "_.._etc"), ("", "_"), ("...", "_"),
        ("-x", "x"), ("a\nb\udcff", "a_b_"), ("Ä", "_"), ("x" * 300, "x" * 100),
    ],
)  # fmt: skip
def test_a_name_for_a_file_is_plain(name, safe):
    assert safe_name(name) == safe


def test_a_folder_that_can_be_made_has_no_fault(tmp_path, file):
    assert writable_fault([tmp_path, tmp_path / "new" / "er"]) == ""
    assert "no folder" in writable_fault([tmp_path, file / "below"])


def test_a_folder_that_may_not_be_written_has_a_fault(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "permission" in writable_fault([tmp_path / "new"])
