"""What programs print: found by its marks, in bounded memory."""

from __future__ import annotations

import tracemalloc

import pytest

from gpucore.standard import Failure, FailureClass
from gpucore.system.logs import HEAD, TAIL, find_marks, holds_any, last_line

MEMORY = Failure(match=r"out of memory", class_=FailureClass.OUT_OF_MEMORY)
DEVICE = Failure(match=r"^no device \d+$", class_=FailureClass.NO_DEVICE)


@pytest.fixture
def log(tmp_path):
    def write(raw):
        path = tmp_path / "log.txt"
        path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        return str(path)

    return write


def test_marks_are_found_in_the_order_of_the_adapter_each_with_its_first_line(log):
    path = log("a\n  no device 3\nno device 4\nCUDA: out of memory (1)\nout of memory (2)\n")
    assert find_marks(path, [MEMORY, DEVICE]) == [
        (MEMORY, "CUDA: out of memory (1)"),
        (DEVICE, "no device 4"),
    ]


def test_no_mark_finds_nothing(log, tmp_path):
    assert find_marks(log("all is well\n"), [MEMORY, DEVICE]) == []
    assert find_marks(log("out of memory"), []) == []
    assert find_marks(str(tmp_path / "nowhere"), [MEMORY]) == []
    assert find_marks(str(tmp_path), [MEMORY]) == []


def test_carriage_returns_part_lines(log):
    path = log("10%\r20%\rno device 1\r\n30%\r")
    assert find_marks(path, [DEVICE]) == [(DEVICE, "no device 1")]
    assert last_line(path) == "30%"


def test_binary_output_is_searched_too(log):
    path = log(b"\xff\xfe\0\x80 out of memory \xff\n\0\n")
    ((_, line),) = find_marks(path, [MEMORY])
    assert "out of memory" in line
    assert last_line(log(bytes(range(256)) * 10))


@pytest.mark.parametrize("raw", ["", "\n\n", " \r\n\t\n"])
def test_a_log_that_says_nothing_has_no_last_line(log, raw):
    assert last_line(log(raw)) == ""


def test_the_last_line_is_the_last_that_says_something(log, tmp_path):
    assert last_line(log("first\nlast words \n\n  \n")) == "last words"
    assert last_line(str(tmp_path / "nowhere")) == ""


def test_a_huge_log_is_looked_at_from_both_ends_in_bounded_memory(tmp_path):
    path = tmp_path / "log.txt"
    with path.open("wb") as file:
        file.write(b"out of memory\n")
        file.seek(1 << 30)
        file.write(b"\nno device 5\nthe end\n")
    tracemalloc.start()
    try:
        marks = find_marks(str(path), [MEMORY, DEVICE])
        assert last_line(str(path)) == "the end"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [one.class_ for one, _ in marks] == [FailureClass.OUT_OF_MEMORY, FailureClass.NO_DEVICE]
    assert peak < 6 * (HEAD + TAIL)


def test_a_log_that_holds_none_of_some_texts_is_known_without_looking_at_its_lines(log):
    assert holds_any(log("a\nCUDA error\n"), [b"x", b"CUDA err"])
    assert not holds_any(log("a\nCUDA error\n"), [b"x", b"cuda"])
    assert not holds_any(log("a"), [])
    assert not holds_any("/nowhere/at/all", [b"x"])
    middle = b"x" * HEAD + b"needle" + b"x" * TAIL
    assert not holds_any(log(middle), [b"needle"])
    assert holds_any(log(middle + b"needle"), [b"needle"])
