"""From a job file to a plan: items found, stages chained item by item."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from gpucore.clashes import clashes, missing_inputs, missing_items
from gpucore.config import Stage, ordered
from gpucore.errors import Faults, GpucoreError, ParameterError, did_you_mean, raise_faults
from gpucore.outcomes import expected_outputs
from gpucore.planning import Plan, PlannedStep, make_step, stage_steps
from gpucore.standard.marks import Mark, marks, split
from gpucore.standard.several import of_each
from gpucore.standard.step import Limits, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from gpucore.config import Job, JobFile, StepTable
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.several import Several

__all__ = ["files_of", "plan_job", "stages_named"]


def plan_job(
    job_file: JobFile,
    adapters: Mapping[str, Adapter],
    *,
    only: Collection[str] | None = None,
    items: Mapping[str, Sequence[str | Several]] = MappingProxyType({}),
    look: bool = True,
) -> Plan:
    """Return the plan of a job whose faults (`gpucore.config.job_faults`) were looked for.

    The outputs of a stage lie in a folder of its name below the job's output folder. An item's
    steps stand together, so that its next stage is older, and so comes earlier, than another
    item's first.

    Parameters
    ----------
    job_file : JobFile
        The job; relative paths are below its folder.
    adapters : Mapping
        All that are known, by name.
    only : collection of str, optional
        The stages and steps that are planned, when not all; none waits for any of the others.
    items : Mapping
        The items of stages whose files come, or are run in batches, by name; whether they are there
        is not looked at.
    look : bool
        Whether files that parameters name must be there, or come.

    Raises
    ------
    GpucoreError
        For every item that is not there, every pattern that fits nothing, every file of a parameter
        that is not there and that nothing before makes, every two steps that would write the same
        output, each with the file and the stage.
    """
    job, root = job_file.job, job_file.folder
    parts: dict[str, _Part] = {}
    faults: list[GpucoreError] = []
    tables = {part.name: part for part in job.parts}
    for name in ordered(job):
        table = tables[name]
        if only is not None and name not in only:
            continue
        before = {one for one in table.before if only is None or one in only}
        if not parts.keys() >= before:
            continue  # what it hangs on is wrong, and told
        key = _key(job, table)
        try:
            part = _part(
                table, adapters[table.adapter], parts, root, job.run.output, items.get(name)
            )
        except GpucoreError as error:
            faults += [
                job_file.toml.fault(key, one.what, one.hint, code=one.code)
                for one in (error.errors if isinstance(error, Faults) else (error,))
            ]
            continue
        parts[name] = part
        steps = [node.step for node in part.nodes] if look else []
        for param, fault in missing_inputs(steps, root, _Coming(part, root)):
            faults.append(
                job_file.toml.fault(
                    (*key, "params", param), fault.what, fault.hint, code=fault.code
                )
            )
    raise_faults(faults)
    nodes = [node for part in parts.values() for node in part.nodes]
    found = clashes([node.step for node in nodes], root)
    raise_faults(fault.at(str(job_file.path)) for fault in found)
    return Plan(steps=_in_order(nodes), root=root)


@dataclass(eq=False)
class _Node:
    """A step and those that it waits for and that wait for it, before they have numbers."""

    step: Step
    after: list[_Node]
    next: list[_Node] = field(default_factory=list)


@dataclass
class _Part:
    """The steps of a stage, or a single one.

    Parameters
    ----------
    nodes : list of _Node
        Its steps.
    folder : str
        Where its outputs lie that nobody named.
    before : tuple of _Part
        What it waits for.
    """

    nodes: list[_Node]
    folder: str
    before: tuple[_Part, ...]

    def earlier(self) -> Iterator[_Part]:
        """Yield all that come before it, each once."""
        found: dict[int, _Part] = {}
        waiting = [*self.before]
        while waiting:
            part = waiting.pop()
            if id(part) not in found:
                found[id(part)] = part
                waiting += part.before
                yield part


class _Coming:
    """Whether what comes before a part makes a path; looked up when the first path is asked for."""

    def __init__(self, part: _Part, root: Path) -> None:
        self._part = part
        self._root = root
        self._made: set[str] | None = None
        self._folders: set[str] = set()

    def __call__(self, path: str) -> bool:
        if self._made is None:
            earlier = list(self._part.earlier())
            self._folders = {self._real(part.folder) for part in earlier}
            self._made = {
                self._real(output.path)
                for part in earlier
                for step in (node.step for node in part.nodes)
                for output in expected_outputs(step, step.values, gpu=step.use_gpu)
            }
        real = self._real(path)
        # Programs also make files that no adapter tells of, and whole folders of them.
        return (
            real in self._made
            or any(real == one or real.startswith(f"{one}/") for one in self._folders)
            or any(one.startswith(f"{real}/") for one in self._made)
        )

    def _real(self, path: str) -> str:
        return os.path.realpath(self._root / path)


def _key(job: Job, table: Stage | StepTable) -> tuple[str | int, ...]:
    if isinstance(table, Stage):
        return ("stage", job.stage.index(table))
    return ("step", job.step.index(table))


def _part(
    table: Stage | StepTable,
    adapter: Adapter,
    parts: Mapping[str, _Part],
    root: Path,
    output: str,
    told: Sequence[str | Several] | None,
) -> _Part:
    folder = f"{output}/{table.name}"
    # Whoever is chained item by item waits for its own item's step, otherwise for the whole stage.
    chained = stages_named(table)
    planned = [name for name in table.before if name in parts]
    before = tuple(parts[name] for name in planned)
    whole = [node for name in planned if name not in chained for node in parts[name].nodes]
    if lost := {} if chained else _marked(table):
        key, value = next(iter(lost.items()))
        raise ParameterError(
            f"`{key}` = {value!r} names an output of a stage, and there is no item that it is of",
            hint='write this as a stage with item = "%(stage.output)s", or give the path',
            code="E217",
        )
    if not isinstance(table, Stage):
        step = make_step(
            adapter,
            table.params,
            name=table.name,
            output=folder,
            use_gpu=table.use_gpu,
            gpus=table.gpus,
            gpu_memory=table.gpu_memory,
            limits=_limits(table),
        )
        return _Part([_joined(step, whole)], folder, before)
    given = {key: value for key, value in table.params.items() if key not in _chained_params(table)}
    if table.item:
        counts = {name: len(parts[name].nodes) for name in chained}
        if len(set(counts.values())) > 1:
            raise ParameterError(
                "its stages have different numbers of items: "
                + ", ".join(f"`{name}` has {count}" for name, count in counts.items()),
                hint="let one item come of one chain of stages",
                code="E312",
            )
        rows, filled = [], []
        for row in zip(*(parts[name].nodes for name in chained), strict=True):
            mine = _filled(table, dict(zip(chained, row, strict=True)))
            filled += mine
            rows += [row] * len(mine)
        items: list[str | Several] = [str(one.pop(_ITEM)) for one in filled]
    else:
        rows, filled = [], []
        items = list(files_of(table, root) if told is None else told)
    steps = stage_steps(
        adapter,
        items,
        given,
        stage=table.name,
        output=folder,
        use_gpu=table.use_gpu,
        gpus=table.gpus,
        gpu_memory=table.gpu_memory,
        limits=_limits(table),
        own=filled,
    )
    nodes = [
        _joined(step, [*(rows[place] if rows else ()), *whole]) for place, step in enumerate(steps)
    ]
    return _Part(nodes, folder, before)


_ITEM = "\0item"


def stages_named(table: Stage | StepTable) -> list[str]:
    """Return the stages that a table takes outputs of, item by item."""
    if not isinstance(table, Stage) or not table.item:
        return []
    texts = [table.item, *_chained_params(table).values()]
    return list(dict.fromkeys(mark.name for text in texts for mark in marks(text)))


def _limits(table: Stage | StepTable) -> Limits:
    return Limits(wall=table.time_limit, quiet=table.quiet_limit, retries=table.retries)


def _chained_params(table: Stage) -> dict[str, str]:
    """Return the parameters that name an output of an earlier stage of the same item."""
    return _marked(table) if table.item else {}


def _marked(table: Stage | StepTable) -> dict[str, str]:
    return {
        key: value
        for key, value in table.params.items()
        if isinstance(value, str) and any(mark.name in table.before for mark in marks(value))
    }


def _filled(table: Stage, nodes: Mapping[str, _Node]) -> list[dict[str, object]]:
    """Return the items of a row of steps, each with its parameters: one for each of their files."""
    made = {
        name: [
            expected_outputs(one, one.values, gpu=one.use_gpu) for one in _of_each_file(node.step)
        ]
        for name, node in nodes.items()
    }
    files = max(map(len, made.values()))
    return [
        _filled_one(
            table,
            {
                (name, one.name): one.path
                for name, each in made.items()
                for one in each[place if len(each) > 1 else 0]
            },
        )
        for place in range(files)
    ]


def _of_each_file(step: Step) -> list[Step]:
    """Return a step that runs over a list of files as if each had one of its own."""
    if not step.adapter.lists_items:
        return [step]
    return [replace(step, own=one, shared={}) for one in of_each(step.adapter, step.values)]


def _filled_one(table: Stage, outputs: Mapping[tuple[str, str], str]) -> dict[str, object]:
    """Return an item, and the parameters of its own, with the outputs of earlier stages."""

    def fill(text: str) -> str:
        return "".join(piece if isinstance(piece, str) else found(piece) for piece in split(text))

    def found(mark: Mark) -> str:
        if (mark.name, mark.part) not in outputs:
            raise ParameterError(
                f"{mark} names no output that `{mark.name}` makes",
                hint=did_you_mean(
                    mark.part, [name for stage, name in outputs if stage == mark.name]
                ),
                code="E217",
            )
        return outputs[mark.name, mark.part]

    return {
        _ITEM: fill(table.item),
        **{key: fill(value) for key, value in _chained_params(table).items()},
    }


def files_of(stage: Stage, root: Path) -> list[str]:
    """Return the files of a stage in order; one that two patterns fit comes once.

    Raises
    ------
    ParameterError, Faults
        For a pattern that fits none, and for files that are not there.
    """
    found: dict[str, None] = {}
    for pattern in stage.patterns:
        if not glob.has_magic(pattern):
            found[pattern] = None
            continue
        matches = sorted(glob.glob(pattern, root_dir=root, recursive=True))  # noqa: PTH207 - relative, as written
        if not matches:
            raise ParameterError(
                f"no file fits the pattern `{pattern}`",
                hint=f"it is looked for below {root}",
                code="E309",
            )
        found.update(dict.fromkeys(matches))
    raise_faults(missing_items(list(found), root))
    return list(found)


def _joined(step: Step, after: list[_Node]) -> _Node:
    node = _Node(step, after)
    for one in after:
        one.next.append(node)
    return node


def _in_order(nodes: Sequence[_Node]) -> tuple[PlannedStep, ...]:
    """Return the steps item by item, each after all that it waits for."""
    numbers: dict[_Node, int] = {}
    planned: list[PlannedStep] = []
    # Counted down, not looked through again: a step may wait for a whole stage.
    left = {node: len(node.after) for node in nodes}
    for first in nodes:
        waiting = [] if left[first] or first in numbers else [first]
        while waiting:
            node = waiting.pop()
            numbers[node] = len(planned)
            planned.append(PlannedStep(node.step, tuple(numbers[one] for one in node.after)))
            for one in node.next:
                left[one] -= 1
            free = [one for one in dict.fromkeys(node.next) if not left[one]]
            waiting.extend(reversed(free))
    return tuple(planned)
