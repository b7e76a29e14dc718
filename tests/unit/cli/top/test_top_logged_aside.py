"""What is logged while the screen is drawn is kept, each text once, and said afterwards."""

from __future__ import annotations

import errno
import logging
import os
from typing import TYPE_CHECKING

from gpucore.cli.top import logged_aside
from gpucore.cli.top.logged_aside import LoggedAside

if TYPE_CHECKING:
    import pytest

LOGGER = logging.getLogger("gpucore.system.nvml")


def test_a_warning_is_kept_from_the_screen_and_said_when_it_is_given_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = logging.getLogger("gpucore").handlers[:]
    with LoggedAside() as logged:
        for _ in range(3):
            LOGGER.warning("GPU %d is left out: \x1b[2J", 1)
        LOGGER.info("nothing much")
        logged.emit(logging.LogRecord("", 30, "", 0, "%d", ("a fault of whoever logs",), None))
        assert logged.texts == ("GPU 1 is left out: \\x1b[2J",)
        for number in range(20):
            LOGGER.error("fault %d", number)
        assert len(logged.texts) == 5
        assert capsys.readouterr().err == ""
    said = capsys.readouterr().err.splitlines()
    assert said == [f"warning: fault {number}" for number in range(15, 20)]
    assert logging.getLogger("gpucore").handlers == before


def test_a_terminal_that_is_gone_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: str) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(logged_aside, "talk", gone)
    with LoggedAside():
        logging.getLogger("gpucore").warning("it is hot")
