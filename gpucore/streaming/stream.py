"""Files that come, turned into steps: in order, each once, no more at a time than can be run."""

from __future__ import annotations

import math
import select
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError, ParameterError
from gpucore.feeding import PlanFeed
from gpucore.standard.model import FailureClass, StepEnded
from gpucore.standard.several import files_of
from gpucore.streaming.backlog import Backlog
from gpucore.streaming.batches import Batch, Batches
from gpucore.streaming.given import GivenFiles
from gpucore.streaming.source import StreamSource
from gpucore.streaming.submitting import StreamExecutor
from gpucore.system.folder_events import Bell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.executor import StepExecutor
    from gpucore.planning import Plan
    from gpucore.standard.model import Event
    from gpucore.standard.step import Step
    from gpucore.streaming.job import StreamJob

__all__ = ["Stream"]

_TOLD = 20
_SHOWN = 3


_OF_ALL_FILES = frozenset(
    {
        FailureClass.NO_DEVICE,
        FailureClass.DEVICE_FAULT,
        FailureClass.DISK_FULL,
        FailureClass.INTERRUPTED,
        FailureClass.CPU_FALLBACK,
        FailureClass.NOT_STARTED,
    }
)
"""What no single file of a batch is to blame for."""


@dataclass(eq=False)
class _Item:
    """What was submitted for a file or a batch.

    Parameters
    ----------
    batch, source
        What it is of; None: it hangs on no file.
    first : str
        Its own step, before those that are chained to it.
    numbers : list of (str, int)
        Stage and number of each step.
    left : int
        Steps that have not ended.
    earlier : bool
        Whether all were done in an earlier run.
    apart : bool
        Whether it is a batch that failed in a way that one of its files may be to blame for.
    """

    batch: Batch
    source: StreamSource
    first: str
    left: int
    numbers: list[tuple[str, int]] = field(default_factory=list)
    earlier: bool = True
    apart: bool = False

    @property
    def files(self) -> int:
        return len(self.batch.files)


class Stream(PlanFeed):
    """Feeds an executor with the steps of watched stages, and of those that run in batches.

    Parameters
    ----------
    job : StreamJob
        What is watched and what is run.
    """

    executor = StreamExecutor
    is_whole = False

    def __init__(self, job: StreamJob) -> None:
        super().__init__(job.sample)
        self.job = job
        self.submitted = 0
        self.is_whole = all(stage.watch is None for stage in job.watched)
        self.stages = self._known = Counter(dict.fromkeys(self.stages, 0) | _batches(job))
        self._bell = Bell()
        self._lock = threading.Lock()
        self._items: dict[str, _Item] = {}
        self._running = 0
        self._ended: list[_Item] = []
        self._numbers: dict[str, list[int]] = {name: [] for name in job.waited_for}
        self._changed = 0

    def heard(self, event: Event) -> None:
        """Take in an event of the run; from any thread."""
        if not isinstance(event, StepEnded):
            return
        with self._lock:
            item = self._items.pop(event.outcome.step, None)
            if item is None:
                return
            item.left -= 1
            item.earlier = item.earlier and event.outcome.earlier
            failure = event.outcome.failure
            if event.outcome.step == item.first and item.files > 1 and failure is not None:
                item.apart = failure not in _OF_ALL_FILES
            if item.left:
                return
            self._running -= 1
            self._ended.append(item)
        self._bell.ring()

    def run(self, executor: StepExecutor) -> None:
        """Submit steps until nothing more is to come, or the executor is stopped.

        Raises
        ------
        GpucoreError
            Before anything is started: what cannot run.
        """
        if not isinstance(executor, StreamExecutor):
            raise TypeError("files that come are run by a StreamExecutor")
        executor.bell = self._bell
        executor.admit(self.job.sample, self.job.later)
        self._submit(executor, self.job.first)
        sources = [StreamSource(stage, self.job.root, executor.say) for stage in self.job.watched]
        try:
            self._feed(executor, sources)
        finally:
            executor.forget_pace()
            for source in sources:
                source.finder.close()
        if executor.stopping or executor.halted is not None:
            left = sum(len(one.files) for source in sources for one in source.waiting)
            left += sum(source.batches.pending for source in sources)
            if left:
                executor.say(f"{left} more files have come; `gpucore resume` goes on with them")
            return
        for source in sources:
            self.refused += source.refused
            for line in (*source.finder.left(), *self._gone(executor, source)):
                executor.say(line)
        if self._changed > _TOLD:
            executor.say(f"{self._changed} files in all were rewritten after they were done")
        self._submit_last(executor)

    def close(self) -> None:
        """Give the descriptor back, once nobody tells it anything any more."""
        self._bell.close()

    @staticmethod
    def _gone(executor: StreamExecutor, source: StreamSource) -> list[str]:
        """Return a line for the steps of earlier runs whose files do not come any more."""
        if source.stage.batch or source.stage.watch is None:
            return []
        gone = [name for name in executor.undone(source.stage.name) if name not in source.names]
        if not gone:
            return []
        shown = ", ".join(gone[:_SHOWN]) + f" and {len(gone) - _SHOWN} more" * (len(gone) > _SHOWN)
        return [
            f"{shown}: not done by an earlier run, and now gone from `{source.stage.watch.dir}`"
        ]

    def _feed(self, executor: StreamExecutor, sources: list[StreamSource]) -> None:
        workers = executor.provision.workers
        backlog = Backlog(time.monotonic(), workers)
        backlog.came(sum(len(one.files) for source in sources for one in source.waiting), 0.0)
        poll = select.poll()
        poll.register(self._bell.fileno(), select.POLLIN)
        for source in sources:
            if source.finder.fileno() >= 0:
                poll.register(source.finder.fileno(), select.POLLIN)
        # Whoever wants the newest wants none that was chosen long before.
        most = 2 * workers + (0 if any(one.newest_first for one in self.job.watched) else 64)
        while not executor.stopping and executor.halted is None:
            self._bell.hear()
            now = time.monotonic()
            with self._lock:
                ended, self._ended = self._ended, []
            for item in ended:
                self._count(executor, item, backlog)
            for source in sources:
                backlog.came(source.collect(now), now)
            self._start(executor, sources, most, backlog)
            if all(source.ended for source in sources) and not self._works():
                return
            if not self.is_whole:
                self._tell(executor, backlog, now)
            if self._ended:
                continue
            times = [source.next_look() for source in sources]
            looks = (backlog.next_word(), backlog.next_report())
            times += [one for one in looks if one is not None]
            poll.poll(max(0, math.ceil((min(times) - time.monotonic()) * 1000)))

    @staticmethod
    def _tell(executor: StreamExecutor, backlog: Backlog, now: float) -> None:
        """Tell how far the run is behind the files that come."""
        if word := backlog.word(now):
            executor.say(word)
        if (pace := backlog.report(now)) is not None:
            executor.tell_pace(pace)

    def _works(self) -> bool:
        """Say whether files are worked on: of a batch they may have to be run one by one yet."""
        with self._lock:
            return bool(self._ended or self._items)

    def _count(self, executor: StreamExecutor, item: _Item, backlog: Backlog) -> None:
        """Count what has ended; have the files of a batch that failed run one by one."""
        if not item.apart or executor.stopping:
            backlog.done(item.files, time.monotonic(), earlier=item.earlier)
            return
        # It counts no more itself.
        item.source.take_apart(item.batch)
        self.submitted -= len(item.numbers)
        for part, number in item.numbers:
            if part in self._numbers:
                self._numbers[part].remove(number)
        executor.say(f"{item.first} failed: its {item.files} files are run one by one")

    def _start(
        self, executor: StreamExecutor, sources: list[StreamSource], most: int, backlog: Backlog
    ) -> None:
        for source in sources:
            while source.waiting and self._running < most and not executor.stopping:
                batch = source.next()
                if not self._start_one(executor, source, batch):
                    backlog.done(len(batch.files), time.monotonic(), earlier=True)
                    self.refused += len(batch.files)

    def _start_one(self, executor: StreamExecutor, source: StreamSource, batch: Batch) -> bool:
        """Submit the steps of a file or a batch; say whether there are any."""
        try:
            plan = source.stage.plan(source.batches.item(batch))
            item = self._path(source, batch)
            self._refuse_second(executor, source, item, plan.steps[0].step)
        except GpucoreError as error:
            hint = f" ({error.hint})" if error.hint else ""
            executor.say(f"not taken: {error.what}{hint}")
            return False
        source.batches.keep(batch)
        self._submit(executor, plan, source, batch, item)
        return True

    @staticmethod
    def _path(source: StreamSource, batch: Batch) -> str:
        """Return what a batch or a file is known by: its path, relative to the root."""
        if batch.name:
            return f"{source.stage.batches}/{batch.name}"
        return source.stage.path(batch.files[0].path)

    def _refuse_second(
        self, executor: StreamExecutor, source: StreamSource, item: str, step: Step
    ) -> None:
        """Refuse a file whose outputs would be those of another.

        Raises
        ------
        ParameterError
            Names the other.
        """
        other = source.names.setdefault(step.name, item)
        if other == item and not source.stage.batch and (begun := executor.begun_with(step.name)):
            mine = str(self.job.root / item)
            held = [path for path in begun if path.startswith(str(self._top(source)))]
            if mine not in begun and held and (self.job.root / held[0]).exists():
                other = held[0]
        if other != item:
            raise ParameterError(
                f"the outputs of `{item}` would be called like those of `{other}`",
                hint="rename one of the two, or watch their folders with outputs of their own",
                code="E310",
            )

    def _top(self, source: StreamSource) -> str:
        return f"{self.job.root / source.stage.path('')}/"

    def _submit(
        self,
        executor: StreamExecutor,
        plan: Plan,
        source: StreamSource | None = None,
        batch: Batch | None = None,
        path: str = "",
    ) -> None:
        if not plan.steps:
            return
        more = Counter(planned.step.stage for planned in plan.steps)
        self.on_more(more - self._known)
        self._known = self._known - more
        self.submitted += len(plan.steps)
        told: _Item | None = None
        if source is not None and batch is not None:
            told = _Item(batch, source, plan.steps[0].step.name, len(plan.steps))
            with self._lock:
                self._running += 1
                self._items.update((planned.step.name, told) for planned in plan.steps)
        numbers: list[int] = []
        for place, planned in enumerate(plan.steps):
            step = planned.step
            part = step.stage or step.name
            after = [numbers[one] for one in planned.after]
            after += self._all_of(self.job.before.get(part, ()))
            items: frozenset[str] = frozenset()
            if source is not None and not place:
                items = self._spared(step, path, run_changed=source.stage.run_changed)
            number, kept = executor.submit_step(step, after, items=items)
            numbers.append(number)
            if told is not None:
                told.numbers.append((part, number))
            if kept and batch is not None:
                how = f"`{path}` was rewritten"
                if batch.name:
                    how = f"a file of {step.name} was rewritten, or is gone,"
                self._tell_changed(executor, step, how)
            if part in self._numbers:
                self._numbers[part].append(number)

    def _spared(self, step: Step, path: str, *, run_changed: bool) -> frozenset[str]:
        """Return the files of an item, absolute, for which it is not run again: all, or the gone.

        Of a single file that is gone there is no item.
        """
        several = files_of(step.adapter, step.own)
        paths = [self.job.root / one for one in several or (path,)]
        gone = [one for one in paths if several and not one.exists()] if run_changed else paths
        return frozenset(map(str, gone))

    def _tell_changed(self, executor: StreamExecutor, step: Step, how: str) -> None:
        self._changed += 1
        if self._changed <= _TOLD:
            executor.say(f"{how} after {step.name} was done; it is not run again")

    def _all_of(self, parts: Iterable[str]) -> list[int]:
        return [number for part in parts for number in self._numbers[part]]

    def _submit_last(self, executor: StreamExecutor) -> None:
        """Submit what waits for all of a watched stage."""
        try:
            plan = self.job.last()
        except GpucoreError as error:
            self.refused += 1
            executor.say(f"not run: {error.what}")
            return
        self._submit(executor, plan)


def _batches(job: StreamJob) -> dict[str, int]:
    """Return how many batches there are of each stage whose files are named, if that is all."""
    named = [stage for stage in job.watched if stage.watch is None]
    stages = {planned.step.stage for planned in job.sample.steps}
    if len(named) < len(job.watched) or job.later or stages != {one.name for one in named}:
        return {}
    found = {}
    for stage in named:
        batches = Batches(stage, job.root)
        files = GivenFiles(stage.files, job.root).find()
        found[stage.name] = len(batches.recorded()) + len(batches.of(files, 0.0, all_=True))
    return found
