"""What a host submits, on its way to the machine: checked, put on record, numbered."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from gpucore.futures import check_owned
from gpucore.planning import make_step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpucore.admission import Admission
    from gpucore.dispatch import Dispatch
    from gpucore.futures import StepFuture
    from gpucore.planning import Plan
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.step import Limits
    from gpucore.surroundings import Surroundings

__all__ = ["Submissions"]


class Submissions:
    """Takes steps and plans from a host, on any of its threads.

    Parameters
    ----------
    admission : Admission
        Says what may run.
    around : Surroundings
        The run.
    dispatch : Dispatch
        Gets what was taken.
    begin : callable
        Begins the run, if it has not: called when a step was found right.
    output : str
        Where outputs lie that are not named.
    """

    def __init__(
        self,
        admission: Admission,
        around: Surroundings,
        dispatch: Dispatch,
        begin: Callable[[], None],
        output: str,
    ) -> None:
        self._admission = admission
        self._around = around
        self._dispatch = dispatch
        self._begin = begin
        self._output = output
        self._numbers = itertools.count(1)

    def step(
        self,
        adapter: Adapter,
        params: Mapping[str, object],
        *,
        name: str | None,
        after: Sequence[StepFuture],
        use_gpu: bool,
        gpus: int | None,
        memory: str | int | None,
        limits: Limits,
        priority: int,
    ) -> StepFuture:
        """Take one step; see `StepExecutor.submit`."""
        check_owned(after, self._dispatch)
        step = make_step(
            adapter,
            params,
            name=name or f"{adapter.name}/{next(self._numbers)}",
            output=self._output,
            use_gpu=use_gpu,
            gpus=gpus,
            gpu_memory=memory,
            limits=limits,
        )
        self._admission.check(adapter, use_gpu=use_gpu)
        self._admission.note([step])
        need = self._admission.need(step)
        self._dispatch.check(need)
        self._begin()
        if self._around.record is not None:
            self._around.record.add(step)
        return self._dispatch.post(step, need, after, self._around.earlier(step), priority)

    def plan(self, plan: Plan) -> None:
        """Take every step of a plan; see `StepExecutor.submit_plan`."""
        on_gpu = {one.step.adapter.name for one in plan.steps if one.step.use_gpu}
        for adapter in plan.adapters:
            self._admission.check(adapter, use_gpu=adapter.name in on_gpu)
        self._admission.note(planned.step for planned in plan.steps)
        for need in {self._admission.need(one.step) for one in plan.steps}:
            self._dispatch.check(need)
        self._begin()
        if self._around.record is not None:
            self._around.record.plan(planned.step for planned in plan.steps)
        numbers: list[int] = []
        for planned in plan.steps:
            after = [numbers[place] for place in planned.after]
            need = self._admission.need(planned.step)
            earlier = self._around.earlier(planned.step)
            numbers.append(self._dispatch.submit(planned.step, need, after, earlier))
