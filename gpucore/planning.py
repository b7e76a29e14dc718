"""From items and stages to steps: every value checked and every output named before any starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gpucore.clashes import clashes, missing_inputs, missing_items
from gpucore.errors import DeviceError, ParameterError, raise_faults
from gpucore.scheduling import Ended, Grant, Launch, Submitted
from gpucore.standard.checks import named_outputs
from gpucore.standard.memory import MOST_MIB, parse_memory
from gpucore.standard.params import Values, check_value, disorder, read_values
from gpucore.standard.several import Several
from gpucore.standard.step import NO_LIMITS, Limits, Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpucore.provision import Provision
    from gpucore.standard.adapter import Adapter

__all__ = [
    "Plan",
    "PlannedStep",
    "check_asked",
    "check_count",
    "check_gpus",
    "check_memory",
    "make_step",
    "plan_map",
    "preview",
    "stage_steps",
]


@dataclass(frozen=True)
class PlannedStep:
    """A step and the numbers, within its plan, of those that it waits for."""

    step: Step
    after: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Steps in the order in which they are submitted.

    Parameters
    ----------
    steps : tuple of PlannedStep
        Each waits only for earlier ones.
    root : Path
        Relative paths are below it, and programs run in it.
    """

    steps: tuple[PlannedStep, ...]
    root: Path

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        """The adapters it uses, each once."""
        return tuple({one.step.adapter.name: one.step.adapter for one in self.steps}.values())


def make_step(
    adapter: Adapter,
    given: Mapping[str, object],
    *,
    name: str,
    output: str,
    use_gpu: bool = True,
    gpus: int | None = None,
    gpu_memory: str | int | None = None,
    limits: Limits = NO_LIMITS,
) -> Step:
    """Return a single step; outputs that were not given lie in ``output``.

    Raises
    ------
    ParameterError, Faults
        For every value that is wrong.
    """
    check_gpus(adapter, gpus)
    values = named_outputs(adapter, read_values(adapter, given), output)
    own = {adapter.item, *adapter.output_params} & values.keys()
    return Step(
        name=name,
        adapter=adapter,
        shared={key: value for key, value in values.items() if key not in own},
        own={key: values[key] for key in own},
        stage="",
        use_gpu=use_gpu,
        gpus=gpus,
        gpu_memory=check_memory(adapter, gpu_memory),
        limits=limits,
    )


def plan_map(
    adapter: Adapter,
    items: Sequence[str],
    given: Mapping[str, object],
    *,
    output: str,
    root: Path,
    use_gpu: bool = True,
    gpus: int | None = None,
    gpu_memory: str | int | None = None,
    limits: Limits = NO_LIMITS,
) -> Plan:
    """Return the plan of one adapter over files.

    Parameters
    ----------
    adapter : Adapter
        The program.
    items : sequence of str
        The files.
    given : Mapping
        Values that all steps have in common.
    output : str
        The folder for their outputs.

    Raises
    ------
    ParameterError, Faults
        For every wrong value, every file that is not there, those that parameters name among them,
        and every two items that would write the same output.
    """
    steps = list(
        stage_steps(
            adapter,
            items,
            given,
            stage=adapter.name,
            output=output,
            use_gpu=use_gpu,
            gpus=gpus,
            gpu_memory=gpu_memory,
            limits=limits,
        )
    )
    inputs = (fault for _, fault in missing_inputs(steps, root))
    faults = [*missing_items(items, root), *inputs, *clashes(steps, root)]
    raise_faults(faults)
    return Plan(steps=tuple(PlannedStep(step) for step in steps), root=root)


def stage_steps(
    adapter: Adapter,
    items: Sequence[str | Several],
    given: Mapping[str, object],
    *,
    stage: str,
    output: str,
    use_gpu: bool = True,
    gpus: int | None = None,
    gpu_memory: str | int | None = None,
    limits: Limits = NO_LIMITS,
    own: Sequence[Mapping[str, object]] = (),
) -> Iterator[Step]:
    """Yield the step of each item of a stage, in order.

    Parameters
    ----------
    own : sequence of Mapping
        Values of each item's own beside the item itself, where there are any.

    Raises
    ------
    ParameterError, Faults
        For every wrong value.
    """
    check_gpus(adapter, gpus)
    memory = check_memory(adapter, gpu_memory)
    if not adapter.item:
        raise ParameterError(
            f"the adapter {adapter.name} has no item, so that it cannot be run over files",
            hint="run it as a single step: [[step]] in a job file",
            code="E308",
        )
    if not items:
        raise ParameterError(
            "there is no item to run over", hint="give at least one file", code="E308"
        )
    if adapter.item in given:
        raise ParameterError(
            f"`{adapter.item}` is the item: each step gets its own",
            hint="take it out of params",
            code="E308",
        )
    first = {**given, **(own[0] if own else {}), adapter.item: _value(items[0])}
    values = read_values(adapter, first)
    fixed = {name: values[name] for name in adapter.params if given.get(name) is not None}
    shared = {
        name: value
        for name, value in values.items()
        if name != adapter.item and (name not in adapter.output_params or name in fixed)
    }
    if len(items) > 1 and fixed.keys() & set(adapter.output_params):
        name = next(name for name in adapter.output_params if name in fixed)
        raise ParameterError(
            f"`{name}` = {fixed[name]!r} would be written by all {len(items)} items",
            hint="leave it out: every item's output is named after the item",
            code="E310",
        )
    named = _Names(stage)
    for place, item in enumerate(items):
        param = adapter.params[adapter.item]
        mine: Values = {adapter.item: check_value(adapter.item, param, _value(item))}
        for name, value in own[place].items() if own else ():
            mine[name] = check_value(name, adapter.params[name], value)
        if len(mine) > 1:
            raise_faults(disorder(adapter, {**values, **mine}))
        filled = named_outputs(adapter, {**values, **_unnamed(adapter, fixed), **mine}, output)
        yield Step(
            name=named.name(item),
            adapter=adapter,
            shared=shared,
            own=mine | {name: filled[name] for name in adapter.output_params if name not in fixed},
            stage=stage,
            use_gpu=use_gpu,
            gpus=gpus,
            gpu_memory=memory,
            limits=limits,
        )


def check_memory(adapter: Adapter, memory: str | int | None) -> int | None:
    """Return the free memory that a step of an adapter asks for on each GPU, in MiB.

    Parameters
    ----------
    memory : str, int or None
        As in ``"12 GiB"``, or in MiB; None: nothing is said.

    Raises
    ------
    ParameterError
        For what is no amount of memory, and for a program that uses no GPU.
    """
    if memory is None:
        return None
    mib = parse_memory(memory) if isinstance(memory, str) else memory
    if isinstance(mib, bool) or not isinstance(mib, int) or not 1 <= mib <= MOST_MIB:
        raise ParameterError(
            f"gpu_memory = {memory!r} is no memory to ask for",
            hint='write it as in "12 GiB"',
            code="E112",
        )
    if not adapter.gpu.use.allows_gpu:
        raise ParameterError(
            f"gpu_memory = {memory!r} does not go with {adapter.name}: it uses no GPU",
            hint="leave it out",
            code="E111",
        )
    return mib


def check_asked(gpus: int | None, priority: int) -> None:
    """Refuse what is no number of GPUs, and what is no priority.

    Raises
    ------
    ParameterError
        For a number of GPUs below 1, and for what is no whole number.
    """
    check_count(gpus)
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise ParameterError(
            f"priority = {priority!r} is no whole number",
            hint="0 is usual; steps of a higher one start first",
            code="E303",
        )


def check_count(gpus: int | None) -> None:
    """Refuse what is no number of GPUs.

    Raises
    ------
    ParameterError
        For a number below 1, and for what is no number.
    """
    if gpus is not None and (isinstance(gpus, bool) or not isinstance(gpus, int) or gpus < 1):
        raise ParameterError(
            f"gpus = {gpus!r} is no number of GPUs",
            hint="1 or more; to run without a GPU say use_gpu = false",
            code="E106",
        )


def check_gpus(adapter: Adapter, gpus: int | None) -> None:
    """Refuse a number of GPUs that a step of this adapter cannot ask for.

    Raises
    ------
    ParameterError
        For what is no number of GPUs, and for a program that uses none.
    """
    check_count(gpus)
    if gpus is not None and not adapter.gpu.use.allows_gpu:
        raise ParameterError(
            f"gpus = {gpus} does not go with {adapter.name}: it uses no GPU",
            hint="leave it out",
            code="E111",
        )


def preview(plan: Plan, provision: Provision, *, may_share: bool) -> Iterator[tuple[Step, Grant]]:
    """Yield the steps in the order in which they would start, with what they would be given.

    Steps are taken to last equally long and to end well.

    Raises
    ------
    NeedError, DeviceError
        When a step can never be given what it needs.
    """
    _refuse_without_gpu(plan, provision)
    machine = provision.machine()
    running: list[int] = []
    for number, planned in enumerate(plan.steps):
        need = provision.need(planned.step, may_share=may_share)
        for action in machine.handle(Submitted(number, need, planned.after)):
            if isinstance(action, Launch):
                running.append(action.step)
                yield plan.steps[action.step].step, action.grant
            elif hasattr(action, "error"):
                raise action.error
    # Whoever started first ends first, as with steps of equal length.
    place = 0
    while place < len(running):
        for action in machine.handle(Ended(running[place], done=True)):
            if isinstance(action, Launch):
                running.append(action.step)
                yield plan.steps[action.step].step, action.grant
        place += 1


def _refuse_without_gpu(plan: Plan, provision: Provision) -> None:
    needy = [one.name for one in plan.adapters if one.gpu.use.requires_gpu]
    if not needy or provision.units:
        return
    who, absent = f"the adapter {needy[0]} needs a GPU", provision.absent
    if absent is not None:
        raise DeviceError(f"{who}: {absent.what}", hint=absent.hint, code=absent.code)
    raise DeviceError(
        f"{who}, and the run's GPU list is empty",
        hint='name the GPUs it may use: `--gpus "0 1"`, gpus = "0 1"',
        code="E108",
    )


def _value(item: str | Several) -> str | tuple[str, ...]:
    return item.files if isinstance(item, Several) else item


def _unnamed(adapter: Adapter, fixed: Mapping[str, object]) -> Values:
    return {name: None for name in adapter.output_params if name not in fixed}


class _Names:
    """Gives each item of a stage a name of its own."""

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._seen: dict[str, int] = {}

    def name(self, item: str | Several) -> str:
        stem = item.name if isinstance(item, Several) else PurePosixPath(item).stem or item
        count = self._seen.get(stem, 0) + 1
        name = stem
        # `a~2` may also be what a file is called.
        while name in self._seen:
            name = f"{stem}~{count}"
            count += name in self._seen
        self._seen[name] = 1
        self._seen[stem] = count
        return f"{self._stage}/{name}"
