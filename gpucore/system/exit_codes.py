"""The exit codes that a shepherd left when its host was gone; see `gpucore.system.shepherd`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.system.orphans import Orphan, find_shepherds, wait_for_end

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["left_code", "read_status", "settle"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.5


def read_status(status: str) -> int | None:
    """Return the exit code that a shepherd left; None when there is none, or half of one."""
    try:
        text = Path(status).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if re.fullmatch(r"-?[0-9]{1,3}\n", text) else None


def settle(run: str, status: str, stopped: Callable[[], bool]) -> None:
    """Wait until a shepherd has noticed that its host is gone: it starts nothing from then on.

    Parameters
    ----------
    run : str
        The run of the host that is gone.
    status : str
        Where the exit code of one of its steps would be.
    stopped : callable
        Whether to wait no longer.
    """
    _wait(run, lambda: _roster(status) is not None, stopped)


def left_code(run: str, status: str, stopped: Callable[[], bool]) -> int | None:
    """Return the exit code of a step whose host is gone, and whose program was seen to end.

    Returns
    -------
    int or None
        None when the program was never started, or when its shepherd was ended, too.
    """

    def known() -> bool:
        roster = _roster(status)
        return read_status(status) is not None or (
            roster is not None and Path(status).name not in roster
        )

    _wait(run, known, stopped)
    return read_status(status)


def _roster(status: str) -> frozenset[str] | None:
    """Return the names of the exit codes that were still to come when the host was gone."""
    try:
        return frozenset(os.fsdecode(Path(status).with_name("left").read_bytes()).split("\n"))
    except OSError:
        return None


def _wait(run: str, condition: Callable[[], bool], stopped: Callable[[], bool]) -> None:
    """Wait for what a shepherd is about to write, or for its end; it is a matter of a moment."""
    pause = _FIRST_PAUSE
    shepherds: list[Orphan] | None = None
    while not condition() and not stopped():
        if shepherds is None:
            shepherds = find_shepherds(run)
        if not shepherds:
            return
        if wait_for_end(shepherds[0], stopped=stopped, timeout=pause):
            del shepherds[0]
        pause = min(2 * pause, _LONGEST_PAUSE)
