"""What failed, alike failures together, each kind with the last lines of a log."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.report.history import Attempt, State
from gpucore.system.logs import last_lines, open_log

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.report.history import History

__all__ = ["FailureKind", "failures_of", "log_file"]

_LINES = 12
_WIDTH = 240
_KINDS = 60
"""So many kinds are told with the last lines of a log; what comes after them is only counted."""
_VARYING = re.compile(r"`[^`]*`|\S*/\S*|\d+")
_FAILED = {State.FAILED, State.RETRIED, State.CUT_OFF}


@dataclass(frozen=True, kw_only=True)
class FailureKind:
    """Attempts that failed for the same reason.

    Parameters
    ----------
    stage, failure, reason, hint : str
        Of the first of them.
    attempts : tuple of Attempt
        In the order of their ends.
    lines : tuple of str
        The last lines of the log of the last that has one.
    shown : Attempt
        The one that the lines are from.
    file : str
        Its log, where it lies now; empty when it is gone.
    """

    stage: str
    failure: str
    reason: str
    hint: str
    attempts: tuple[Attempt, ...]
    lines: tuple[str, ...]
    shown: Attempt
    file: str = ""

    @property
    def for_good(self) -> int:
        """How many steps are failed still."""
        return sum(one.state is not State.RETRIED for one in self.attempts)


def failures_of(history: History, *, within: bool = False) -> list[FailureKind]:
    """Return what failed, those first that nothing mended, then by their number.

    Parameters
    ----------
    history : History
        What happened.
    within : bool
        Whether lines are told only of logs that lie in the output folder, and are no links: what
        others will see must not hold what only this user may read, whatever a journal says.
    """
    groups: dict[tuple[str, str, str], list[Attempt]] = {}
    for one in sorted(history.attempts, key=lambda one: one.ended):
        if one.state in _FAILED and (one.failure or one.event):
            key = (one.stage, one.failure, _VARYING.sub("…", one.reason))
            groups.setdefault(key, []).append(one)
    found = sorted(
        groups.values(),
        key=lambda group: (
            -sum(one.state is not State.RETRIED for one in group),
            -len(group),
        ),
    )
    return [
        _kind(group, history.folder, with_log=place < _KINDS, within=within)
        for place, group in enumerate(found)
    ]


def log_file(folder: str, log: str) -> Path | None:
    """Return where a log lies now, also when its output folder was moved; None when nowhere.

    Parameters
    ----------
    folder : str
        The output folder.
    log : str
        Its path as recorded.
    """
    if not log or "\0" in log:
        return None
    _, mark, below = log.rpartition("/.gpucore/")
    places = [Path(log)]
    if mark and ".." not in below.split("/"):
        places.insert(0, Path(folder) / ".gpucore" / below)
    return next(filter(_is_plain, places), None)


def _is_plain(path: Path) -> bool:
    """Say whether it is a plain file: to open a pipe would wait for ever."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - one way to ask
    except OSError:
        return False


def _kind(group: list[Attempt], folder: str, *, with_log: bool, within: bool) -> FailureKind:
    first = group[0]
    worst = [one for one in group if one.state is not State.RETRIED] or group
    told = worst[-1]
    lines: tuple[str, ...] = ()
    file = ""
    for one in reversed(worst[-3:]) if with_log else ():
        path = log_file(folder, one.log)
        if path is not None and (lines := _tail(_ending(path, folder, one.log, within=within))):
            told, file = one, str(path)
            break
    return FailureKind(
        stage=first.stage,
        failure=first.failure,
        reason=told.reason or "its host died, and nobody saw its end",
        hint=told.hint,
        attempts=tuple(group),
        lines=lines,
        shown=told,
        file=file,
    )


def _ending(path: Path, folder: str, log: str, *, within: bool) -> list[str]:
    if not within:
        return last_lines(str(path))
    descriptor = open_log(Path(folder), log)
    return [] if descriptor is None else last_lines(descriptor)


def _tail(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(
        line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…" for line in list(lines)[-_LINES:]
    )
