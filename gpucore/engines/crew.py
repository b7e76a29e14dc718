"""Threads for an engine: as few as get the work done, for they share one interpreter."""

from __future__ import annotations

import collections
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Crew"]

_STALL = 0.01
"""Seconds without a job done until another thread takes part."""


class Crew:
    """Threads that do jobs, and one of which listens when it has nothing else to do.

    As long as jobs are short one thread does them all, the one that heard of them: no word has to
    be passed on between a program's end and the next one's start. When a job is kept (by a file
    system that is slow, by a lease that is another run's) others take part a hundredth of a second
    later.

    Parameters
    ----------
    most : int
        Jobs that may be kept at the same time.
    name : str
        What the threads are called.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most + 1  # one of them listens
        self._name = name
        self._changed = threading.Condition()
        self._jobs: collections.deque[Callable[[], None]] = collections.deque()
        self._threads: list[threading.Thread] = []
        self._members: set[int] = set()
        self._source: Callable[[], bool] | None = None
        self._listening = False
        self._listener = 0
        self._awake = 0  # threads that neither sleep nor listen, and those just roused
        self._asleep = 0
        self._roused = 0  # threads that sleep no more, and have not noticed yet
        self._done = 0
        self._closed = False
        self._watched = False
        self._watch = threading.Semaphore(0)

    def put(self, job: Callable[[], None]) -> None:
        """Have something done; it must not raise.

        What a job has done comes first: the step that follows from one that ended is on its way
        before the next end is looked at.
        """
        me = threading.get_ident()
        with self._changed:
            if me == self._listener:
                self._jobs.append(job)  # who hears of it sees to it when all is heard
                return
            if me in self._members:
                self._jobs.appendleft(job)
            else:
                self._jobs.append(job)
            if self._awake:
                self._begin_watch()  # whoever is awake comes to it; if not soon, another
            else:
                self._rouse()

    def listen(self, source: Callable[[], bool]) -> None:
        """Listen to a source from now on, and to no other.

        ``source()`` waits until there is something to hear, puts what follows from it, and returns
        False when there will never be any more.
        """
        with self._changed:
            self._source = source
            if not self._awake:
                self._rouse()

    def close(self) -> None:
        """Let the threads go when all is done and the source has come to its end."""
        with self._changed:
            self._closed = True
            self._rouse_all()
            threads = list(self._threads)
        self._watch.release()
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()

    def _work(self) -> None:
        listens, more = False, True
        source: Callable[[], bool] | None = None
        job: Callable[[], None] | None = None
        with self._changed:
            self._members.add(threading.get_ident())
        while True:
            with self._changed:
                if listens:
                    listens = self._goes_on_listening(source, more=more)
                elif job is not None:
                    self._done += 1
                if not listens:
                    job = self._next()
                    if job is None and self._source is None:
                        self._awake -= 1
                        return
                    if job is None:
                        listens = self._listening = True
                        self._listener = threading.get_ident()
                        self._awake -= 1
                source = self._source
            if not listens and job is not None:
                job()
            elif source is not None:
                more = source()

    def _goes_on_listening(self, source: Callable[[], bool] | None, *, more: bool) -> bool:
        """Say whether the thread that has heard something listens on; under the lock."""
        if not more and self._source is source:
            self._source = None
            if self._closed:
                self._rouse_all()
        # What was heard is left to those who are at work: they need not be roused.
        if self._source is not None and (self._awake or not self._jobs):
            if self._jobs:
                self._begin_watch()
            return True
        self._listening = False
        self._listener = 0
        self._awake += 1
        return False

    def _next(self) -> Callable[[], None] | None:
        """Wait for a job and return it; None to listen, or at the end. Under the lock."""
        while True:
            if self._jobs:
                job = self._jobs.popleft()
                if self._is_left():
                    self._begin_watch()
                return job
            if self._source is not None and not self._listening:
                return None
            if self._closed and self._source is None:
                return None
            self._awake -= 1
            self._asleep += 1
            while not self._roused:
                self._changed.wait()
            self._roused -= 1

    def _is_left(self) -> bool:
        """Whether there is work that no thread has taken."""
        return bool(self._jobs) or (self._source is not None and not self._listening)

    def _rouse(self) -> None:
        """Wake a thread, or start one; under the lock."""
        if self._asleep:
            self._asleep -= 1
            self._awake += 1
            self._roused += 1
            self._changed.notify()
        elif len(self._threads) < self._most and not self._closed:
            self._awake += 1
            number = len(self._threads)
            # Daemon threads: a host that never closes its executor can still end.
            thread = threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()
            if not number:
                name = f"{self._name}-watch"
                threading.Thread(target=self._watch_work, name=name, daemon=True).start()

    def _rouse_all(self) -> None:
        while self._asleep:
            self._rouse()

    def _begin_watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._watch.release()

    def _watch_work(self) -> None:
        """Bring in another thread whenever there is work left and no job comes to its end."""
        while self._watch.acquire() and not self._closed:
            done, left = -1, True
            while left:
                time.sleep(_STALL)
                with self._changed:
                    can_help = self._asleep or len(self._threads) < self._most
                    left = bool(can_help and self._is_left())
                    if not left:
                        self._watched = False
                    elif done == self._done:
                        self._rouse()
                    done = self._done
