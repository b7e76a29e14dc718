"""Who submits the steps of a run: all at once, or as they come."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gpucore.executor import StepExecutor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gpucore.planning import Plan
    from gpucore.standard.model import Event

__all__ = ["PlanFeed"]


class PlanFeed:
    """Submits a plan.

    Parameters
    ----------
    plan : Plan
        The plan.

    Attributes
    ----------
    executor : type
        The executor that it needs.
    is_whole : bool
        Whether all steps were known when the run began.
    stages : Mapping
        How many steps are known of each stage when the run begins.
    submitted : int
        Steps that were submitted.
    refused : int
        Files that could not be made steps of.
    on_more : callable
        Told how many steps of which stage were submitted later.
    """

    executor: type[StepExecutor] = StepExecutor
    is_whole = True

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.stages: Mapping[str, int] = Counter(one.step.stage for one in plan.steps)
        self.submitted = len(plan.steps)
        self.refused = 0
        self.on_more: Callable[[Mapping[str, int]], None] = lambda _: None

    def heard(self, event: Event) -> None:
        """Take in an event of the run; from any thread."""

    def run(self, executor: StepExecutor) -> None:
        """Submit all steps; return when no more are to come.

        Raises
        ------
        GpucoreError
            Before anything is started: what cannot run.
        """
        executor.submit_plan(self.plan)
