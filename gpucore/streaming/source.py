"""What comes of one stage while a run goes on: files, or batches of them, in their order."""

from __future__ import annotations

from collections import deque
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gpucore.streaming.batches import Batches
from gpucore.streaming.finder import Finder
from gpucore.streaming.given import GivenFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gpucore.streaming.batches import Batch
    from gpucore.streaming.finder import FoundFile
    from gpucore.streaming.job import WatchedStage

__all__ = ["StreamSource"]


class StreamSource:
    """One stage whose files come, or are run in batches: its finder, and the files that wait.

    Parameters
    ----------
    stage : WatchedStage
        The stage.
    root : Path
        Paths are relative to it.
    note : callable
        Told in one line what its user should know.

    Attributes
    ----------
    waiting : deque of Batch
        What has come and is not submitted.
    names : dict
        Of each name that outputs are called by the file that they are of.
    refused : int
        Files that were left out for that.
    """

    def __init__(self, stage: WatchedStage, root: Path, note: Callable[[str], None]) -> None:
        self.stage = stage
        self.finder: Finder | GivenFiles = (
            GivenFiles(stage.files, root)
            if stage.watch is None
            else Finder(stage.watch, root, note)
        )
        self.waiting: deque[Batch] = deque()
        self.batches = Batches(stage, root)
        self.names: dict[str, str] = {}
        self.waiting.extend(self.batches.recorded())
        self.refused = 0
        self._note = note
        for batch in self.waiting:
            self._alone(batch.files)

    def collect(self, now: float) -> int:
        """Take in what has become complete; return how many files that are."""
        found = self._alone(self.finder.find())
        before = self.batches.pending
        fresh = self.batches.of(found, now, all_=self.finder.ended)
        self.waiting.extend(fresh)
        return sum(len(one.files) for one in fresh) + self.batches.pending - before

    def _alone(self, files: Sequence[FoundFile]) -> Sequence[FoundFile]:
        """Return those of files whose outputs, of a list, no other file's are called like."""
        if not (self.stage.lists and self.stage.batch):
            return files
        taken = []
        for one in files:
            other = self.names.setdefault(PurePosixPath(one.path).stem, one.path)
            if other == one.path:
                taken.append(one)
            else:
                self.refused += 1
                self._note(
                    f"not taken: the outputs of `{one.path}` would be called like those of "
                    f"`{other}` (rename one of the two)"
                )
        return taken

    def next(self) -> Batch:
        """Take what is run next."""
        return self.waiting.pop() if self.stage.newest_first else self.waiting.popleft()

    def take_apart(self, batch: Batch) -> None:
        """Have the files of a batch run one by one, next."""
        singles = self.batches.apart(batch)
        if self.stage.newest_first:
            self.waiting.extend(reversed(singles))
        else:
            self.waiting.extendleft(reversed(singles))

    def next_look(self) -> float:
        """Return when `collect` is to be called, if nothing is told before."""
        return min(self.finder.next_look(), self.batches.next_due())

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come."""
        return self.finder.ended and not self.waiting and not self.batches.pending
