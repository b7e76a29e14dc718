"""Files that come, turned into steps: in order, each once, no more at a time than can be run."""

from __future__ import annotations

import math
import select
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError, ParameterError
from gpucore.feeding import PlanFeed
from gpucore.standard.model import StepEnded
from gpucore.streaming.backlog import Backlog
from gpucore.streaming.batches import Batches
from gpucore.streaming.finder import Finder
from gpucore.streaming.submitting import StreamExecutor
from gpucore.system.folder_events import Bell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gpucore.executor import StepExecutor
    from gpucore.planning import Plan
    from gpucore.standard.model import Event
    from gpucore.standard.step import Step
    from gpucore.streaming.batches import Batch
    from gpucore.streaming.job import StreamJob, WatchedStage

__all__ = ["Stream"]

_TOLD = 20


@dataclass(eq=False)
class _Item:
    """What was submitted for a file or a batch."""

    files: int
    left: int
    earlier: bool = True


class _Source:
    """One watched stage: its finder, and the files that wait."""

    def __init__(self, stage: WatchedStage, job: StreamJob, note: Callable[[str], None]) -> None:
        self.stage = stage
        self.finder = Finder(stage.watch, job.root, note)
        self.waiting: deque[Batch] = deque()
        self.batches = Batches(stage, job.root)
        self.names: dict[str, str] = {}
        self.waiting.extend(self.batches.recorded())

    def collect(self, now: float) -> int:
        """Take in what has become complete; return how many files that are."""
        found = self.finder.find()
        before = self.batches.pending
        fresh = self.batches.of(found, now, all_=self.finder.ended)
        self.waiting.extend(fresh)
        return sum(len(one.files) for one in fresh) + self.batches.pending - before

    def next(self) -> Batch:
        return self.waiting.pop() if self.stage.watch.newest_first else self.waiting.popleft()

    def next_look(self) -> float:
        return min(self.finder.next_look(), self.batches.next_due())

    @property
    def ended(self) -> bool:
        return self.finder.ended and not self.waiting and not self.batches.pending


class Stream(PlanFeed):
    """Feeds an executor with the steps of watched stages.

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
        self.stages = dict.fromkeys(self.stages, 0)
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
        executor.admit(self.job.sample)
        self._submit(executor, self.job.first)
        sources = [_Source(stage, self.job, executor.say) for stage in self.job.watched]
        try:
            self._feed(executor, sources)
        finally:
            for source in sources:
                source.finder.close()
        if executor.stopping or executor.halted is not None:
            left = sum(len(one.files) for source in sources for one in source.waiting)
            left += sum(source.batches.pending for source in sources)
            if left:
                executor.say(f"{left} more files have come; `gpucore resume` goes on with them")
            return
        for source in sources:
            for line in source.finder.left():
                executor.say(line)
        if self._changed > _TOLD:
            executor.say(f"{self._changed} files in all were rewritten after they were done")
        self._submit_last(executor)

    def close(self) -> None:
        """Give the descriptor back, once nobody tells it anything any more."""
        self._bell.close()

    def _feed(self, executor: StreamExecutor, sources: list[_Source]) -> None:
        workers = executor.provision.workers
        backlog = Backlog(time.monotonic(), workers)
        backlog.came(sum(len(one.files) for source in sources for one in source.waiting), 0.0)
        poll = select.poll()
        poll.register(self._bell.fileno(), select.POLLIN)
        for source in sources:
            if source.finder.fileno() >= 0:
                poll.register(source.finder.fileno(), select.POLLIN)
        # Whoever wants the newest wants none that was chosen long before.
        most = 2 * workers + (0 if any(one.watch.newest_first for one in self.job.watched) else 64)
        while not executor.stopping and executor.halted is None:
            self._bell.hear()
            now = time.monotonic()
            with self._lock:
                ended, self._ended = self._ended, []
            for item in ended:
                backlog.done(item.files, now, earlier=item.earlier)
            for source in sources:
                backlog.came(source.collect(now), now)
            self._start(executor, sources, most, backlog)
            if all(source.ended for source in sources):
                return
            if word := backlog.word(now):
                executor.say(word)
            if self._ended:
                continue
            times = [source.next_look() for source in sources]
            times += [one for one in (backlog.next_word(),) if one is not None]
            poll.poll(max(0, math.ceil((min(times) - time.monotonic()) * 1000)))

    def _start(
        self, executor: StreamExecutor, sources: list[_Source], most: int, backlog: Backlog
    ) -> None:
        for source in sources:
            while source.waiting and self._running < most and not executor.stopping:
                batch = source.next()
                if not self._start_one(executor, source, batch):
                    backlog.done(len(batch.files), time.monotonic(), earlier=True)
                    self.refused += len(batch.files)

    def _start_one(self, executor: StreamExecutor, source: _Source, batch: Batch) -> bool:
        """Submit the steps of a file or a batch; say whether there are any."""
        try:
            item = source.batches.item(batch)
            plan = source.stage.plan(item)
            self._refuse_second(executor, source, item, plan.steps[0].step)
        except GpucoreError as error:
            hint = f" ({error.hint})" if error.hint else ""
            executor.say(f"not taken: {error.what}{hint}")
            return False
        self._submit(executor, plan, source, len(batch.files), item)
        return True

    def _refuse_second(
        self, executor: StreamExecutor, source: _Source, item: str, step: Step
    ) -> None:
        """Refuse a file whose outputs would be those of another.

        Raises
        ------
        ParameterError
            Names the other.
        """
        other = source.names.setdefault(step.name, item)
        if other == item and (begun := executor.begun_with(step.name)):
            mine = str(self.job.root / item)
            held = [path for path in begun if path.startswith(str(self._top(source)))]
            if mine not in begun and held and (self.job.root / held[0]).exists():
                other = held[0]
        if other != item:
            raise ParameterError(
                f"the outputs of `{item}` would be called like those of `{other}`",
                hint="rename one of the two, or watch their folders with outputs of their own",
            )

    def _top(self, source: _Source) -> str:
        return f"{self.job.root / source.stage.watch.dir}/"

    def _submit(
        self,
        executor: StreamExecutor,
        plan: Plan,
        source: _Source | None = None,
        files: int = 0,
        item: str = "",
    ) -> None:
        if not plan.steps:
            return
        self.on_more(Counter(planned.step.stage for planned in plan.steps))
        self.submitted += len(plan.steps)
        if source is not None:
            told = _Item(files, len(plan.steps))
            with self._lock:
                self._running += 1
                self._items.update((planned.step.name, told) for planned in plan.steps)
        numbers: list[int] = []
        for place, planned in enumerate(plan.steps):
            step = planned.step
            part = step.stage or step.name
            after = [numbers[one] for one in planned.after]
            after += self._all_of(self.job.before.get(part, ()))
            keeps = source is not None and not place and not source.stage.watch.run_changed
            path = str(self.job.root / item) if keeps else ""
            number, kept = executor.submit_step(step, after, item=path)
            numbers.append(number)
            if kept:
                self._tell_changed(executor, step, item)
            if part in self._numbers:
                self._numbers[part].append(number)

    def _tell_changed(self, executor: StreamExecutor, step: Step, item: str) -> None:
        self._changed += 1
        if self._changed <= _TOLD:
            executor.say(f"`{item}` was rewritten after {step.name} was done; it is not run again")

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
