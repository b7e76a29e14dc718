"""Processes of ours that nobody waits for: found by the marks in their environment.

Every program is started with ``GPUCORE_RUN`` and ``GPUCORE_STEP``, which its children inherit,
wherever they go: into another session, another process group, to another parent. What replaces
its environment cannot be found.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import select
import signal
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

__all__ = [
    "SHEPHERD_MARK",
    "Orphan",
    "boot_id",
    "end_all",
    "end_marked",
    "find_marked",
    "find_shepherds",
    "is_ours",
    "marks_of",
    "process_start",
    "wait_for_end",
]

SHEPHERD_MARK = "GPUCORE_SHEPHERD"
"""In a shepherd's environment: the run that it works for."""

_PROC = Path("/proc")
_LOGGER = logging.getLogger(__name__)
_GRACE = 5.0
_PATIENCE = 30.0
_LOOK = 0.5
_DEEPEST = 64


@dataclass(frozen=True)
class Orphan:
    """A process with our marks.

    Parameters
    ----------
    pid : int
        Its number.
    start : str
        When it began, in the kernel's ticks since boot: with the number it is unique.
    run, step : str
        Its marks.
    """

    pid: int
    start: str
    run: str
    step: str


def find_marked(runs: Collection[str], step: str | None = None) -> list[Orphan]:
    """Return the living processes of some runs, or of one step of theirs.

    Only processes that this user may look into are seen.
    """
    return [
        orphan
        for pid, marks in _environments()
        if marks.get("GPUCORE_RUN") in runs
        and "GPUCORE_STEP" in marks
        and step in (None, marks["GPUCORE_STEP"])
        and (orphan := _orphan(pid, marks)) is not None
    ]


def find_shepherds(run: str) -> list[Orphan]:
    """Return the living process that starts a run's programs; none when it has ended."""
    return [
        orphan
        for pid, marks in _environments()
        if marks.get(SHEPHERD_MARK) == run
        and "GPUCORE_STEP" not in marks
        and (orphan := _orphan(pid, marks)) is not None
    ]


def marks_of(pid: int) -> tuple[str, str]:
    """Return the run and the step that a process belongs to; empty when it has no marks.

    Those of another user's process cannot be read.
    """
    marks = _marks(pid)
    return marks.get("GPUCORE_RUN", ""), marks.get("GPUCORE_STEP", "")


def is_ours(pid: int) -> bool:
    """Say whether a process is this one, or was started by it or by what it started."""
    own, seen = os.getpid(), 0
    while pid > 1 and seen < _DEEPEST:
        if pid == own:
            return True
        try:
            stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        pid, seen = int(stat.rpartition(")")[2].split()[1]), seen + 1
    return False


def process_start(pid: int) -> str:
    """Return when a process began, in ticks since boot; empty when it is not there."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name, in parentheses, may hold blanks and parentheses of its own.
    fields = stat.rpartition(")")[2].split()
    # Field 3 is the state, field 22 the start.
    return "" if fields[0] in "ZX" else fields[19]


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return the identity of this boot of the machine; empty where there is none."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def wait_for_end(
    orphan: Orphan,
    *,
    stopped: Callable[[], bool] = lambda: False,
    timeout: float | None = None,
) -> bool:
    """Wait until a process has ended; return False when ``stopped`` says so, or time is over.

    Parameters
    ----------
    orphan : Orphan
        The process.
    stopped : callable
        Asked twice a second.
    timeout : float, optional
        Seconds; for ever by default.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        descriptor = os.pidfd_open(orphan.pid)
    except ProcessLookupError:
        return True
    try:
        # The number may be another's since it was found.
        while process_start(orphan.pid) == orphan.start:
            left = _LOOK if deadline is None else min(deadline - time.monotonic(), _LOOK)
            if first_to_end([descriptor], left):
                return True
            if stopped() or (deadline is not None and time.monotonic() >= deadline):
                return False
    finally:
        os.close(descriptor)
    return True


def first_to_end(descriptors: Collection[int], seconds: float) -> bool:
    """Wait until one of some processes, named by their descriptors, has ended; say whether.

    Not by `select.select`: a host may have a thousand files open, and it knows no more.
    """
    events = select.poll()
    for one in descriptors:
        events.register(one, select.POLLIN)
    return bool(events.poll(math.ceil(max(seconds, 0.0) * 1000)))


def end_all(runs: Collection[str], step: str | None = None, *, now: bool = False) -> int:
    """End the processes of some runs, or of one step: TERM, and after five seconds KILL.

    One that the kernel does not let go (a driver or a file server that hangs) is given up after
    half a minute; the log says which.

    Returns
    -------
    int
        How many there were.
    """
    ended: set[tuple[int, str]] = set()
    deadline = time.monotonic() + (0.0 if now else _GRACE)
    given_up = deadline + _PATIENCE
    number = signal.SIGKILL if now else signal.SIGTERM
    while orphans := find_marked(runs, step):
        if time.monotonic() >= deadline:
            number = signal.SIGKILL
        if time.monotonic() >= given_up:
            pids = ", ".join(str(orphan.pid) for orphan in orphans)
            _LOGGER.error("processes that cannot be ended, not even by SIGKILL: %s", pids)
            break
        for orphan in orphans:
            if number == signal.SIGKILL or (orphan.pid, orphan.start) not in ended:
                _signal(orphan, number)
            ended.add((orphan.pid, orphan.start))
        _until_one_ends(orphans, deadline)
    return len(ended)


def end_marked(environment: Mapping[str, str]) -> int:
    """End what carries the marks of an environment; return how many processes that were."""
    run, step = environment.get("GPUCORE_RUN"), environment.get("GPUCORE_STEP")
    return end_all((run,), step) if run and step else 0


def _until_one_ends(orphans: list[Orphan], deadline: float) -> None:
    with contextlib.ExitStack() as opened:
        descriptors = []
        for orphan in orphans:
            try:
                descriptor = os.pidfd_open(orphan.pid)
            except OSError:
                return
            opened.callback(os.close, descriptor)
            descriptors.append(descriptor)
        first_to_end(descriptors, max(min(deadline - time.monotonic(), 0.5), 0.05))


def _signal(orphan: Orphan, number: int) -> None:
    try:
        descriptor = os.pidfd_open(orphan.pid)
    except OSError:
        return
    try:
        if process_start(orphan.pid) == orphan.start:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(descriptor, number)
    finally:
        os.close(descriptor)


def _environments() -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each other process that carries marks of ours, and these."""
    for entry in os.scandir(_PROC):
        if not entry.name.isdecimal() or (pid := int(entry.name)) == os.getpid():
            continue
        if marks := _marks(pid):
            yield pid, marks


def _marks(pid: int) -> dict[str, str]:
    try:
        raw = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    if b"GPUCORE_" not in raw:
        return {}
    pairs = (one.split(b"=", 1) for one in raw.split(b"\0") if one.startswith(b"GPUCORE_"))
    return {os.fsdecode(pair[0]): os.fsdecode(pair[-1]) for pair in map(list, pairs)}


def _orphan(pid: int, marks: Mapping[str, str]) -> Orphan | None:
    start = process_start(pid)
    if not start:
        return None
    return Orphan(pid, start, marks.get("GPUCORE_RUN", ""), marks.get("GPUCORE_STEP", ""))
