"""Processes of ours that nobody waits for: found by the marks in their environment.

Every program is started with ``GPUCORE_RUN`` and ``GPUCORE_STEP``, which its children inherit,
wherever they go: into another session, another process group, to another parent. What replaces
its environment cannot be found.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = [
    "Orphan",
    "boot_id",
    "end_all",
    "end_marked",
    "find_marked",
    "process_start",
    "wait_for_end",
]

_PROC = Path("/proc")
_GRACE = 5.0


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
    found = []
    for entry in os.scandir(_PROC):
        orphan = _marked(int(entry.name)) if entry.name.isdecimal() else None
        if orphan is not None and orphan.run in runs and step in (None, orphan.step):
            found.append(orphan)
    return found


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


def boot_id() -> str:
    """Return the identity of this boot of the machine; empty where there is none."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def wait_for_end(orphan: Orphan, *, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Wait until a process has ended; return False when ``stopped`` says so before."""
    try:
        descriptor = os.pidfd_open(orphan.pid)
    except ProcessLookupError:
        return True
    try:
        # The number may be another's since it was found.
        while process_start(orphan.pid) == orphan.start:
            if select.select([descriptor], [], [], 0.5)[0]:
                return True
            if stopped():
                return False
    finally:
        os.close(descriptor)
    return True


def end_all(runs: Collection[str], step: str | None = None, *, now: bool = False) -> int:
    """End the processes of some runs, or of one step: TERM, and after five seconds KILL.

    Returns
    -------
    int
        How many there were.
    """
    ended: set[tuple[int, str]] = set()
    deadline = time.monotonic() + (0.0 if now else _GRACE)
    number = signal.SIGKILL if now else signal.SIGTERM
    while orphans := find_marked(runs, step):
        if time.monotonic() >= deadline:
            number = signal.SIGKILL
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
        select.select(descriptors, [], [], max(min(deadline - time.monotonic(), 0.5), 0.05))


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


def _marked(pid: int) -> Orphan | None:
    try:
        raw = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return None
    if b"GPUCORE_RUN=" not in raw:
        return None
    marks = dict(
        entry.split(b"=", 1) for entry in raw.split(b"\0") if entry.startswith(b"GPUCORE_")
    )
    run, step = marks.get(b"GPUCORE_RUN"), marks.get(b"GPUCORE_STEP")
    start = process_start(pid)
    if run is None or step is None or not start or pid == os.getpid():
        return None
    return Orphan(pid, start, os.fsdecode(run), os.fsdecode(step))
