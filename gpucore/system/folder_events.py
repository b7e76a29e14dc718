"""What the kernel tells of folders: files that are made, closed after writing, or moved there."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from enum import Enum
from typing import NamedTuple

from gpucore.system.inotify import libc

__all__ = ["Bell", "FolderChange", "FolderEvent", "FolderEvents"]

_CLOSE_WRITE, _MOVED_TO, _CREATE = 0x8, 0x80, 0x100
_DELETE_SELF, _MOVE_SELF = 0x400, 0x800
_UNMOUNT, _OVERFLOW, _IGNORED = 0x2000, 0x4000, 0x8000
_ONLYDIR, _EXCL_UNLINK, _ISDIR = 0x1000000, 0x4000000, 0x40000000
_WANTED = _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF | _ONLYDIR | _EXCL_UNLINK
_HEAD = struct.Struct("iIII")
_MOST = 1 << 20


class FolderChange(Enum):
    """What happened in a folder."""

    MADE = "made"
    CLOSED = "closed"
    FOLDER = "folder"
    GONE = "gone"
    LOST = "lost"


class FolderEvent(NamedTuple):
    """One thing that happened.

    Parameters
    ----------
    change : FolderChange
        ``MADE``: a name appeared; ``CLOSED``: a file was closed after writing, or moved here;
        ``FOLDER``: a folder appeared; ``GONE``: the folder itself went; ``LOST``: the kernel had
        too much to tell, and told it not.
    folder : str
        The folder, as it was given.
    name : str
        The name in it.
    """

    change: FolderChange
    folder: str = ""
    name: str = ""


class Bell:
    """Wakes whoever polls `fileno`; may be rung from any thread, again and again."""

    def __init__(self) -> None:
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def ring(self) -> None:
        """Wake whoever waits."""
        if self._fd >= 0:
            os.eventfd_write(self._fd, 1)

    def hear(self) -> None:
        """Take in that it was rung."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._fd)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def close(self) -> None:
        """Give the descriptor back."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class FolderEvents:
    """Tells what happens in folders.

    Attributes
    ----------
    fault : str
        Why the kernel tells nothing, or no more; empty: it does.
    """

    def __init__(self) -> None:
        self.fault = ""
        self._folders: dict[int, str] = {}
        self._fd: int = libc().inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            self._fail()

    def fileno(self) -> int:
        """Return a descriptor that can be read from when something has happened; -1: none."""
        return self._fd

    def add(self, folder: str) -> bool:
        """Watch a folder; say whether the kernel does. One that is not there is no fault."""
        if self.fault:
            return False
        mark = libc().inotify_add_watch(self._fd, os.fsencode(folder), _WANTED)
        if mark < 0:
            if ctypes.get_errno() not in {errno.ENOENT, errno.ENOTDIR, errno.EACCES}:
                self._fail()
            return False
        self._folders[mark] = folder
        return True

    def clear(self) -> None:
        """Watch nothing any more."""
        for mark in self._folders:
            libc().inotify_rm_watch(self._fd, mark)
        self._folders.clear()

    def read(self) -> list[FolderEvent]:
        """Return what has happened since the last time."""
        events: list[FolderEvent] = []
        while self._fd >= 0:
            try:
                data = os.read(self._fd, _MOST)
            except BlockingIOError:
                break
            place = 0
            while place < len(data):
                mark, mask, _, length = _HEAD.unpack_from(data, place)
                place += _HEAD.size
                name = os.fsdecode(data[place : place + length].rstrip(b"\0"))
                place += length
                if (event := self._event(mark, mask, name)) is not None:
                    events.append(event)
        return events

    def close(self) -> None:
        """Give it back to the kernel."""
        fd, self._fd = self._fd, -1
        self._folders.clear()
        if fd >= 0:
            os.close(fd)

    def _event(self, mark: int, mask: int, name: str) -> FolderEvent | None:
        if mask & _OVERFLOW:
            return FolderEvent(FolderChange.LOST)
        folder = self._folders.get(mark)
        if folder is None:
            return None
        if mask & (_IGNORED | _UNMOUNT | _DELETE_SELF | _MOVE_SELF):
            if mask & _IGNORED:
                del self._folders[mark]
            return FolderEvent(FolderChange.GONE, folder)
        if mask & _ISDIR:
            return FolderEvent(FolderChange.FOLDER, folder, name)
        if mask & (_CLOSE_WRITE | _MOVED_TO):
            return FolderEvent(FolderChange.CLOSED, folder, name)
        return FolderEvent(FolderChange.MADE, folder, name)

    def _fail(self) -> None:
        number = ctypes.get_errno()
        limit = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}.get(number)
        self.fault = (
            f"the kernel gives this user no more (fs.inotify.{limit})"
            if limit
            else os.strerror(number)
        )
