"""Files that are run together: so many of them, or as many as came in a time, in a folder of links.

The folder is the record: what is linked in it was taken, and a run that goes on has the same
batches. It is made under another name and renamed, so that it is whole when it is there.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NamedTuple

from gpucore.streaming.finder import FoundFile, look
from gpucore.streaming.settling import FileStamp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpucore.streaming.job import WatchedStage

__all__ = ["Batch", "Batches"]

_NEW = ".new"


class Batch(NamedTuple):
    """Files that are run by one step.

    Parameters
    ----------
    files : tuple of FoundFile
        The files.
    name : str
        What their folder is called; empty: one file, run as it is.
    """

    files: tuple[FoundFile, ...]
    name: str = ""


class Batches:
    """Makes batches of the files of a watched stage.

    Parameters
    ----------
    stage : WatchedStage
        Says how many files make a batch, and how long the first of them waits for others.
    root : Path
        Paths are relative to it.
    """

    def __init__(self, stage: WatchedStage, root: Path) -> None:
        self._stage = stage
        self._root = root
        self._files: list[FoundFile] = []
        self._since = float("inf")
        self._held: set[str] = set()
        self._made = 0

    @property
    def pending(self) -> int:
        """How many files wait for others."""
        return len(self._files)

    def recorded(self) -> list[Batch]:
        """Return the batches of earlier runs, in their order."""
        folder = self._root / self._stage.batches
        if not self._stage.batch or not folder.is_dir():
            return []
        batches = []
        for one in sorted(folder.iterdir(), key=lambda path: (len(path.name), path.name)):
            if one.name.endswith(_NEW):
                shutil.rmtree(one)
                continue
            files = tuple(self._linked(link) for link in sorted(one.iterdir()))
            self._held.update(file.path for file in files)
            self._made = max(self._made, int(one.name.rpartition("-")[2]))
            batches.append(Batch(files, one.name))
        return batches

    def of(self, found: Sequence[FoundFile], now: float, *, all_: bool) -> list[Batch]:
        """Return the batches that are complete now.

        Parameters
        ----------
        found : sequence of FoundFile
            What came.
        now : float
            The time in seconds.
        all_ : bool
            Whether nothing more will come.
        """
        size = self._stage.batch
        if not size:
            return [Batch((one,)) for one in found]
        fresh = [one for one in found if one.path not in self._held]
        if fresh and not self._files:
            self._since = now
        self._files += fresh
        batches = []
        while len(self._files) >= size:
            batches.append(self._batch(self._files[:size]))
            self._files = self._files[size:]
            self._since = now
        if self._files and (all_ or now >= self.next_due()):
            batches.append(self._batch(self._files))
            self._files = []
        return batches

    def next_due(self) -> float:
        """Return when those that wait are run without others."""
        wait = self._stage.batch_wait
        return self._since + wait if self._files and wait is not None else float("inf")

    def item(self, batch: Batch) -> str:
        """Return what a step runs over; the folder of a batch is made if it is not there."""
        if not batch.name:
            return f"{self._stage.watch.dir}/{batch.files[0].path}"
        folder = self._root / self._stage.batches / batch.name
        if not folder.is_dir():
            fresh = folder.with_name(f"{batch.name}{_NEW}")
            fresh.mkdir(parents=True)
            for one in batch.files:
                target = self._root / self._stage.watch.dir / one.path
                fresh.joinpath(self._link_name(fresh, one.path)).symlink_to(target)
            fresh.rename(folder)
        return f"{self._stage.batches}/{batch.name}"

    def _batch(self, files: Sequence[FoundFile]) -> Batch:
        self._made += 1
        return Batch(tuple(files), f"batch-{self._made:04d}")

    def _linked(self, link: Path) -> FoundFile:
        target = os.readlink(link)  # noqa: PTH115 - as it was written
        top = f"{self._root / self._stage.watch.dir}/"
        return FoundFile(target.removeprefix(top), look(target) or FileStamp(0, 0))

    @staticmethod
    def _link_name(folder: Path, path: str) -> str:
        name = path.rpartition("/")[2]
        return path.replace("/", "_") if os.path.lexists(folder / name) else name
