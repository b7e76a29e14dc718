"""Files that are run together: so many of them, or as many as came in a time.

Of each batch a folder of links is the record: what is linked in it was taken, and a run that goes
on has the same batches. It is made under another name and renamed, so that it is whole when it is
there. A batch that failed, and whose files are run one by one, has another name since.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from gpucore.errors import ConfigError
from gpucore.standard.several import Several
from gpucore.streaming.finder import FoundFile, look
from gpucore.streaming.settling import FileStamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gpucore.streaming.job import WatchedStage

__all__ = ["Batch", "Batches"]

_NEW, _APART = ".new", ".apart"
_RECORD = re.compile(rf"batch-(\d+)({re.escape(_APART)})?")


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
    """Makes batches of the files of a stage.

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
        self._place = root / stage.batches
        self._files: list[FoundFile] = []
        self._since = float("inf")
        self._held: set[str] = set()
        # By what their links name: a path may be given relative today and absolute tomorrow.
        self._given = {str(root / file): file for file in stage.files}
        self._made = 0

    @property
    def pending(self) -> int:
        """How many files wait for others."""
        return len(self._files)

    def recorded(self) -> list[Batch]:
        """Return the batches of earlier runs, in their order.

        Of those of files that were named, not watched for, the ones that hold a file of this run.
        """
        if not self._stage.batch or not self._place.is_dir():
            return []
        found = [
            (int(match[1]), bool(match[2]), folder)
            for folder in self._place.iterdir()
            if (match := _RECORD.fullmatch(folder.name))
        ]
        given = frozenset(self._given.values())
        batches: list[Batch] = []
        for number, apart, folder in sorted(found):
            self._made = max(self._made, number)
            files = tuple(self._linked(link) for link in sorted(folder.iterdir()))
            if self._stage.watch is None and given.isdisjoint(one.path for one in files):
                continue
            self._held.update(file.path for file in files)
            whole = Batch(files, _name(number))
            batches += _singles(whole) if apart else [whole]
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

    def item(self, batch: Batch) -> str | Several:
        """Return what the step of a batch runs over."""
        paths = tuple(self._stage.path(one.path) for one in batch.files)
        if not batch.name:
            return paths[0]
        if self._stage.lists:
            return Several(batch.name, paths)
        return f"{self._stage.batches}/{batch.name}"

    def keep(self, batch: Batch) -> None:
        """Record a batch, if it is not: make its folder.

        Raises
        ------
        ConfigError
            When that cannot be written.
        """
        folder = self._place / batch.name
        if not batch.name or folder.is_dir():
            return
        with self._told():
            fresh = folder.with_name(f"{batch.name}{_NEW}")
            if fresh.exists():  # whoever made it died meanwhile
                shutil.rmtree(fresh)
            fresh.mkdir(parents=True)
            for one in batch.files:
                target = self._root / self._stage.path(one.path)
                fresh.joinpath(self._link_name(fresh, one.path)).symlink_to(target)
            fresh.rename(folder)

    def apart(self, batch: Batch) -> list[Batch]:
        """Record that the files of a batch are run one by one; return a batch for each.

        Raises
        ------
        ConfigError
            When that cannot be written.
        """
        apart = self._place / f"{batch.name}{_APART}"
        with self._told():
            (self._place / batch.name).rename(apart)
            # In the order of their links, which is that in which another run finds them.
            linked = sorted(apart.iterdir())
        return list(_singles(Batch(tuple(map(self._linked, linked)), batch.name)))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell what the disk refuses as what it is, and not as a fault of ours."""
        try:
            yield
        except OSError as error:
            raise ConfigError(
                f"the batches in `{self._stage.batches}` cannot be written ({error.strerror})",
                hint="look at that folder and its disk; `gpucore resume` goes on when it is mended",
                code="E261",
            ) from error

    def _batch(self, files: Sequence[FoundFile]) -> Batch:
        self._made += 1
        # As their links are found again: in another order it would be another command.
        return Batch(tuple(sorted(files, key=_last)), _name(self._made))

    def _linked(self, link: Path) -> FoundFile:
        target = os.readlink(link)  # noqa: PTH115 - as it was written
        top = f"{self._root / self._stage.path('')}/"
        path = self._given.get(target, target.removeprefix(top))
        return FoundFile(path, look(target) or FileStamp(0, 0))

    @staticmethod
    def _link_name(folder: Path, path: str) -> str:
        name = _last_name(path)
        return path.replace("/", "_") if os.path.lexists(folder / name) else name


def _last_name(path: str) -> str:
    return path.rpartition("/")[2]


def _last(file: FoundFile) -> str:
    return _last_name(file.path)


def _name(number: int) -> str:
    return f"batch-{number:04d}"


def _singles(batch: Batch) -> Iterator[Batch]:
    for place, one in enumerate(batch.files, start=1):
        yield Batch((one,), f"{batch.name}-{place}")
