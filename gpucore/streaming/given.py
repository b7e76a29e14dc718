"""The files of a stage that runs over named files, as a watched folder would find them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gpucore.streaming.finder import FoundFile, look
from gpucore.streaming.settling import FileStamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["GivenFiles"]

_LOOK = 5.0
"""Seconds: whether the run was stopped is looked at as often as with a folder."""


class GivenFiles:
    """Files that are all there; the same methods as `gpucore.streaming.finder.Finder`.

    Parameters
    ----------
    files : sequence of str
        Their paths.
    root : Path
        These are relative to it.
    """

    ended = True
    """Nothing more is waited for."""

    def __init__(self, files: Sequence[str], root: Path) -> None:
        self._files = [FoundFile(file, look(str(root / file)) or FileStamp(0, 0)) for file in files]

    def fileno(self) -> int:
        """Return -1: nothing has news."""
        return -1

    def next_look(self) -> float:
        """Return when the run is to be looked at again."""
        return time.monotonic() + _LOOK

    def find(self) -> list[FoundFile]:
        """Return all files, the first time."""
        files, self._files = self._files, []
        return files

    def left(self) -> list[str]:
        """Return nothing: none is left out."""
        return []

    def close(self) -> None:
        """Give nothing back."""
