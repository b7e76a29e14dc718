"""The end of a log, as it grows, is cut or begins anew."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gpucore.cli.top import tail
from gpucore.cli.top.tail import LogTail

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.txt"


def add(log: Path, text: bytes) -> None:
    with log.open("ab") as file:
        file.write(text)


def test_lines_are_taken_in_as_they_come(log: Path) -> None:
    shown = LogTail("", str(log))
    assert (shown.look(), list(shown.lines)) == (0, [])
    add(log, b"one\ntwo\nthr")
    assert (shown.look(), list(shown.lines)) == (3, ["one", "two", "thr"])
    assert shown.look() == 0
    add(log, b"ee\nfour\n")
    assert (shown.look(), list(shown.lines)) == (1, ["one", "two", "three", "four"])
    add(log, b"\n")
    assert (shown.look(), shown.lines[-1]) == (1, "")


def test_what_a_terminal_would_obey_is_shown_as_its_code(log: Path) -> None:
    add(log, b"\x1b[2Ja\tb\xff\n\xe2\x80\xaeleft\n10 %\r20 %\r30 %\r\n")
    shown = LogTail("", str(log))
    shown.look()
    assert list(shown.lines) == ["\\x1b[2Ja   b\ufffd", "\\u202eleft", "30 %"]


def test_of_a_large_log_the_end_is_shown_and_that_it_is_the_end(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "_FIRST_LOOK", 100)
    monkeypatch.setattr(tail, "_BLOCK", 1000)
    add(log, b"".join(b"line %d\n" % number for number in range(100)))
    shown = LogTail("", str(log))
    shown.look()
    assert shown.lines[0].startswith("… what came before is not shown")
    assert shown.lines[-1] == "line 99"
    # It writes faster than anybody looks.
    add(log, b"".join(b"more %d\n" % number for number in range(1000)))
    shown.look()
    assert shown.lines[-1] == "more 999"
    assert sum("is not shown" in line for line in shown.lines) == 2


def test_lines_without_an_end_and_many_lines_take_no_memory(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "_LINES", 50)
    add(log, b"x" * 200_000)
    shown = LogTail("", str(log))
    shown.look()
    assert len(shown.lines[-1]) == 2_001
    add(log, b"\n" * 200)
    shown.look()
    assert len(shown.lines) == 50


def test_a_log_that_begins_anew_is_shown_anew(log: Path) -> None:
    shown = LogTail("", str(log))
    add(log, b"first attempt\n")
    shown.look()
    log.write_bytes(b"second\n")
    shown.look()
    assert list(shown.lines) == ["second"]
    other = log.with_name("other")
    other.write_bytes(b"third, of the same name\n")
    other.replace(log)
    shown.look()
    assert list(shown.lines) == ["third, of the same name"]


def test_a_log_that_cannot_be_read_says_why(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write_bytes(b"x\n")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    shown = LogTail("", str(log))
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.open", refuse)
        assert (shown.look(), shown.look()) == (1, 0)
    assert list(shown.lines) == ["the log cannot be read (Permission denied)"]


def test_a_pipe_in_its_place_is_not_waited_for(log: Path) -> None:
    os.mkfifo(log)
    shown = LogTail("", str(log))
    assert (shown.look(), list(shown.lines)) == (0, [])
