"""A protocol's steps side by side, each in a thread of its own; nothing polls."""

from __future__ import annotations

import contextlib
import logging
import queue
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from gpucore.hosts.scipion.readiness import Readiness

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable, Sequence

    from gpucore.hosts.scipion.calls import Calls
    from gpucore.hosts.scipion.gpus import ProtocolGpus
    from gpucore.hosts.scipion.readiness import ScipionStep
    from gpucore.scheduling import Grant

__all__ = ["StepEnd", "ThreadedRun"]

_LOGGER = logging.getLogger(__name__)
_INTERACTIVE = "interactive"


class StepEnd(NamedTuple):
    """The end of a step, as its thread tells it; an empty error: it ended well."""

    number: int
    error: str
    time: datetime.datetime


class _Granted(NamedTuple):
    number: int
    grant: Grant


class _Inserted(NamedTuple):
    """Another thread inserted a step."""


_Word: TypeAlias = "StepEnd | _Granted | _Inserted"


class _Thread(Protocol):
    def start(self) -> None: ...


class ThreadedRun:
    """Runs steps as workers and GPUs become free.

    One thread, the protocol's own, starts steps and tells the protocol of them: its databases are
    not made for more. All others post to its inbox.

    Parameters
    ----------
    steps : sequence
        The protocol's own list; it may grow.
    gpus : ProtocolGpus
        Gives workers and slots.
    calls : Calls
        Tells the protocol of what happens.
    wants_gpu : callable
        Whether a step is to get a slot.
    thread : callable
        ``thread(step, number, place, grant, post)`` makes the thread of a step, which posts its
        `StepEnd`.
    grouped : callable
        What several words to the protocol are put into, so that they are written down at once.
    """

    def __init__(
        self,
        steps: Sequence[ScipionStep],
        gpus: ProtocolGpus,
        calls: Calls,
        wants_gpu: Callable[[ScipionStep], bool],
        thread: Callable[[ScipionStep, int, int, Grant, Callable[[StepEnd], None]], _Thread],
        grouped: Callable[[], contextlib.AbstractContextManager[Any]] = contextlib.nullcontext,
    ) -> None:
        self._steps = steps
        self._gpus = gpus
        self._calls = calls
        self._wants_gpu = wants_gpu
        self._thread = thread
        self._grouped = grouped
        self._readiness = Readiness(steps)
        self._inbox: queue.SimpleQueue[_Word] = queue.SimpleQueue()
        self._asked: dict[int, int] = {}
        self._running: dict[int, int] = {}
        self._stopping = False
        calls.wake = lambda: self._inbox.put(_Inserted())

    def run(self) -> None:
        """Run all steps, and those that they insert.

        Raises
        ------
        GpucoreError
            When steps are left that nothing will ever let start.
        Exception
            What a callback raises, once the steps that run have ended.
        """
        try:
            self._ask(self._readiness.look())
            while self._goes_on():
                self._take_in(self._listen(wait=True))
        except Exception:
            self._stop()
            self._wait_for_the_rest()
            raise
        self._calls.check()

    def _goes_on(self) -> bool:
        if self._running or self._asked:
            return True
        if self._stopping:
            return False
        if self._readiness.waiting:
            return True
        ready = self._calls.last_look(self._readiness)
        self._ask(ready)
        return bool(ready) or self._readiness.waiting

    def _ask(self, places: Sequence[int]) -> None:
        for place in places:
            gpu = self._wants_gpu(self._steps[place])
            self._asked[self._gpus.ask(self._granted, gpu=gpu)] = place

    def _granted(self, number: int, grant: Grant) -> None:
        self._inbox.put(_Granted(number, grant))

    def _listen(self, *, wait: bool) -> list[_Word]:
        words: list[_Word] = []
        with contextlib.suppress(queue.Empty):
            if wait:
                words.append(self._inbox.get(timeout=None if self._stopping else self._calls.left))
            while True:
                words.append(self._inbox.get_nowait())
        return words

    def _take_in(self, words: list[_Word]) -> None:
        ended = self._settle(words)
        # What these gave back may have let others start. They go first: the record of what has
        # ended is made while they run.
        more = self._listen(wait=False)
        ended += self._settle(more)
        granted = [word for word in (*words, *more) if isinstance(word, _Granted)]
        if granted or ended:
            with self._grouped():
                self._start(granted)
                self._finish(ended)
        if not self._stopping and self._calls.is_due:
            self._calls.check()
            self._ask(self._readiness.look())

    def _settle(self, words: Sequence[_Word]) -> list[int]:
        """Say of each step that has ended how, and give back what it had; return their places."""
        places = []
        for end in words:
            if not isinstance(end, StepEnd):
                continue
            place = self._running.pop(end.number)
            step = self._steps[place]
            if end.error:
                step.setFailed(end.error)
            elif step.isInteractive():
                step.setStatus(_INTERACTIVE)
            else:
                step.setFinished()
            step.endTime.set(end.time)
            if end.error or step.isInteractive():
                self._stop()
            self._gpus.give(end.number)
            places.append(place)
        return places

    def _start(self, granted: Sequence[_Granted]) -> None:
        chosen: list[tuple[int, int, Grant]] = []
        for number, grant in granted:
            place = self._asked.pop(number)
            if not self._stopping and self._readiness.can_start(place):
                chosen.append((number, place, grant))
            else:
                self._readiness.put_back(place)
                self._gpus.give(number)
        try:
            for number, place, grant in chosen:
                step = self._steps[place]
                step.setRunning()
                self._calls.started(step)
                self._thread(step, number, place, grant, self._inbox.put).start()
                self._running[number] = place
        except BaseException:
            for number, _, _ in chosen:
                if number not in self._running:
                    self._gpus.give(number)
            raise

    def _finish(self, places: Sequence[int]) -> None:
        """Tell the protocol of steps that have ended, and go on with what waited for them."""
        faults: list[Exception] = []
        for place in places:
            goes_on = False
            try:
                goes_on = self._calls.finished(self._steps[place])
            except Exception as fault:  # noqa: BLE001 - raised below, once all are told
                faults.append(fault)
            if not goes_on:
                self._stop()
        if faults:
            raise faults[0]
        if places and not self._stopping:
            for place in places:
                self._ask(self._readiness.after(place))
            self._ask(self._readiness.appended())

    def _stop(self) -> None:
        """Start nothing more."""
        if self._running and not self._stopping:
            _LOGGER.info("no step is started any more; %d still run", len(self._running))
        self._stopping = True
        for number in list(self._asked):
            if self._gpus.withdraw(number):
                del self._asked[number]

    def _wait_for_the_rest(self) -> None:
        """Wait for what runs when the run has failed: its GPUs are in use until then."""
        while self._running or self._asked:
            try:
                self._take_in(self._listen(wait=True))
            except Exception:
                _LOGGER.exception("the end of a step is not on record")
