"""Logs as they are shown: the end of a file in the output folder, as text, and nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gpucore.serving.log_tail import MOST, read_log
from gpucore.system.logs import open_log

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an output folder with a log, beside which a secret lies."""
    (tmp_path / "secret").write_text("a secret")
    log = tmp_path / "out" / ".gpucore" / "runs" / "first" / "log"
    log.mkdir(parents=True)
    (log / "m1.txt").write_text("one\ntwo\n")
    return tmp_path / "out"


def recorded(folder: Path, name: str = "m1.txt") -> str:
    """Return where a journal says that a log is."""
    return f"{folder}/.gpucore/runs/first/log/{name}"


def read(folder: Path, log: str) -> str | None:
    """Return the text of a log."""
    descriptor = open_log(folder, log)
    if descriptor is None:
        return None
    try:
        return read_log(descriptor).text
    finally:
        os.close(descriptor)


def test_a_log_is_found_in_its_folder_also_when_that_was_moved(folder: Path) -> None:
    assert read(folder, recorded(folder)) == "one\ntwo\n"
    moved = folder.rename(folder.with_name("moved"))
    assert read(moved, recorded(folder)) == "one\ntwo\n"


@pytest.mark.parametrize(
    "log",
    [
        "",
        "/etc/passwd",
        "{0}/secret",
        "{0}/out/.gpucore/../../secret",
        "{0}/out/.gpucore/runs/../../../secret",
        "{0}/out/.gpucore/",
        "{0}/out/.gpucore//secret",
        "{0}/out/.gpucore/./secret",
        "{0}/out/.gpucore/runs",
        "{0}/out/.gpucore/runs/first/log/none.txt",
        "{0}/out/.gpucore/\0",
        "{0}/out/.gpucore/\udcff/m1.txt",
    ],
)
def test_what_is_not_below_the_folder_is_not_read(folder: Path, log: str) -> None:
    assert read(folder, log.format(folder.parent)) is None


def test_no_link_leads_out_of_the_folder(folder: Path) -> None:
    logs = folder / ".gpucore" / "runs" / "first" / "log"
    (logs / "m2.txt").symlink_to(folder.parent / "secret")
    (logs / "deep").symlink_to(folder.parent, target_is_directory=True)
    assert read(folder, recorded(folder, "m2.txt")) is None
    assert read(folder, recorded(folder, "deep/secret")) is None


def test_a_link_in_place_of_the_hidden_folder_is_not_followed(folder: Path) -> None:
    hidden = folder / ".gpucore"
    hidden.rename(folder.parent / "elsewhere")
    hidden.symlink_to(folder.parent / "elsewhere", target_is_directory=True)
    assert read(folder, recorded(folder)) is None


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_of_one_long_line_the_last_part_is_given(folder: Path, end: bytes) -> None:
    # A bar of progress that is written over itself again and again.
    text, start, stop = part(folder, b"\r  50 %" * 20_000 + end)
    assert text.strip().endswith("50 %")
    assert (len(text), stop - start) == (MOST, MOST)


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / ".gpucore" / "runs" / "first" / "log" / "m2.txt")
    assert read(folder, recorded(folder, "m2.txt")) is None


def part(
    folder: Path, content: bytes, start: int | None = None, *, ended: bool = True
) -> tuple[str, int, int]:
    """Return the text of a part, and from where to where it goes."""
    log = folder / ".gpucore" / "runs" / "first" / "log" / "m1.txt"
    log.write_bytes(content)
    descriptor = open_log(folder, str(log))
    assert descriptor is not None
    try:
        found = read_log(descriptor, start, ended=ended)
    finally:
        os.close(descriptor)
    return found.text, found.start, found.end


def test_of_a_long_log_the_last_lines_are_given(folder: Path) -> None:
    lines = b"".join(b"line %06d\n" % n for n in range(20_000))
    text, start, end = part(folder, lines)
    assert text.endswith("line 019999\n")
    assert text.startswith("line ")
    assert MOST - 12 <= len(text) <= MOST
    assert (start, end) == (len(lines) - len(text), len(lines))


def test_a_log_without_lines_is_bounded_too(folder: Path) -> None:
    text, start, end = part(folder, "é".encode() * MOST)
    assert set(text) == {"é"}
    assert end - start == MOST
    text, start, end = part(folder, b"x" + "é".encode() * MOST)
    assert set(text) == {"é"}
    assert end == 2 * MOST + 1


def test_a_log_is_followed_from_where_the_last_part_ended(folder: Path) -> None:
    assert part(folder, b"one\n") == ("one\n", 0, 4)
    assert part(folder, b"one\ntwo\n", 4) == ("two\n", 4, 8)
    assert part(folder, b"one\ntwo\n", 8) == ("", 8, 8)


def test_a_log_that_was_begun_anew_is_given_from_its_beginning(folder: Path) -> None:
    assert part(folder, b"new\n", 4000) == ("new\n", 0, 4)


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_character_is_never_torn(folder: Path, cut: int) -> None:
    whole = "a😀".encode()
    text, _, end = part(folder, whole[: 1 + cut], 0, ended=False)
    assert (text, end) == ("a", 1)
    assert part(folder, whole, end, ended=False)[0] == "😀"


def test_a_program_that_ended_in_a_torn_character_is_shown_all_the_same(folder: Path) -> None:
    assert part(folder, b"a\xf0\x9f", 0, ended=True) == ("a\ufffd", 0, 3)
    assert part(folder, b"a\xff\xff\xff\xff", 0, ended=False)[0] == "a" + 4 * "\ufffd"


def test_what_steers_is_shown_by_its_code(folder: Path) -> None:
    content = "a\tb\r\nc\x1b[2J\u202e\x00".encode()
    assert part(folder, content)[0] == "a\tb\r\nc\\x1b[2J\\u202e\\x00"
