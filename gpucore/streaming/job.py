"""From files that come, or that go together, to steps: for one adapter, or for a job's stages."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from gpucore.clashes import clashes, missing_inputs, missing_items
from gpucore.config.watch import WatchTable, watch_faults
from gpucore.errors import GpucoreError, ParameterError, raise_faults
from gpucore.outcomes import expected_outputs
from gpucore.planning import Plan, PlannedStep, stage_steps
from gpucore.standard.adapter import Adapter
from gpucore.standard.several import Several
from gpucore.standard.step import NO_LIMITS, Limits
from gpucore.streaming.patterns import NamePattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "StreamJob",
    "WatchedStage",
    "batch_fault",
    "batches_of",
    "check_folder",
    "looping_outputs",
    "map_stream",
    "named_files",
    "sample_items",
]


_SAMPLES = (("item", "x"), ("other", "y"))
"""What stands for ``*`` and for ``?`` in the names of two files."""


@dataclass(frozen=True, kw_only=True)
class WatchedStage:
    """A stage that runs over the files of a watched folder, or over batches of named files.

    Parameters
    ----------
    name : str
        What the stage is called.
    watch : WatchTable or None
        The folder; None: the files are named.
    files : tuple of str
        Those that are named, relative to the root.
    lists : bool
        Whether its program takes a list of files, and not a folder of them.
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

    name: str
    plan: Callable[[str | Several], Plan]
    batches: str
    watch: WatchTable | None = None
    files: tuple[str, ...] = ()
    lists: bool = False
    batch: int | None = None
    batch_wait: float | None = None

    @property
    def newest_first(self) -> bool:
        """Whether the newest of the files that wait comes first."""
        return self.watch is not None and self.watch.newest_first

    @property
    def run_changed(self) -> bool:
        """Whether files that were rewritten after they were done are run again."""
        return self.watch is None or self.watch.run_changed

    def path(self, file: str) -> str:
        """Return the path of one of its files, relative to the root."""
        return file if self.watch is None else f"{self.watch.dir}/{file}"


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
    later : tuple of (Adapter, bool)
        The programs of those, and whether each uses a GPU where that is optional.
    before : Mapping
        Of each stage or step the stages and steps of which all must be done before it.
    """

    root: Path
    sample: Plan
    watched: tuple[WatchedStage, ...]
    first: Plan
    last: Callable[[], Plan]
    later: tuple[tuple[Adapter, bool], ...] = ()
    before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def waited_for(self) -> frozenset[str]:
        """The stages and steps that something waits for as a whole."""
        return frozenset(name for names in self.before.values() for name in names)


def map_stream(
    adapter: Adapter,
    given: Mapping[str, object],
    watch: WatchTable | None = None,
    files: Sequence[str] = (),
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
    """Return what `gpucore map` runs over the files of a folder, or in batches.

    Parameters
    ----------
    adapter : Adapter
        The program.
    given : Mapping
        Values that all steps have in common.
    watch : WatchTable or None
        The folder.
    files : sequence of str
        Files that are named, where no folder is.
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
        For every wrong value, every file that is not there, a folder that cannot be watched.
    """
    faults: list[GpucoreError] = [
        ParameterError(what, hint=hint, where=f"watch.{key}", code="E209")
        for key, what, hint in (watch_faults(watch) if watch is not None else ())
    ]
    if batch is not None and (fault := batch_fault(adapter)):
        faults.append(fault)
    files = named_files(files)
    raise_faults([*faults, *missing_items(files, root)])
    if watch is not None:
        check_folder(watch, root)

    def plan(*items: str | Several) -> Plan:
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

    stage = WatchedStage(
        name=adapter.name,
        watch=watch,
        files=files,
        lists=adapter.lists_items,
        plan=plan,
        batches=batches_of(output, adapter.name),
        batch=batch,
        batch_wait=batch_wait,
    )
    sample = plan(*sample_items(stage, adapter))
    first = [planned.step for planned in sample.steps]
    raise_faults([*(fault for _, fault in missing_inputs(first, root)), *clashes(first, root)])
    if watch is not None:
        raise_faults(looping_outputs(sample, watch, root))
    return StreamJob(
        root=root,
        sample=sample,
        watched=(stage,),
        first=Plan(steps=(), root=root),
        last=lambda: Plan(steps=(), root=root),
    )


def named_files(files: Sequence[str]) -> tuple[str, ...]:
    """Return files as the links of batches name them, each once."""
    return tuple(dict.fromkeys(str(PurePosixPath(file)) for file in files))


def batches_of(output: str, stage: str) -> str:
    """Return the folder of a stage's batches."""
    return f"{output}/.gpucore/batches/{stage}"


def batch_fault(adapter: Adapter) -> ParameterError | None:
    """Return why a program cannot take several files at a time; None when it can."""
    if adapter.item and adapter.params[adapter.item].many:
        return None
    return ParameterError(
        f"{adapter.name} takes one file at a time: its item is no list and no folder of them",
        hint="leave `batch` out",
        code="E224",
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
            code="E202",
        ) from error


def sample_items(stage: WatchedStage, adapter: Adapter) -> tuple[str | Several, ...]:
    """Return two items that may come, for the checks before the first.

    A pattern that says nothing of the end of a name gets one that the adapter takes. Of files that
    are named, each is in one of them.
    """
    watch = stage.watch
    if watch is None:
        files: Sequence[str] = stage.files
    else:
        files = list(dict.fromkeys(_sample(watch, adapter, *letters) for letters in _SAMPLES))
    if stage.batch is None:
        return tuple(files)
    if not stage.lists and files:
        return tuple(f"{stage.batches}/batch-{number:04d}" for number in (1, 2))
    return tuple(
        Several(f"batch-{number:04d}", tuple(some))
        for number, some in enumerate((files[::2], files[1::2]), start=1)
        if some
    )


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
                    code="E310",
                )
