"""A protocol's steps side by side, each in another thread; nothing polls."""

from __future__ import annotations

import contextlib
import logging
import queue
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from gpucore.hosts.scipion.readiness import Readiness
from gpucore.hosts.scipion.recording import Recording

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
_LINGER = 0.01
"""Seconds for which the next word is waited for before what is recorded goes to disk."""


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
    begin : callable
        ``begin(step, number, place, grant, post)`` runs a step in another thread, which posts its
        `StepEnd`.
    recording : Recording
        Writes to disk at once what the protocol records of several steps.
    """

    def __init__(
        self,
        steps: Sequence[ScipionStep],
        gpus: ProtocolGpus,
        calls: Calls,
        wants_gpu: Callable[[ScipionStep], bool],
        begin: Callable[[ScipionStep, int, int, Grant, Callable[[StepEnd], None]], object],
        recording: Recording | None = None,
    ) -> None:
        self._steps = steps
        self._gpus = gpus
        self._calls = calls
        self._wants_gpu = wants_gpu
        self._begin = begin
        self._recording = recording or Recording()
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
                self._take_in(self._listen())
        except Exception:
            self._stop()
            self._wait_for_the_rest()
            raise
        finally:
            self._recording.settle()
        self._calls.check()

    def _goes_on(self) -> bool:
        if self._running or self._asked:
            return True
        if self._stopping:
            return False
        if self._readiness.waiting:
            return True
        self._recording.settle()
        ready = self._calls.last_look(self._readiness)
        self._ask(ready)
        return bool(ready) or self._readiness.waiting

    def _ask(self, places: Sequence[int]) -> None:
        for place in places:
            gpu = self._wants_gpu(self._steps[place])
            self._asked[self._gpus.ask(self._granted, gpu=gpu)] = place

    def _granted(self, number: int, grant: Grant) -> None:
        self._inbox.put(_Granted(number, grant))

    def _listen(self) -> list[_Word]:
        """Return what was posted since; wait for it if that is nothing."""
        if self._recording.is_late:
            self._recording.settle()
        words = self._hear(0.0)
        if not words and self._recording.owes:
            words = self._hear(_LINGER)
            if not words:
                self._recording.settle()
        return words or self._hear(None if self._stopping else self._calls.left)

    def _hear(self, seconds: float | None) -> list[_Word]:
        words: list[_Word] = []
        with contextlib.suppress(queue.Empty):
            words.append(self._inbox.get(block=seconds != 0.0, timeout=seconds))
            while True:
                words.append(self._inbox.get_nowait())
        return words

    def _take_in(self, words: list[_Word]) -> None:
        ended = self._settle(words)
        # What these gave back may have let others start. They go first: the record of what has
        # ended is made while they run.
        more = self._hear(0.0)
        ended += self._settle(more)
        granted = [word for word in (*words, *more) if isinstance(word, _Granted)]
        try:
            if granted:
                self._start(granted)
        finally:
            if ended:
                self._finish(ended)
        if not self._stopping and self._calls.is_due:
            self._recording.settle()
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
        """Start the steps that can; they begin when that is on disk."""
        chosen: list[_Granted] = []
        try:
            with self._recording.group():
                faults = self._record_starts(granted, chosen)
            if chosen:
                self._recording.write_steps()
            for number, grant in chosen:
                place = self._asked[number]
                self._begin(self._steps[place], number, place, grant, self._inbox.put)
                self._running[number] = self._asked.pop(number)
        except BaseException:
            for number, _ in chosen:
                if number not in self._running:
                    del self._asked[number]
                    self._gpus.give(number)
            raise
        if faults:
            raise faults[0]

    def _record_starts(
        self, granted: Sequence[_Granted], chosen: list[_Granted]
    ) -> list[Exception]:
        """Tell the protocol of the steps that start, and choose these; the others give back."""
        faults: list[Exception] = []
        for word in granted:
            place = self._asked[word.number]
            if faults or self._stopping or not self._readiness.can_start(place):
                self._readiness.put_back(place)
            else:
                step = self._steps[place]
                step.setRunning()
                try:
                    self._calls.started(step)
                except Exception as fault:  # noqa: BLE001 - raised later: others were told to start
                    faults.append(fault)
                else:
                    chosen.append(word)
                    continue
            del self._asked[word.number]
            self._gpus.give(word.number)
        return faults

    def _finish(self, places: Sequence[int]) -> None:
        """Tell the protocol of steps that have ended, and go on with what waited for them."""
        faults: list[Exception] = []
        with self._recording.group():
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
        if not self._stopping:
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
                self._take_in(self._listen())
            except Exception:
                _LOGGER.exception("the end of a step is not on record")
