"""A watched folder and those below it: what happens in them, and what lies there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.system.filesystems import changes_are_told
from gpucore.system.folder_events import FolderEvents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.streaming.patterns import NamePattern
    from gpucore.system.folder_events import FolderEvent

__all__ = ["WatchedFolder"]


class WatchedFolder:
    """A folder of which the kernel tells, or which is looked at.

    Parameters
    ----------
    top : str
        The folder; absolute.
    pattern : NamePattern
        Says which folders below it are looked at.
    polled : bool
        Whether the kernel is not asked.

    Attributes
    ----------
    identity : tuple of int or None
        Device and inode of the folder as it was last; None: it was not there.
    told : bool
        Whether the kernel tells what happens.
    """

    def __init__(self, top: str, pattern: NamePattern, *, polled: bool) -> None:
        self.identity: tuple[int, int] | None = None
        self._top = top
        self._pattern = pattern
        self._kernel = None if polled or not changes_are_told(Path(top)) else FolderEvents()

    @property
    def told(self) -> bool:
        """Whether the kernel tells what happens."""
        return self._kernel is not None and not self._kernel.fault

    @property
    def fault(self) -> str:
        """Why the kernel, which was asked, does not tell what happens."""
        return "" if self._kernel is None else self._kernel.fault

    def fileno(self) -> int:
        """Return a descriptor that can be read from when something has happened; -1: none."""
        return -1 if self._kernel is None else self._kernel.fileno()

    def path(self, below: str) -> str:
        """Return the whole path of one that is relative to the folder."""
        return f"{self._top}/{below}" if below else self._top

    def below(self, event: FolderEvent) -> str:
        """Return the path of an event relative to the folder."""
        return f"{event.folder}/{event.name}"[len(self._top) + 1 :]

    def look(self) -> bool | None:
        """Look whether the folder is there; say whether it is another one than before.

        Returns
        -------
        bool or None
            None: there is none.
        """
        before = self.identity
        try:
            facts = os.stat(self._top)  # noqa: PTH116 - every few seconds
        except OSError:
            self.identity = None
            return None
        self.identity = (facts.st_dev, facts.st_ino)
        if before == self.identity:
            return False
        if self._kernel is not None:
            self._kernel.clear()
        return True

    def add(self, below: str) -> None:
        """Have the kernel tell of a folder, before its names are read."""
        if self._kernel is not None:
            self._kernel.add(self.path(below))

    def events(self) -> list[FolderEvent]:
        """Return what has happened since the last time."""
        return [] if self._kernel is None else self._kernel.read()

    def names(self, below: str) -> Iterator[str]:
        """Yield the paths of what lies in a folder and in those below it that may hold files."""
        waiting = [below]
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(self.path(folder)) as entries:
                    found = list(entries)
            except OSError:  # it went in this very moment
                continue
            for entry in found:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if not self._pattern.may_hold(path) or not _is_folder(entry):
                    yield path
                else:
                    self.add(path)
                    waiting.append(path)

    def close(self) -> None:
        """Give everything back."""
        if self._kernel is not None:
            self._kernel.close()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a folder; a link to one is none: it may lead back up."""
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
