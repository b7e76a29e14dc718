"""What the runs of a folder did so far, and what of it changed since it was last told."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpucore.report.history import Attempt, Sample, State
from gpucore.report.lanes import NO_GPU, Layout, RowKeeper, lane_order
from gpucore.report.reading import HistoryReader
from gpucore.report.step_columns import STATES
from gpucore.report.texts import command_words
from gpucore.system.journal_records import Began, RunBegan, Sampled

if TYPE_CHECKING:
    from gpucore.system.journal_records import Record

__all__ = ["RunStory", "StoryNews"]

_LATELY = 600.0
"""Seconds over which the rate is taken."""


@dataclass(frozen=True, kw_only=True)
class StoryNews:
    """What changed.

    Parameters
    ----------
    attempts : tuple of Attempt
        Those that began, ended or are now seen otherwise, in the order of their beginnings.
    commands : Mapping of int to sequence of str
        The words of the commands of those that began, by their events.
    samples : tuple of Sample
        What GPUs said.
    """

    attempts: tuple[Attempt, ...]
    commands: Mapping[int, Sequence[str]]
    samples: tuple[Sample, ...]


class RunStory:
    """Records in; at any time a history, and what is new in it.

    Attributes
    ----------
    reader : HistoryReader
        Makes the history.
    stages : dict of str to int
        The number of each stage, in the order of their first attempts.
    """

    def __init__(self) -> None:
        self.reader = HistoryReader(self._ended)
        self.stages: dict[str, int] = {}
        self.open: dict[int, str] = {}
        """Steps whose end has not come by, by the events of their beginnings."""
        self._rows = RowKeeper()
        self._holding: dict[int, tuple[int, ...]] = {}
        self._bare = False
        self._not_done: dict[str, Attempt] = {}
        self._changed: dict[int, Attempt | None] = {}
        self._commands: dict[int, list[str]] = {}
        self._samples: list[Sample] = []
        self._per_stage: Counter[str] = Counter()
        self._per_state: Counter[State] = Counter()
        self._done: deque[float] = deque()
        self._quiet = True

    def take(self, n: int, record: Record) -> None:
        """Take a record in.

        Raises
        ------
        GpucoreError
            When it tells a time that cannot be.
        """
        if isinstance(record, RunBegan):
            self.reconsider()  # what an earlier run left open was cut off
            for event, gpus in self._holding.items():
                self._rows.ended(event, gpus)
            self._holding.clear()
        self.reader.take(n, record)
        if isinstance(record, Began):
            self._began(n, record)
        elif isinstance(record, Sampled) and not self._quiet:
            latest = (some[-1] for some in self.reader.gpus.samples.values())
            self._samples += [one for one in latest if one.time == record.time]

    def reconsider(self) -> None:
        """Tell anew of all that is open: whether it runs is seen otherwise now."""
        self._changed.update(dict.fromkeys(self.open))

    def news(self, last: float, *, lives: bool) -> StoryNews:
        """Return what changed since the last call.

        Parameters
        ----------
        last : float
            When the last run was last heard of, in seconds since the epoch.
        lives : bool
            Whether that goes on.
        """
        self._quiet = False
        changed, commands, samples = self._changed, self._commands, self._samples
        self._changed, self._commands, self._samples = {}, {}, []
        attempts = []
        for event, ended in changed.items():
            one = ended
            if one is None and event in self.open:
                one = self.reader.steps.standing_of(self.open[event], last, lives=lives)
            if one is not None:
                attempts.append(one)
        attempts.sort(key=lambda one: one.began)
        return StoryNews(attempts=tuple(attempts), commands=commands, samples=tuple(samples))

    def layout(self) -> Layout:
        """Return how it is laid out on a page now."""
        runs = self.reader.steps.runs
        order = lane_order(self.reader.gpus.gpus)
        if self._bare:
            order.append(NO_GPU)
        return Layout(
            zero=min((run.record.time for run in runs), default=0.0),
            order=tuple(order),
            rows=self._rows.rows,
            stages=self.stages,
        )

    def row_counts(self) -> dict[int, int]:
        """Return how many rows each lane has, by the GPU's place."""
        return dict(self._rows.count)

    def counts(self, *, lives: bool) -> tuple[list[int], list[int]]:
        """Return how many attempts each stage, and each state, has."""
        states = self._per_state.copy()
        for one in self.reader.steps.standing(0.0, lives=lives):
            states[one.state] += 1
        return [self._per_stage[one] for one in self.stages], [states[one] for one in STATES]

    def done_an_hour(self, now: float) -> float:
        """Return how many steps an hour were done lately, or since the run began."""
        runs = self.reader.steps.runs
        if not runs:
            return 0.0
        since = max(now - _LATELY, runs[-1].record.time)
        while self._done and self._done[0] < since:
            self._done.popleft()
        return 3600 * len(self._done) / (now - since) if now > since else 0.0

    def _began(self, n: int, record: Began) -> None:
        one = self.reader.steps.standing_of(record.step, record.time, lives=True)
        if one is None:
            return
        self.open[n] = record.step
        self._bare = self._bare or not one.gpus
        self._rows.began(n, one.gpus)
        self._holding[n] = one.gpus
        self._supersede(record.step)
        self._count(one.stage)
        if not self._quiet:
            self._changed[n] = None
            self._commands[n] = command_words(record.env, record.argv)

    def _ended(self, attempt: Attempt, _began: Began | None, _gpus: tuple[str, ...]) -> None:
        key = attempt.key
        if self.open.pop(key, None) is None:
            self._count(attempt.stage)
        if (held := self._holding.pop(key, None)) is not None:
            self._rows.ended(key, held)
        self._supersede(attempt.step)
        self._per_state[attempt.state] += 1
        if attempt.state is State.DONE:
            self._done.append(attempt.ended)
        else:
            self._not_done[attempt.step] = attempt
        if not self._quiet:
            self._changed[key] = attempt

    def _supersede(self, step: str) -> None:
        """See the attempt before another as one that was tried again."""
        before = self._not_done.pop(step, None)
        if before is None:
            return
        self._per_state[before.state] -= 1
        self._per_state[State.RETRIED] += 1
        if not self._quiet:
            self._changed[before.key] = replace(before, state=State.RETRIED)

    def _count(self, stage: str) -> None:
        self.stages.setdefault(stage, len(self.stages))
        self._per_stage[stage] += 1
