"""The files of one watched folder: each found once, when it is complete."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, NamedTuple

from gpucore.streaming.folder import WatchedFolder
from gpucore.streaming.patterns import NamePattern
from gpucore.streaming.settling import FileStamp, Settling
from gpucore.system.folder_events import FolderChange

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gpucore.config.watch import WatchTable
    from gpucore.system.folder_events import FolderEvent

__all__ = ["Finder", "FoundFile", "look"]

_HEARTBEAT = 5.0
_RESCAN = 60.0
_POLL = 2.0
_SHARE = 100
"""Of the time between two looks at a whole folder, a look may take this part."""

_TOLD = 20


class FoundFile(NamedTuple):
    """A file that is complete.

    Parameters
    ----------
    path : str
        Relative to the watched folder.
    stamp : FileStamp
        How it looked then.
    """

    path: str
    stamp: FileStamp


class Finder:
    """Finds the files of a watched folder.

    Parameters
    ----------
    watch : WatchTable
        Which, and when they are complete.
    root : Path
        The folder is relative to it.
    note : callable
        Told in one line what its user should know.
    clock : callable
        The time in seconds.

    Attributes
    ----------
    ended : bool
        Whether nothing more is waited for: a marker says so, or it was idle for too long.
    """

    def __init__(
        self,
        watch: WatchTable,
        root: Path,
        note: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ended = False
        self._watch = watch
        self._note = note
        self._clock = clock
        self._pattern = NamePattern(watch.patterns)
        self._folder = WatchedFolder(str(root / watch.dir), self._pattern, polled=bool(watch.poll))
        self._settling = Settling(watch.settle)
        self._taken: dict[str, FileStamp] = {}
        self._empty: set[str] = set()
        self._unready: dict[str, list[FoundFile]] = {}
        self._complete: list[FoundFile] = []
        self._changes = 0
        self._there = True
        self._closing = False
        self._all_are_ready = False
        now = clock()
        self._last_news = now
        self._next_heartbeat = now
        self._next_scan = now

    def fileno(self) -> int:
        """Return a descriptor that can be read from when the folder has news; -1: there is none."""
        return self._folder.fileno()

    @property
    def polls(self) -> bool:
        """Whether the folder is looked at from time to time, because the kernel tells nothing."""
        return not self._folder.told

    def next_look(self) -> float:
        """Return when `find` is to be called, by the clock, if nothing is told before."""
        times = [self._next_heartbeat, self._next_scan]
        if (due := self._settling.next_due()) is not None:
            times.append(due)
        # While a file is waited for it is not idle.
        if self._watch.idle is not None and not self._closing and not len(self._settling):
            times.append(self._last_news + self._watch.idle)
        return min(times)

    def find(self) -> list[FoundFile]:
        """Return the files that have become complete since the last time, in their order."""
        now = self._clock()
        for event in self._folder.events():
            self._heed(event, now)
        if now >= self._next_heartbeat:
            self._look_for_folder(now)
        if now >= self._next_scan:
            self._scan(now)
        self._settle(now)
        complete, self._complete = self._complete, []
        if complete:
            self._last_news = now
        self._look_for_end(now)
        return complete

    def close(self) -> None:
        """Give everything back, and say what was left."""
        self._folder.close()
        if self._changes > _TOLD:
            self._note(f"{self._changes} files were changed after they were taken")

    def left(self) -> list[str]:
        """Return a line for each reason why files that fit were not taken."""
        lines = []
        unready = [one.path for files in self._unready.values() for one in files]
        if unready:
            lines.append(f"{_some(unready)}: not taken, without `{self._watch.ready}`")
        if self._empty:
            lines.append(f"{_some(sorted(self._empty))}: not taken, empty")
        return lines

    def _heed(self, event: FolderEvent, now: float) -> None:
        if event.change is FolderChange.LOST:
            self._next_scan = now
        elif event.change is FolderChange.GONE:
            if event.folder == self._folder.path(""):
                self._folder.identity = None
            self._next_heartbeat = now
        else:
            path = self._folder.below(event)
            if event.change is FolderChange.FOLDER:
                if self._pattern.may_hold(path):
                    self._folder.add(path)
                    self._scan_folder(path, now)
            elif path == self._watch.marker:
                self._close_soon(now)
            elif path == self._watch.ready or self._fits(path):
                self._seen(path, now, closed=event.change is FolderChange.CLOSED)
            elif path in self._unready:
                self._release(path, now)

    def _seen(self, path: str, now: float, *, closed: bool) -> None:
        real = self._folder.path(path)
        stamp = look(real)
        if stamp is None:
            if os.path.islink(real):  # noqa: PTH114 - its target may come later
                self._empty.add(path)
            return
        if path in self._taken:
            if closed:
                self._changed(path, stamp)
        elif closed:
            if self._settling.closed(path, stamp, now):
                self._take(FoundFile(path, stamp), now)
        elif path in self._settling:
            pass
        elif _is_linked(real):
            self._settling.found(path, stamp, now)
        else:
            self._settling.opened(path, stamp, now)

    def _changed(self, path: str, stamp: FileStamp) -> None:
        if stamp == self._taken[path]:
            return
        self._taken[path] = stamp
        self._changes += 1
        if self._changes <= _TOLD:
            self._note(f"`{path}` was changed after it was taken; it is not run a second time")

    def _settle(self, now: float) -> None:
        for path in self._settling.due(now):
            stamp = look(self._folder.path(path))
            if self._settling.looked(path, stamp, now) and stamp is not None:
                if stamp.size:
                    self._take(FoundFile(path, stamp), now)
                else:
                    self._empty.add(path)

    def _take(self, found: FoundFile, now: float) -> None:
        self._empty.discard(found.path)
        if found.path == self._watch.ready:
            self._all_are_ready = True
            self._release(found.path, now)
        elif self._is_ready(found.path, now):
            self._taken[found.path] = found.stamp
            self._complete.append(found)
        else:
            self._unready.setdefault(self._sign_of(found.path), []).append(found)

    def _is_ready(self, path: str, now: float) -> bool:
        if not self._watch.ready or self._all_are_ready:
            return True
        sign = self._sign_of(path)
        stamp = look(self._folder.path(sign))
        if sign != self._watch.ready:
            return stamp is not None
        # One file for all, a gain reference say, has to be complete itself.
        if stamp is not None and sign not in self._settling:
            self._settling.found(sign, stamp, now)
        return False

    def _fits(self, path: str) -> bool:
        signs = (self._watch.ready, self._watch.marker)
        return path not in signs and self._pattern.fits(path)

    def _sign_of(self, path: str) -> str:
        if "*" not in self._watch.ready:
            return self._watch.ready
        folder, slash, name = path.rpartition("/")
        stem = os.path.splitext(name)[0]  # noqa: PTH122 - a name
        return f"{folder}{slash}{self._watch.ready.replace('*', stem)}"

    def _release(self, sign: str, now: float) -> None:
        for found in self._unready.pop(sign, []):
            stamp = look(self._folder.path(found.path))
            if stamp is not None:
                self._take(FoundFile(found.path, stamp), now)

    def _look_for_folder(self, now: float) -> None:
        self._next_heartbeat = now + _HEARTBEAT
        there = self._folder.look()
        if there is None:
            if self._there:
                self._note(f"the folder `{self._watch.dir}` is gone: waiting until it is back")
            self._there = False
            self._next_heartbeat = now + 1.0
        elif there or not self._there:
            if not self._there:
                self._note(f"the folder `{self._watch.dir}` is back")
            self._there = True
            self._next_scan = now

    def _scan(self, now: float) -> None:
        if not self._there or self._folder.identity is None:
            self._next_scan = now + _HEARTBEAT
            return
        told = self._folder.told
        self._folder.add("")
        # First, so that no file that came before it is overlooked.
        marker = self._watch.marker
        if marker and os.path.lexists(self._folder.path(marker)):
            self._close_soon(now)
        self._scan_folder("", now)
        for sign in [sign for sign in self._unready if look(self._folder.path(sign)) is not None]:
            self._release(sign, now)
        took = self._clock() - now
        every = _RESCAN if self._folder.told else self._watch.poll or _POLL
        self._next_scan = now + max(every, took * _SHARE)
        if told and not self._folder.told and self._folder.fault:
            self._note(
                f"of `{self._watch.dir}` the kernel does not tell what happens "
                f"({self._folder.fault}): it is looked at every {every:g} seconds"
            )

    def _scan_folder(self, folder: str, now: float) -> None:
        fresh: list[tuple[int, str, FileStamp]] = []
        for path in self._folder.names(folder):
            if path in self._taken or path in self._settling or not self._fits(path):
                continue
            stamp = look(self._folder.path(path))
            if stamp is None or (path in self._empty and not stamp.size):
                continue
            fresh.append((stamp.changed_ns, path, stamp))
        waiting = {one.path for files in self._unready.values() for one in files}
        for _, path, stamp in sorted(fresh):
            if path not in waiting:
                self._empty.discard(path)
                self._settling.found(path, stamp, now)

    def _close_soon(self, now: float) -> None:
        if not self._closing:
            self._closing = True
            self._next_scan = now

    def _look_for_end(self, now: float) -> None:
        idle = self._watch.idle
        if idle is not None and now >= self._last_news + idle and not len(self._settling):
            self._close_soon(now)
        scanned = self._next_scan > now
        self.ended = self.ended or (self._closing and scanned and not len(self._settling))


def look(path: str) -> FileStamp | None:
    """Return how a file looks; None when there is none, or it is no regular file."""
    try:
        facts = os.stat(path)  # noqa: PTH116 - for each file
    except OSError:
        return None
    if not stat.S_ISREG(facts.st_mode):
        return None
    return FileStamp(facts.st_size, facts.st_mtime_ns)


def _is_linked(path: str) -> bool:
    """Say whether a name is one of several of its file: nobody need ever close it."""
    try:
        facts = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISLNK(facts.st_mode) or facts.st_nlink > 1


def _some(paths: list[str]) -> str:
    shown = ", ".join(f"`{path}`" for path in paths[:3])
    return f"{shown} and {len(paths) - 3} more" if len(paths) > 3 else shown  # noqa: PLR2004
