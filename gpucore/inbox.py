"""Steps that many threads submit at once: left for one of them to take in, so that none waits."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from gpucore.futures import StepFuture
    from gpucore.record import Earlier
    from gpucore.standard.model import Need
    from gpucore.standard.step import Step

__all__ = ["Inbox", "Posted", "call"]

_MOST = 1024
"""Steps that are left to others; a thread that finds more waits until it can take them in."""


class Posted(NamedTuple):
    """A step that was submitted; ``after``: those that it waits for."""

    step: Step
    need: Need
    after: tuple[StepFuture, ...]
    future: StepFuture
    earlier: Earlier
    priority: int


class Inbox:
    """What was submitted and is not taken in yet, in the order of submission.

    A thread that submits does not wait for the lock while others have it: it leaves its step to
    them. With many threads each would otherwise be put to sleep and woken for every single step.

    Parameters
    ----------
    lock : Lock
        Held while steps are taken in. Whoever held it calls `take_over` when it has let it go, or
        a step may be left that came meanwhile; `held` does both.
    enter : callable
        Takes one in, under the lock; returns what is to be done outside it.
    report : callable
        Has something done by the thread that hosts may keep.
    """

    def __init__(
        self,
        lock: threading.Lock,
        enter: Callable[[Posted], Sequence[Callable[[], None]]],
        report: Callable[[Callable[[], None]], None],
    ) -> None:
        self._lock = lock
        self._enter = enter
        self._report = report
        self._posted: deque[Posted] = deque()

    def post(self, posted: Posted) -> None:
        """Submit a step; when this returns some thread has taken it in, or is about to."""
        self._posted.append(posted)
        if len(self._posted) > _MOST:
            self.catch_up()
        self.take_over(posted)

    def catch_up(self) -> None:
        """Take in all that was submitted up to now."""
        with self._lock:
            self.take_in()
        self.take_over()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; what was left meanwhile is taken in when it is let go."""
        try:
            with self._lock:
                yield
        finally:
            self.take_over()

    def take_over(self, own: Posted | None = None) -> None:
        """Take in what there is, unless another thread is at it: that one does so before it goes.

        Parameters
        ----------
        own : Posted or None
            What the calling thread has submitted.
        """
        while self._posted and self._lock.acquire(blocking=False):
            try:
                later = self.take_in(own)
            finally:
                self._lock.release()
            call(later)

    def take_in(self, own: Posted | None = None) -> Sequence[Callable[[], None]]:
        """Take in what there is, under the lock; return what follows for the caller's own step.

        What follows for the steps of others is left to the thread that hosts may keep: the caller
        may hold a lock of its program's, for which their callbacks wait.
        """
        mine: Sequence[Callable[[], None]] = ()
        for _ in range(len(self._posted)):
            posted = self._posted.popleft()
            later = self._enter(posted)
            if later and posted is own:
                mine = later
            elif later:
                self._report(partial(call, later))
        return mine


def call(later: Sequence[Callable[[], None]]) -> None:
    """Do what was put off."""
    for one in later:
        one()
