"""Waiting by wake-up: for files that are closed, and for a word from another thread."""

from __future__ import annotations

import contextlib
import math
import os
import select
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

__all__ = ["CloseWatch", "Wakeup"]

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

    A kernel gives a user so many of these (``fs.inotify.max_user_instances``, 128 by default).
    Who gets none looks again ten times a second; nothing else changes.

    Parameters
    ----------
    fds : Iterable[int]
        Descriptors of the files; the watch is on the files and not on their names.
    """

    def __init__(self, fds: Iterable[int]) -> None:
        self._poll = select.poll()
        libc = _libc()
        self._fd: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            return
        self._poll.register(self._fd, select.POLLIN)
        for fd in fds:
            path = f"/proc/self/fd/{fd}".encode()
            if libc.inotify_add_watch(self._fd, path, _IN_CLOSE_WRITE) < 0:
                self.close()
                return

    @property
    def works(self) -> bool:
        """Whether the kernel gave one."""
        return self._fd >= 0

    def wait(self, stop: Wakeup | None, seconds: float) -> bool:
        """Sleep until a file is closed, ``stop`` is set or the time is over.

        Returns
        -------
        bool
            False when only time went by.
        """
        if not self.works:
            seconds = min(seconds, _WITHOUT_INOTIFY)
        if stop is not None:
            self._poll.register(stop.fileno(), select.POLLIN)
        felt = self._poll.poll(math.ceil(max(seconds, 0.0) * 1000))
        if self.works:
            with contextlib.suppress(BlockingIOError):
                os.read(self._fd, 1 << 16)
        return bool(felt)

    def close(self) -> None:
        """End the watch."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._poll.unregister(fd)
            os.close(fd)

    def __enter__(self) -> CloseWatch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _libc() -> Any:
    import ctypes  # noqa: PLC0415 - 4 ms, and only when somebody has to wait

    return ctypes.CDLL(None, use_errno=True)
