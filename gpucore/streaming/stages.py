"""From a job file with watched stages to what is run before, of each file, and after all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError, raise_faults
from gpucore.jobs import plan_job, stages_named
from gpucore.streaming.job import (
    StreamJob,
    WatchedStage,
    batches_of,
    check_folder,
    looping_outputs,
    sample_items,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpucore.config import Job, JobFile, Stage, StepTable
    from gpucore.planning import Plan
    from gpucore.standard.adapter import Adapter

__all__ = ["job_stream", "stream_faults"]


def job_stream(job_file: JobFile, adapters: Mapping[str, Adapter]) -> StreamJob:
    """Return what a job with watched stages runs; its other faults were looked for.

    Raises
    ------
    GpucoreError
        For every chain of stages that cannot be watched, every folder that cannot, and what
        `gpucore.jobs.plan_job` refuses.
    """
    job, root, output = job_file.job, job_file.folder, job_file.job.run.output
    raise_faults(stream_faults(job_file))
    chains = _chains(job)
    streamed = {name for chain in chains.values() for name in chain}
    late = _late(job, streamed)
    first = [part.name for part in job.parts if part.name not in streamed | late]
    samples: dict[str, tuple[str, ...]] = {}
    faults: list[GpucoreError] = []
    for place, stage in enumerate(job.stage):
        if stage.watch is not None:
            samples[stage.name] = sample_items(stage.watch, adapters[stage.adapter])
            try:
                check_folder(stage.watch, root)
            except GpucoreError as error:
                key = ("stage", place, "watch", "dir")
                faults.append(job_file.toml.fault(key, error.what, error.hint))
    raise_faults(faults)
    plan = partial(plan_job, job_file, adapters)
    sample = plan(only={*first, *streamed}, items=samples)
    watched = []
    for stage in job.stage:
        if stage.watch is None:
            continue
        raise_faults(looping_outputs(sample, stage.watch, root))
        watched.append(
            WatchedStage(
                watch=stage.watch,
                plan=partial(_of_item, plan, stage.name, chains[stage.name]),
                batches=batches_of(output, stage.name),
                batch=stage.batch,
                batch_wait=stage.batch_wait,
            )
        )
    return StreamJob(
        root=root,
        sample=sample,
        watched=tuple(watched),
        first=plan(only=first),
        last=partial(plan, only=late, look=False),
        before={
            part.name: tuple(_whole(part, late if part.name in late else streamed | late))
            for part in job.parts
            if part.name in streamed | late
        },
    )


def stream_faults(job_file: JobFile) -> list[GpucoreError]:
    """Return what of a job with watched stages cannot be run file by file."""
    job = job_file.job
    chains = _chains(job)
    streamed = {name for chain in chains.values() for name in chain}
    late = _late(job, streamed)
    faults: list[GpucoreError] = []
    for place, stage in enumerate(job.stage):
        named = stages_named(stage)
        key = ("stage", place, "item")
        if stage.name in late and any(name in streamed | late for name in named):
            faults.append(
                job_file.toml.fault(
                    key,
                    f"`{stage.name}` takes items of a watched stage, and waits for all of it",
                    "let it wait for its own items alone, or name files: items = …",
                )
            )
        elif sum(any(name in chain for name in named) for chain in chains.values()) > 1:
            faults.append(
                job_file.toml.fault(
                    key,
                    f"`{stage.name}` takes outputs of two watched stages",
                    "let one item come of one chain of stages",
                )
            )
    return faults


def _of_item(plan: partial[Plan], stage: str, chain: set[str], item: str) -> Plan:
    return plan(only=chain, items={stage: (item,)}, look=False)


def _chains(job: Job) -> dict[str, set[str]]:
    """Return for each watched stage the stages that run over what it makes, itself among them."""
    chains = {stage.name: {stage.name} for stage in job.stage if stage.watch is not None}
    hanging = _hanging(job, set(chains))
    for chain in chains.values():
        grows = True
        while grows:
            more = {
                stage.name
                for stage in job.stage
                if stage.name not in chain
                and any(name in chain for name in stages_named(stage))
                and not any(
                    name in hanging for name in stage.before if name not in stages_named(stage)
                )
            }
            chain.update(more)
            grows = bool(more)
    return chains


def _hanging(job: Job, watched: set[str]) -> set[str]:
    """Return all that hangs on watched stages, these among it."""
    found = set(watched)
    grows = True
    while grows:
        more = {
            part.name
            for part in job.parts
            if part.name not in found and any(name in found for name in part.before)
        }
        found |= more
        grows = bool(more)
    return found


def _late(job: Job, streamed: set[str]) -> set[str]:
    """Return what hangs on watched stages, and not file by file."""
    return _hanging(job, streamed) - streamed


def _whole(part: Stage | StepTable, beside: set[str]) -> Iterator[str]:
    """Yield the parts of which a part waits for all, but for those that are planned with it."""
    for name in part.before:
        if name not in beside and name not in stages_named(part):
            yield name
