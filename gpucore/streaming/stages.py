"""From a job file with watched stages to what is run before, of each file, and after all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gpucore.errors import Faults, GpucoreError, raise_faults
from gpucore.jobs import files_of, plan_job, stages_named
from gpucore.streaming.job import (
    StreamJob,
    WatchedStage,
    batches_of,
    check_folder,
    looping_outputs,
    named_files,
    sample_items,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gpucore.config import Job, JobFile, Stage, StepTable
    from gpucore.planning import Plan
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.several import Several

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
    samples: dict[str, tuple[str | Several, ...]] = {}
    faults: list[GpucoreError] = []
    plan = partial(plan_job, job_file, adapters)
    fed: list[WatchedStage] = []
    for place, stage in enumerate(job.stage):
        if not stage.is_fed:
            continue
        key = ("stage", place, "watch" if stage.watch is not None else "items")
        files: tuple[str, ...] = ()
        try:
            if stage.watch is not None:
                check_folder(stage.watch, root)
            else:
                files = named_files(files_of(stage, root))
        except GpucoreError as error:
            at = (*key, "dir") if stage.watch is not None else key
            told = error.errors if isinstance(error, Faults) else (error,)
            faults += [job_file.toml.fault(at, one.what, one.hint, code=one.code) for one in told]
        adapter = adapters[stage.adapter]
        fed.append(
            WatchedStage(
                name=stage.name,
                watch=stage.watch,
                files=files,
                lists=adapter.lists_items,
                plan=partial(_of_item, plan, stage.name, chains[stage.name]),
                batches=batches_of(output, stage.name),
                batch=stage.batch,
                batch_wait=stage.batch_wait,
            )
        )
        samples[stage.name] = sample_items(fed[-1], adapter)
    raise_faults(faults)
    sample = plan(only={*first, *streamed}, items=samples)
    for one in fed:
        raise_faults(looping_outputs(sample, one.watch, root) if one.watch is not None else ())
    return StreamJob(
        root=root,
        sample=sample,
        watched=tuple(fed),
        first=plan(only=first),
        last=partial(plan, only=late, look=False),
        later=tuple(
            (adapters[part.adapter], part.use_gpu) for part in job.parts if part.name in late
        ),
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
        others = {name for fed, chain in chains.items() if fed != stage.name for name in chain}
        if stage.is_fed and (waits := [one for one in stage.before if one in others | late]):
            faults.append(
                job_file.toml.fault(
                    ("stage", place, "after"),
                    f"`{stage.name}` waits for all of `{waits[0]}`, whose files come while it runs",
                    "let it run over its outputs item by item, or in a job of its own",
                    code="E224",
                )
            )
        key = ("stage", place, "item")
        if stage.name in late and any(name in streamed | late for name in named):
            faults.append(
                job_file.toml.fault(
                    key,
                    f"`{stage.name}` takes items of a watched stage, and waits for all of it",
                    "let it wait for its own items alone, or name files: items = …",
                    code="E224",
                )
            )
        elif sum(any(name in chain for name in named) for chain in chains.values()) > 1:
            faults.append(
                job_file.toml.fault(
                    key,
                    f"`{stage.name}` takes outputs of two watched stages",
                    "let one item come of one chain of stages",
                    code="E224",
                )
            )
    return faults


def _of_item(plan: partial[Plan], stage: str, chain: set[str], item: str | Several) -> Plan:
    return plan(only=chain, items={stage: (item,)}, look=False)


def _chains(job: Job) -> dict[str, set[str]]:
    """Return for each fed stage the stages that run over what it makes, itself among them."""
    chains = {stage.name: {stage.name} for stage in job.stage if stage.is_fed}
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
