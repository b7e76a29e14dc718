"""The terminal that the live view takes over: whether there is one, and what is waited for."""

from __future__ import annotations

import os
import resource
import sys
from typing import TYPE_CHECKING

import pytest

from gpucore.cli.top.screen import Screen, Signals, can_draw

if TYPE_CHECKING:
    from collections.abc import Iterator

HIGH = 1100
"""More than the 1,024 that ``select`` knows."""


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return what writes to a standard input whose descriptor has a high number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * HIGH, hard), hard))
    reading, writing = os.pipe()
    os.dup2(reading, HIGH)
    os.close(reading)
    with (
        open(HIGH, encoding="utf-8") as keys,
        open(os.devnull, "w", encoding="utf-8") as shown,  # noqa: PTH123
    ):
        monkeypatch.setattr(sys, "stdin", keys)
        monkeypatch.setattr(sys, "stdout", shown)
        yield writing
        monkeypatch.undo()
    os.close(writing)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_keys_come_from_a_descriptor_of_any_number(keyboard: int) -> None:
    screen = Screen()
    with Signals() as signals:
        assert screen.wait(signals, 0.0) == []
        os.write(keyboard, b"jk")
        assert screen.wait(signals, 60.0) == ["j", "k"]
        signals.wake()
        assert screen.wait(signals, 60.0) == []
        assert signals.take() == [0]
        # An Esc by itself is one as soon as nothing follows.
        os.write(keyboard, b"\x1b")
        assert screen.wait(signals, 60.0) == []
        assert screen.wait(signals, 60.0) == ["escape"]
    screen.__exit__()


@pytest.mark.parametrize("name", ["stdin", "stdout"])
def test_where_a_stream_is_closed_nothing_is_drawn(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, name, None)
    assert not can_draw()
