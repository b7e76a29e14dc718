"""From a watched folder to the steps of its files: for one adapter, or for a job's stages."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.clashes import clashes, missing_inputs
from gpucore.config.watch import WatchTable, watch_faults
from gpucore.errors import GpucoreError, ParameterError, raise_faults
from gpucore.outcomes import expected_outputs
from gpucore.planning import Plan, PlannedStep, stage_steps
from gpucore.standard.step import NO_LIMITS, Limits
from gpucore.streaming.patterns import NamePattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard.adapter import Adapter

__all__ = [
    "StreamJob",
    "WatchedStage",
    "batch_fault",
    "batches_of",
    "check_folder",
    "looping_outputs",
    "map_stream",
    "sample_items",
]


_SAMPLES = (("item", "x"), ("other", "y"))
"""What stands for ``*`` and for ``?`` in the names of two files."""


@dataclass(frozen=True, kw_only=True)
class WatchedStage:
    """A stage that runs over the files of a watched folder.

    Parameters
    ----------
    watch : WatchTable
        The folder.
    plan : callable
        Returns the steps of an item: the stage's own first, then those of the stages that are
        chained to it.
    batches : str
        The folder of its batches, relative to the root.
    batch : int or None
        How many files a step takes; None: one, as it is.
    batch_wait : float or None
        Seconds that the first of a batch waits for others; None: until nothing more comes.
    """

    watch: WatchTable
    plan: Callable[[str], Plan]
    batches: str
    batch: int | None = None
    batch_wait: float | None = None


@dataclass(frozen=True, kw_only=True)
class StreamJob:
    """What is watched, and what is run before, of each file, and after all.

    Parameters
    ----------
    root : Path
        Relative paths are below it.
    sample : Plan
        Steps like those that will come: what they need is looked at before anything starts.
    watched : tuple of WatchedStage
        The watched stages.
    first : Plan
        Steps that hang on no watched stage.
    last : callable
        Returns, when nothing more comes, the steps that wait for all of a watched stage.
    before : Mapping
        Of each stage or step the stages and steps of which all must be done before it.
    """

    root: Path
    sample: Plan
    watched: tuple[WatchedStage, ...]
    first: Plan
    last: Callable[[], Plan]
    before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def waited_for(self) -> frozenset[str]:
        """The stages and steps that something waits for as a whole."""
        return frozenset(name for names in self.before.values() for name in names)


def map_stream(
    adapter: Adapter,
    given: Mapping[str, object],
    watch: WatchTable,
    *,
    output: str,
    root: Path,
    batch: int | None = None,
    batch_wait: float | None = None,
    use_gpu: bool = True,
    gpus: int | None = None,
    gpu_memory: str | int | None = None,
    limits: Limits = NO_LIMITS,
) -> StreamJob:
    """Return what `gpucore map --watch` runs.

    Parameters
    ----------
    adapter : Adapter
        The program.
    given : Mapping
        Values that all steps have in common.
    watch : WatchTable
        The folder.
    output : str
        The folder for the outputs.
    root : Path
        Relative paths are below it.
    batch, batch_wait
        As for `WatchedStage`.
    use_gpu, gpus, gpu_memory, limits
        As for `gpucore.planning.stage_steps`.

    Raises
    ------
    ParameterError, Faults
        For every wrong value, every file of a parameter that is not there, a folder that cannot be
        watched.
    """
    faults: list[GpucoreError] = [
        ParameterError(what, hint=hint, where=f"watch.{key}")
        for key, what, hint in watch_faults(watch)
    ]
    if batch is not None and (fault := batch_fault(adapter)):
        faults.append(fault)
    raise_faults(faults)
    check_folder(watch, root)

    def plan(*items: str) -> Plan:
        steps = stage_steps(
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
        return Plan(steps=tuple(map(PlannedStep, steps)), root=root)

    sample = plan(*sample_items(watch, adapter))
    first = [planned.step for planned in sample.steps]
    raise_faults([*(fault for _, fault in missing_inputs(first, root)), *clashes(first, root)])
    raise_faults(looping_outputs(sample, watch, root))
    return StreamJob(
        root=root,
        sample=sample,
        watched=(
            WatchedStage(
                watch=watch,
                plan=plan,
                batches=batches_of(output, adapter.name),
                batch=batch,
                batch_wait=batch_wait,
            ),
        ),
        first=Plan(steps=(), root=root),
        last=lambda: Plan(steps=(), root=root),
    )


def batches_of(output: str, stage: str) -> str:
    """Return the folder of a stage's batches."""
    return f"{output}/.gpucore/batches/{stage}"


def batch_fault(adapter: Adapter) -> ParameterError | None:
    """Return why a program cannot take several files at a time; None when it can."""
    if adapter.item and adapter.params[adapter.item].many:
        return None
    return ParameterError(
        f"{adapter.name} takes one file at a time: its item is no folder of them",
        hint="leave `batch` out",
    )


def check_folder(watch: WatchTable, root: Path) -> None:
    """Refuse a folder that cannot be watched.

    Raises
    ------
    ParameterError
        When it is not there, or may not be read.
    """
    folder = root / watch.dir
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        raise ParameterError(
            f"the folder `{watch.dir}` cannot be watched ({error.strerror})",
            hint="look at its name, and whether its disk is mounted",
        ) from error


def sample_items(watch: WatchTable, adapter: Adapter) -> tuple[str, ...]:
    """Return what two files of a watched folder may be called, for the checks before the first.

    A pattern that says nothing of the end of a name gets one that the adapter takes.
    """
    return tuple(dict.fromkeys(_sample(watch, adapter, *letters) for letters in _SAMPLES))


def _sample(watch: WatchTable, adapter: Adapter, many: str, one: str) -> str:
    pattern = watch.patterns[0].rpartition("/")[2]
    name = re.sub(r"\*+", many, re.sub(r"\[!?(.)[^]]*\]", r"\1", pattern)).replace("?", one)
    suffixes = adapter.params[adapter.item].suffix if adapter.item else ()
    if suffixes and pattern.endswith("*") and not name.lower().endswith(suffixes):
        name += suffixes[0]
    return f"{watch.dir}/{name}"


def looping_outputs(sample: Plan, watch: WatchTable, root: Path) -> Iterator[ParameterError]:
    """Yield an error for each output that would be taken for a new file."""
    pattern = NamePattern(watch.patterns)
    top = os.path.realpath(root / watch.dir)
    for planned in sample.steps:
        step = planned.step
        for output in expected_outputs(step, step.values, gpu=step.use_gpu):
            place = os.path.realpath(root / output.path)
            if place.startswith(f"{top}/") and pattern.fits(place[len(top) + 1 :]):
                yield ParameterError(
                    f"the output `{output.path}` would lie in the folder that is watched, and be "
                    "taken for a new file",
                    hint="give another output folder",
                )
