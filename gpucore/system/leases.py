"""Leases on devices between processes and users, held by the kernel.

A lease is an open-file-description lock (``F_OFD_SETLK``) on a file per device, and its
descriptor is handed to the program (``pass_fds``). So it lasts until the last process that
inherited it has ended, whatever became of the host; nothing has to be cleaned up, and there is no
daemon. The whole of a device is `WHOLE` bytes; of ``shares = N`` each share is the N-th part of
them, so that hosts with different settings never give out more than one device.

Who has to wait takes a ticket: the machine's monotonic clock, as a lock on byte
``TICKETS + clock`` of each file waited for. Nobody takes a device for which an older ticket
stands, and a ticket goes with its process. Waiting is by inotify (a lease or a ticket that ends is
a file that is closed), and not by polling. The kernel tells of the closing a moment before it
drops the lock; so after each word, and after the first look, it looks again after 1 ms, 4 ms,
16 ms, … and lastly every 30 s.

Promised, on one machine and within one lease directory:

- a share is never in two hands, threads and `Leases` objects of one process included, whatever is
  killed whenever;
- several devices are taken all at once or not at all, and nobody holds one while it waits here:
  no deadlock. (Who asks for more while it holds some has made its own.)
- from the moment a waiter's ticket stands, each device goes to older tickets alone before it: at
  most as many turns as there were waiters then, plus those already past their look. A device may
  stand idle while the oldest that waits for it waits for others too: that is the price.

Not promised: anything after files in the directory were removed or replaced by who may do so; for
containers that do not share the directory, nor fair turns between those with another time
namespace; for programs that do not ask. A waiter that is suspended (SIGSTOP, Ctrl-Z) keeps its
place, and those behind it wait until it goes on or ends. A process that the host forks without
exec holds what its parent held, until it ends. A program that closes descriptors it does not know
gives back its part: then the host's alone holds, as long as the host lives. The record beside the
lock is for people: it lies in the same file (no further name that could be meddled with, and one
user's can be written over by the next), anybody who may take a lease may write there, and no lock
depends on it.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from gpucore.errors import ConfigError, DeviceError, GpucoreError, NeedError
from gpucore.system.inotify import CloseWatch
from gpucore.system.lease_files import conflict, conflicts, lock, unlock
from gpucore.system.lease_records import Holder, read_record, write_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from gpucore.system.inotify import Wakeup
    from gpucore.system.lease_directory import LeaseDirectory
    from gpucore.system.lease_files import LeaseFiles

__all__ = ["MOST_SHARES", "Held", "Holder", "LeaseStopped", "Leases"]

MOST_SHARES = 64
WHOLE = 720_720
"""Divisible by every number up to 16; other numbers of shares come out nearly even."""
TICKETS = 1 << 20

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 30.0
_WATCHES_KEPT = 4


class LeaseStopped(GpucoreError):  # noqa: N818 - nothing is wrong: somebody said so
    """Waiting for a lease was stopped."""

    exit_code = 130
    default_code = "E705"


class _Share(NamedTuple):
    uuid: str
    fd: int
    share: int
    shares: int


class Held:
    """Leases on some devices, until `release` and the end of every program that inherited them.

    One that is forgotten and not released lasts as long as its process.
    """

    def __init__(self, shares: Sequence[_Share], step: str) -> None:
        self.uuids = tuple(share.uuid for share in shares)
        self._shares = tuple(shares)
        self._lock = threading.Lock()
        self.note(step)

    @property
    def fds(self) -> tuple[int, ...]:
        """A descriptor for each device, for ``pass_fds``; nothing once they are released."""
        return tuple(share.fd for share in self._shares)

    def wanted(self) -> bool:
        """Say whether somebody else waits for one of these devices."""
        with self._lock:
            return any(conflict(share.fd, TICKETS, 0) for share in self._shares)

    def note(self, step: str) -> None:
        """Write for people what these devices are used for."""
        with self._lock:
            for share in self._shares:
                with contextlib.suppress(OSError):  # a full disk: the lease holds all the same
                    write_record(share.fd, step, share.share, share.shares)

    def release(self) -> None:
        """Give back this process's part; a second time does nothing."""
        with self._lock:
            shares, self._shares = self._shares, ()
        for share in shares:
            os.close(share.fd)

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


class Leases:
    """Takes leases on devices, each named by its UUID.

    Parameters
    ----------
    directory : LeaseDirectory
        Where they lie.
    shares : Mapping of str to int, optional
        How many may hold a device at the same time; 1 for those not named.

    Raises
    ------
    ConfigError
        For a number of shares that cannot be, or a directory that is not fit any more.
    """

    def __init__(
        self, directory: LeaseDirectory, *, shares: Mapping[str, int] | None = None
    ) -> None:
        self._shares = dict(shares or {})
        for uuid, number in self._shares.items():
            if not 1 <= number <= MOST_SHARES:
                raise ConfigError(
                    f"device `{uuid}` cannot have {number} shares",
                    hint=f"write a number from 1 to {MOST_SHARES}",
                    code="E209",
                )
        self._files = directory.open()
        self._watches: list[CloseWatch] = []

    def try_take(self, uuids: Sequence[str], *, step: str = "") -> Held | None:
        """Return leases on all of these devices, or nothing when one is held or waited for.

        Raises
        ------
        DeviceError
            When a device's file was meddled with, or locks do not work there.
        """
        names = tuple(dict.fromkeys(uuids))
        return self._attempt(names, len(names), step, 0)

    def take(
        self,
        uuids: Sequence[str],
        *,
        timeout: float | None = None,
        stop: Wakeup | None = None,
        step: str = "",
    ) -> Held:
        """Return leases on all of these devices, once they are free and it is this one's turn.

        Parameters
        ----------
        uuids : Sequence of str
            The devices.
        timeout : float, optional
            Seconds; 0: do not wait. None: for ever.
        stop : Wakeup, optional
            Ends the waiting at once when it is set.
        step : str
            What for, for people.

        Raises
        ------
        TimeoutError
            When the time is over.
        LeaseStopped
            When ``stop`` is set.
        DeviceError
            When a device's file was meddled with, or locks do not work there.
        """
        names = tuple(dict.fromkeys(uuids))
        return self._take(names, len(names), timeout, stop, step)

    def take_any(
        self,
        uuids: Sequence[str],
        count: int,
        *,
        timeout: float | None = None,
        stop: Wakeup | None = None,
        step: str = "",
    ) -> Held:
        """Return leases on ``count`` different ones of these devices, the first that can be had.

        Raises
        ------
        NeedError
            When there are not so many.
        TimeoutError, LeaseStopped, DeviceError
            As `take` does.
        """
        names = tuple(dict.fromkeys(uuids))
        if not 0 <= count <= len(names):
            raise NeedError(
                f"{count} of {len(names)} devices cannot be had", hint="ask for fewer devices"
            )
        return self._take(names, count, timeout, stop, step)

    def holders(self) -> list[Holder]:
        """Return who holds shares now, of every device that ever had a lease here.

        Raises
        ------
        DeviceError
            When a device's file was meddled with.
        """
        found = []
        for uuid in self._files.uuids():
            fd = self._files.look(uuid)
            found += [
                read_record(fd, uuid, *_which(start, length))
                for start, length in conflicts(fd, 0, WHOLE)
            ]
        return found

    def close(self) -> None:
        """Give the directory back; leases that were taken stay."""
        self._files.close()
        while self._watches:
            self._watches.pop().close()

    def _take(
        self,
        names: Sequence[str],
        count: int,
        timeout: float | None,
        stop: Wakeup | None,
        step: str,
    ) -> Held:
        deadline = None if timeout is None else time.monotonic() + timeout
        _refuse_stopped(stop, names)
        held = self._attempt(names, count, step, 0)
        if held is not None:
            return held
        over = TimeoutError(f"no lease on {', '.join(names)} within {timeout or 0:g} s")
        if timeout is not None and timeout <= 0:
            raise over
        pause = _FIRST_PAUSE
        with _ticket(self._files, names) as ticket, self._watch(names) as watch:
            while True:
                held = self._attempt(names, count, step, ticket)
                if held is not None:
                    return held
                left = _LONGEST_PAUSE if deadline is None else deadline - time.monotonic()
                if left <= 0:
                    raise over
                woken = watch.wait(stop, min(pause, left))
                _refuse_stopped(stop, names)
                pause = _FIRST_PAUSE if woken else min(4 * pause, _LONGEST_PAUSE)

    @contextlib.contextmanager
    def _watch(self, names: Sequence[str]) -> Iterator[CloseWatch]:
        try:
            watch = self._watches.pop()
        except IndexError:
            watch = CloseWatch()
        if watch.pid != os.getpid():  # what is felt there, only one of two processes would read
            watch.close()
            watch = CloseWatch()
        try:
            watch.start(self._files.look(name) for name in names)
            yield watch
        finally:
            watch.stop()
            if watch.works and len(self._watches) < _WATCHES_KEPT:
                self._watches.append(watch)
            else:
                watch.close()

    def _attempt(self, names: Sequence[str], count: int, step: str, ticket: int) -> Held | None:
        """Take ``count`` of these, or none; who has no ticket gives way to all that have one."""
        # First by looking alone: what is locked and given back wakes all who wait.
        may = [name for name in names if self._may_take(name, ticket)]
        if len(may) < count:
            return None
        if count == len(names):
            may.sort()  # of two that want the same devices, one fails at the first
        taken: list[_Share] = []
        try:
            for name in may:
                share = self._lock(name) if len(taken) < count else None
                if share is not None:
                    taken.append(share)
                elif count == len(names):
                    break
            if len(taken) == count:
                if len(taken) > 1:
                    taken.sort(key=lambda share: names.index(share.uuid))
                held = Held(taken, step)
                taken = []
                return held
        finally:
            for share in taken:
                os.close(share.fd)
        return None

    def _may_take(self, name: str, ticket: int) -> bool:
        shares = self._shares.get(name, 1)
        while True:
            fd = self._files.look(name)
            # Length 0: to the end of all numbers.
            if not conflict(fd, TICKETS, ticket):
                for share in range(shares):
                    if not conflict(fd, *_part(share, shares)):
                        return True
            if not self._files.renew(name):
                return False

    def _lock(self, name: str) -> _Share | None:
        shares = self._shares.get(name, 1)
        fd = self._files.open(name)
        try:
            for share in range(shares):
                if lock(fd, *_part(share, shares)):
                    found, fd = fd, -1
                    return _Share(name, found, share, shares)
        finally:
            if fd >= 0:
                os.close(fd)
        return None


@contextlib.contextmanager
def _ticket(files: LeaseFiles, names: Sequence[str]) -> Iterator[int]:
    """Stand in the line of each device, with one number."""
    fds: list[int] = []
    try:
        for name in names:
            fds.append(files.open(name))  # noqa: PERF401 - those opened are closed, come what may
        for _ in range(100):
            number = time.monotonic_ns()
            if all(lock(fd, TICKETS + number, 1) for fd in fds):
                break
            for fd in fds:
                unlock(fd, TICKETS, 0)
        else:
            raise DeviceError(
                f"nobody can wait for {', '.join(names)}: all tickets are locked",
                hint="find out with `lslocks` who locks the lease files, and end it",
                code="E702",
            )
        yield number
    finally:
        for fd in fds:  # closing wakes those behind, and the ticket must be gone by then
            unlock(fd, TICKETS, 0)
            os.close(fd)


def _refuse_stopped(stop: Wakeup | None, names: Sequence[str]) -> None:
    if stop is not None and stop.is_set():
        raise LeaseStopped(f"waiting for a lease on {', '.join(names)} was stopped")


@lru_cache(maxsize=1024)
def _part(share: int, shares: int) -> tuple[int, int]:
    """Return the bytes of a share: where they start, and how many."""
    start = share * WHOLE // shares
    return start, (share + 1) * WHOLE // shares - start


def _which(start: int, length: int) -> tuple[int, int]:
    """Return which share of how many some locked bytes are; 0 of 0 when they are none."""
    shares = round(WHOLE / length)
    share = round(start * shares / WHOLE)
    fits = shares <= MOST_SHARES and share < shares and _part(share, shares) == (start, length)
    return (share, shares) if fits else (0, 0)
