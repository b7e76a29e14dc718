"""The threads in which a protocol's steps run: each runs one at a time, and then the next."""

from __future__ import annotations

import contextvars
import datetime
import logging
import queue
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from pyworkflow.protocol.executor import StepThread

from gpucore.hosts.scipion.holds import Hold, holding
from gpucore.hosts.scipion.threaded import StepEnd

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.hosts.scipion.readiness import ScipionStep

__all__ = ["StepThreads"]

_LOGGER = logging.getLogger(__name__)


class _Work(NamedTuple):
    step: ScipionStep
    number: int
    hold: Hold
    post: Callable[[StepEnd], None]


class StepThreads:
    """As many threads as steps have run at once.

    A new thread for each step, as pyworkflow has it, would keep whoever starts it waiting until
    the step's code has got going: a millisecond, in which a GPU of another step is idle.
    """

    def __init__(self) -> None:
        self._all: list[_Thread] = []
        self._idle: list[_Thread] = []

    def begin(
        self, step: ScipionStep, number: int, hold: Hold, post: Callable[[StepEnd], None]
    ) -> None:
        """Run a step's code; ``post`` is told how it ended."""
        work = _Work(step, number, hold, post)
        if self._idle:
            self._idle.pop().works.put(work)
            return
        thread = _Thread(work, self._idle.append)
        thread.start()
        self._all.append(thread)

    def close(self) -> None:
        """Let the threads go; one that still runs a step goes when that has ended."""
        for thread in self._all:
            thread.works.put(None)


class _Thread(StepThread):  # type: ignore[misc] # pyworkflow has no types
    """The thread of the step that it runs; plugins ask it for ``thId`` and ``needsGPU()``."""

    def __init__(self, first: _Work, free: Callable[[_Thread], Any]) -> None:
        StepThread.__init__(self, first.step, threading.Lock())
        self.daemon = True
        self.works: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self.works.put(first)
        self._free = free

    def run(self) -> None:
        """Run steps until there are no more."""
        while (work := self.works.get()) is not None:
            self.step, self.thId = work.step, work.step.getObjId()
            # As in a thread of its own, nothing that an earlier step has set is left.
            end = contextvars.Context().run(_end_of, work)
            self._free(self)
            work.post(end)


def _end_of(work: _Work) -> StepEnd:
    """Run a step's code; return how it ended."""
    error = ""
    try:
        with holding(work.hold):
            work.step._run()  # noqa: SLF001 - what pyworkflow's own thread calls
    except BaseException as fault:  # `sys.exit` in a step is no good end
        error = str(fault) or type(fault).__name__
        _LOGGER.exception("the code of step %s ended with an error", work.step)
    try:
        work.hold.give_back()
    except Exception:
        _LOGGER.exception("what step %s held is not given back", work.step)
    return StepEnd(work.number, error, datetime.datetime.now())
