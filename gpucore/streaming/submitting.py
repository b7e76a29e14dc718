"""An executor that is given steps one by one, without futures, while a run goes on for days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.executor import StepExecutor
from gpucore.standard.model import Noted
from gpucore.standard.params import rooted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpucore.planning import Plan
    from gpucore.standard.step import Step
    from gpucore.system.folder_events import Bell
    from gpucore.system.journal_records import Fingerprint

__all__ = ["StreamExecutor"]


class StreamExecutor(StepExecutor):
    """Runs steps that are submitted as their files come; `bell` rings when it is stopped."""

    bell: Bell | None = None
    stopping = False

    def admit(self, sample: Plan) -> None:
        """Refuse what cannot run, and open the run, before the first step is there.

        Parameters
        ----------
        sample : Plan
            Steps like those that will come.

        Raises
        ------
        GpucoreError
            As `submit_plan` does; and when another run writes the output folder's journal.
        """
        self._refuse_when_closed()
        on_gpu = {one.step.adapter.name for one in sample.steps if one.step.use_gpu}
        for adapter in sample.adapters:
            self.check(adapter, use_gpu=adapter.name in on_gpu)
        steps = [planned.step for planned in sample.steps]
        self._admission.note(steps)
        for step in steps:
            self._dispatch.check(self._admission.need(step))
        self._begin()

    def submit_step(
        self, step: Step, after: Sequence[int] = (), *, item: str = ""
    ) -> tuple[int, bool]:
        """Submit a step of an adapter that was admitted; return its number.

        Parameters
        ----------
        step : Step
            The step.
        after : sequence of int
            The numbers of those that it waits for.
        item : str
            Its file, absolute, when it counts as done if it was done in an earlier run, whatever
            has become of that file since.

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
        if item and earlier.attempts and earlier.done is None and record is not None:
            values = rooted(step.adapter, step.values, str(self._around.root))
            kept = record.kept(step, values, item)
        number = self._dispatch.submit(
            step, self._admission.need(step), after, earlier=kept or earlier
        )
        return number, kept is not None

    def begun_with(self, step: str) -> Mapping[str, Fingerprint | None]:
        """Return the files with which a step was begun in an earlier run; empty: it was not."""
        record = self._around.record
        return {} if record is None else record.begun_with(step)

    def stop(self, *, now: bool = False) -> None:
        """Start nothing new, take no more files, and end what runs."""
        self.stopping = True
        super().stop(now=now)
        if self.bell is not None:
            self.bell.ring()

    def say(self, text: str) -> None:
        """Tell the user of the run something."""
        self._tell(Noted(run=self.run, text=text))
