"""Waiting by wake-up: for files that are closed, and for a word from another thread."""

from __future__ import annotations

import contextlib
import math
import os
import select
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CloseWatch", "Wakeup", "libc"]

_IN_CLOSE_WRITE = 0x8
_WITHOUT_INOTIFY = 0.1


class Wakeup:
    """A flag that whoever sleeps in `CloseWatch.wait` feels at once; set once and for good.

    `set` may be called from any thread and from a signal handler.
    """

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._set = False

    def set(self) -> None:
        """Wake whoever waits, now and later."""
        self._set = True
        if self._fd >= 0:
            os.eventfd_write(self._fd, 1)

    def is_set(self) -> bool:
        """Say whether it was set."""
        return self._set

    def fileno(self) -> int:
        """Return a descriptor that can be read from once it is set."""
        return self._fd

    def close(self) -> None:
        """Give the descriptor back; nobody may wait for it any more."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class CloseWatch:
    """Feels when the last descriptor of a file that was open for writing is closed.

    It can be used again and again, by one thread at a time: to end one takes the kernel longer
    than all the rest. A kernel gives a user so many (``fs.inotify.max_user_instances``, 128 by
    default); who gets none looks again ten times a second, and nothing else changes.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._marks: list[int] = []
        self._fd: int = libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.works = self._fd >= 0

    def start(self, fds: Iterable[int]) -> None:
        """Watch the files of some descriptors: the files, and not their names."""
        for fd in fds:
            if self.works:
                path = f"/proc/self/fd/{fd}".encode()
                mark = libc().inotify_add_watch(self._fd, path, _IN_CLOSE_WRITE)
                self.works = mark >= 0
                self._marks.append(mark)

    def wait(self, stop: Wakeup | None, seconds: float) -> bool:
        """Sleep until a file is closed, ``stop`` is set or the time is over.

        Returns
        -------
        bool
            False when only time went by.
        """
        poll = select.poll()
        if self.works:
            poll.register(self._fd, select.POLLIN)
        else:
            seconds = min(seconds, _WITHOUT_INOTIFY)
        if stop is not None:
            poll.register(stop.fileno(), select.POLLIN)
        felt = poll.poll(math.ceil(max(seconds, 0.0) * 1000))
        self._drain()
        return bool(felt)

    def stop(self) -> None:
        """Watch nothing any more."""
        marks, self._marks = self._marks, []
        for mark in marks:
            libc().inotify_rm_watch(self._fd, mark)
        self._drain()

    def close(self) -> None:
        """Give it back to the kernel."""
        fd, self._fd = self._fd, -1
        self.works = False
        if fd >= 0:
            os.close(fd)

    def _drain(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(BlockingIOError):
                os.read(self._fd, 1 << 16)


@lru_cache(maxsize=1)
def libc() -> Any:
    """Return the C library, for calls that Python has no name for."""
    import ctypes  # noqa: PLC0415 - 4 ms, and only when somebody has to wait

    return ctypes.CDLL(None, use_errno=True)
