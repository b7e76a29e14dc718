"""An executor that is given steps one by one, without futures, while a run goes on for days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.executor import StepExecutor
from gpucore.standard.model import FilesBehind, Noted
from gpucore.standard.params import rooted
from gpucore.streaming.behind import forget_pace, leave_pace

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gpucore.planning import Plan
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.step import Step
    from gpucore.streaming.backlog import Pace
    from gpucore.system.folder_events import Bell
    from gpucore.system.journal_records import Fingerprint

__all__ = ["StreamExecutor"]


class StreamExecutor(StepExecutor):
    """Runs steps that are submitted as their files come; `bell` rings when it is stopped."""

    bell: Bell | None = None
    stopping = False

    def admit(self, sample: Plan, later: Iterable[tuple[Adapter, bool]] = ()) -> None:
        """Refuse what cannot run, and open the run, before the first step is there.

        Parameters
        ----------
        sample : Plan
            Steps like those that will come.
        later : iterable of (Adapter, bool)
            The programs of others, and whether each uses a GPU where that is optional.

        Raises
        ------
        GpucoreError
            As `submit_plan` does; and when another run writes the output folder's journal.
        """
        self._refuse_when_closed()
        on_gpu = {one.step.adapter.name for one in sample.steps if one.step.use_gpu}
        for adapter in sample.adapters:
            self.check(adapter, use_gpu=adapter.name in on_gpu)
        for adapter, use_gpu in later:
            self.check(adapter, use_gpu=use_gpu)
        steps = [planned.step for planned in sample.steps]
        self._admission.note(steps)
        for step in steps:
            self._dispatch.check(self._admission.need(step))
        self._begin()

    def submit_step(
        self, step: Step, after: Sequence[int] = (), *, items: Collection[str] = ()
    ) -> tuple[int, bool]:
        """Submit a step of an adapter that was admitted; return its number.

        Parameters
        ----------
        step : Step
            The step.
        after : sequence of int
            The numbers of those that it waits for.
        items : collection of str
            Its files, absolute, when it counts as done if it was done in an earlier run, whatever
            has become of these files since.

        Returns
        -------
        tuple of (int, bool)
            Its number, and whether it counts as done although its file has changed.
        """
        record = self._around.record
        if record is not None:
            record.add(step)
        earlier = self._around.earlier(step)
        kept = None
        if items and earlier.attempts and earlier.done is None and record is not None:
            values = rooted(step.adapter, step.values, str(self._around.root))
            kept = record.kept(step, values, items)
        number = self._dispatch.submit(
            step, self._admission.need(step), after, earlier=kept or earlier
        )
        return number, kept is not None

    def begun_with(self, step: str) -> Mapping[str, Fingerprint | None]:
        """Return the files with which a step was begun in an earlier run; empty: it was not."""
        record = self._around.record
        return {} if record is None else record.begun_with(step)

    def undone(self, stage: str) -> list[str]:
        """Return the names of a stage's steps on record that are not done."""
        record = self._around.record
        names = () if record is None else record.undone()
        return [name for name in names if name.startswith(f"{stage}/")]

    def stop(self, *, now: bool = False) -> None:
        """Start nothing new, take no more files, and end what runs."""
        self.stopping = True
        super().stop(now=now)
        if self.bell is not None:
            self.bell.ring()

    def tell_pace(self, pace: Pace) -> None:
        """Tell how far the run is behind the files that come; other processes first."""
        leave_pace(self.folder.parents[2], self.run, pace)
        come, done = round(pace.come, 6), round(pace.done, 6)
        seconds = None if pace.seconds is None else round(pace.seconds, 1)
        self._tell(
            FilesBehind(run=self.run, files=pace.files, come=come, done=done, seconds=seconds)
        )

    def forget_pace(self) -> None:
        """Take away what `tell_pace` left for other processes."""
        forget_pace(self.folder.parents[2])

    def say(self, text: str) -> None:
        """Tell the user of the run something."""
        self._tell(Noted(run=self.run, text=text))
