"""The engine ``local``: this machine.

A program that runs needs no thread; what is to be done before and after it is done by a `Crew`.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
import os
import threading
import time

from gpucore.engines.crew import Crew
from gpucore.errors import ProgramError
from gpucore.plugins.offers import EngineTask, Exit, LostProgramError, Prepared
from gpucore.system.orphans import end_marked
from gpucore.system.processes import Programs

__all__ = ["GRACE", "LocalEngine"]

GRACE = 10.0
"""Seconds between asking a program to end (TERM) and ending it (KILL)."""

_SHEPHERDS = 3
"""How many shepherds are tried for one program: somebody may have ended the first."""


class _Task:
    """A task on its way; what changes here changes under the engine's lock."""

    __slots__ = (
        "beginning", "begun", "code", "error", "heard", "key", "limit", "over", "prepared",
        "programs", "size", "started", "stopped", "survived", "task", "when",
    )  # fmt: skip

    def __init__(self, key: int, task: EngineTask) -> None:
        self.key = key
        self.task = task
        self.prepared: Prepared | None = None
        self.programs: Programs | None = None  # who starts it, once it was handed over
        self.started = time.time()
        self.beginning = False  # it runs, and whoever is told of that has not come back
        self.over = False  # how it ended is known
        self.code: int | None = None
        self.error: Exception | None = None
        self.when = 0.0  # it ended
        self.survived = False  # what it started did, and holds its leases
        self.stopped: bool | None = None  # whether it is to be ended at once; None: not stopped
        self.limit = ""
        self.begun = self.heard = 0.0  # by the monotonic clock; and when it last printed something
        self.size = 0  # of its log


class LocalEngine:
    """Runs programs on this machine.

    Parameters
    ----------
    workers : int
        Programs at once.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._lock = threading.Lock()
        self._empty = threading.Condition(self._lock)
        self._crew = Crew(workers, "gpucore-local")
        self._keys = itertools.count()
        self._tasks: dict[int, _Task] = {}  # by key
        self._steps: dict[int, _Task] = {}
        self._waiting: collections.deque[_Task] = collections.deque()
        self._limited: dict[int, _Task] = {}  # of the thread alone that listens
        self._programs: Programs | None = None
        self._closed = False

    def start(self, task: EngineTask) -> None:
        """Run a task as soon as there is room for it."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            if self._programs is None:
                with contextlib.suppress(ProgramError):  # told when a program is to be started
                    self._open_programs(task.run)
            one = _Task(next(self._keys), task)
            self._steps[task.step] = one
            if len(self._tasks) < self._workers:
                self._admit(one)
            else:
                self._waiting.append(one)

    def stop(self, step: int, *, now: bool = False) -> None:
        """End a task's program and its children, or keep it from being started."""
        with self._lock:
            one = self._steps.get(step)
            if one is None or one.over:
                return
            one.stopped = now or bool(one.stopped)
            if one.programs is not None:
                one.programs.stop(one.key, 0 if now else GRACE)

    def close(self) -> None:
        """Wait for what runs, and let the threads go."""
        with self._lock:
            self._closed = True
            self._empty.wait_for(lambda: not self._tasks)
            programs, self._programs = self._programs, None
        if programs is not None:
            programs.close()
        self._crew.close()

    def started(self, key: int, when: float) -> None:
        """Hear that a program runs."""
        with self._lock:
            one = self._tasks[key]
            one.started = when
            one.begun = one.heard = time.monotonic()
            if one.task.begun is not None:
                one.beginning = True
                self._crew.put(functools.partial(self._begin, one))
        if one.prepared is not None and (one.prepared.wall or one.prepared.quiet):
            self._limited[key] = one

    def failed(self, key: int, error: OSError) -> None:
        """Hear that a program could not be started."""
        self._hear_end(key, None, error, time.time())

    def lost(self, key: int) -> None:
        """Hear that its shepherd was ended."""
        error = LostProgramError(
            "how the program ended is not known: the process that started it was ended",
            hint="look whether the machine ran out of memory (dmesg), or who ended it",
        )
        self._hear_end(key, None, error, time.time())

    def ended(self, key: int, code: int, *, survived: bool, started: float, when: float) -> None:
        """Hear that a program ended."""
        one = self._tasks[key]
        one.started, one.survived = started, survived
        self._hear_end(key, code, None, when)

    def look(self) -> float | None:
        """End programs that broke a limit; return the seconds until to look again."""
        if not self._limited:
            return None
        now = time.monotonic()
        seconds = []
        for key, one in list(self._limited.items()):
            limit, left = _limit(one, now)
            if limit and one.programs is not None:
                del self._limited[key]
                with self._lock:
                    one.limit = limit
                one.programs.stop(key, GRACE)
            else:
                seconds.append(left)
        return min(seconds, default=None)

    def _admit(self, one: _Task) -> None:
        self._tasks[one.key] = one
        self._crew.put(functools.partial(self._prepare, one))

    def _open_programs(self, run: str) -> Programs:
        self._programs = Programs(run, self)
        self._crew.listen(self._programs.listen)
        return self._programs

    def _prepare(self, one: _Task) -> None:
        try:
            if one.stopped is None:
                one.prepared = one.task.prepare()
                if one.prepared.recorded is not None:
                    one.prepared.recorded(functools.partial(self._hand_over, one))
                    return
        except Exception as error:  # noqa: BLE001 - whatever it is, the step must end with it
            one.error = error
            self._finish(one)
        else:
            self._hand_over(one, "")

    def _hand_over(self, one: _Task, fault: str) -> None:
        """Have the program started, unless it was stopped meanwhile; never keeps its thread."""
        with self._lock:
            try:
                if fault:
                    raise ProgramError(f"the program was not started: {fault}", code="E500")
                if one.stopped is None and one.prepared is not None:
                    self._start_program(one, one.prepared)
                    return
            except Exception as error:  # noqa: BLE001 - as above
                one.error = error
            self._crew.put(functools.partial(self._finish, one))

    def _start_program(self, one: _Task, prepared: Prepared) -> None:
        for _ in range(_SHEPHERDS):
            programs = self._programs or self._open_programs(one.task.run)
            # Each word wakes a thread: nothing is told that nobody wants to know.
            tell = one.task.begun is not None or bool(prepared.wall or prepared.quiet)
            if programs.start(one.key, prepared, tell=tell):
                one.programs = programs
                return
            self._programs = None  # its shepherd was killed
        raise ProgramError(
            "no program can be started: whatever starts them is ended at once", code="E500"
        )

    def _begin(self, one: _Task) -> None:
        if one.prepared is not None and one.task.begun is not None:
            with contextlib.suppress(Exception):  # an observer's fault is not the program's
                one.task.begun(one.prepared)
        with self._lock:
            one.beginning = False
            over = one.over
        if over:
            self._finish(one)

    def _hear_end(self, key: int, code: int | None, error: Exception | None, when: float) -> None:
        self._limited.pop(key, None)
        with self._lock:
            one = self._tasks[key]
            one.code, one.error, one.when, one.over = code, error, when, True
            if not one.beginning:
                self._crew.put(functools.partial(self._finish, one))

    def _finish(self, one: _Task) -> None:
        prepared, programs = one.prepared, one.programs
        lost = isinstance(one.error, LostProgramError)
        if prepared is not None and (one.limit or one.stopped is not None or lost):
            # What left the process group (setsid, MPI ranks) still carries the step's marks.
            end_marked(prepared.env)
        with self._lock:
            one.over = True
            del self._tasks[one.key]
            if self._steps.get(one.task.step) is one:
                del self._steps[one.task.step]
            if self._waiting:
                self._admit(self._waiting.popleft())
            elif not self._tasks:
                self._empty.notify_all()
        ended = Exit(
            code=one.code,
            started=one.started,
            ended=one.when or time.time(),
            error=one.error,
            stopped=one.stopped is not None,
            limit=one.limit,
            survived=one.survived,
            prepared=prepared,
            recorded=None if programs is None else functools.partial(programs.take, one.key),
        )
        one.task.ended(ended)


def _limit(one: _Task, now: float) -> tuple[str, float]:
    """Return which limit a program broke, in words, and the seconds until it may have."""
    prepared = one.prepared
    seconds = []
    if prepared is not None and prepared.wall is not None:
        if now >= one.begun + prepared.wall:
            return f"it ran for {prepared.wall:g} seconds", 0.0
        seconds.append(one.begun + prepared.wall - now)
    if prepared is not None and prepared.quiet is not None:
        if (grown := _size(prepared.log)) != one.size:
            one.size, one.heard = grown, now
        if now >= one.heard + prepared.quiet:
            return f"it printed nothing for {prepared.quiet:g} seconds", 0.0
        # Looked at twice in the time, so that the limit is met within half of it.
        seconds.append(min(prepared.quiet / 2, one.heard + prepared.quiet - now))
    return "", min(seconds)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - a string is what there is
    except OSError:
        return 0
