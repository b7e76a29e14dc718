"""``gpucore run``: a job file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gpucore.cli.options import as_events, as_json, common, resuming, settings_of

__all__ = ["command"]


@click.command("run", epilog="Example: gpucore run job.toml --plan")
@click.argument("job", type=click.Path(), metavar="JOB.toml")
@click.option("--plan", is_flag=True, help="Print the exact commands in order; run nothing.")
@common
@resuming
@as_json
@as_events
def command(
    *,
    job: str,
    plan: bool,
    again: bool,
    kill_orphans: bool,
    json_: bool,
    json_events: bool,
    config: str | None,
    adapters: tuple[str, ...],
    **changes: Any,
) -> int:
    """Run a job file; `-` is a job on standard input."""
    from gpucore.cli.event_lines import event_lines  # noqa: PLC0415
    from gpucore.cli.given_job import given_job  # noqa: PLC0415
    from gpucore.cli.session import run_plan, show_plan, without_needless_gpus  # noqa: PLC0415
    from gpucore.config import job_faults  # noqa: PLC0415
    from gpucore.errors import raise_faults  # noqa: PLC0415
    from gpucore.jobs import plan_job  # noqa: PLC0415

    also = event_lines(asked=json_events, otherwise=plan or json_)
    job_file = given_job(job)
    table = job_file.job.run
    settings = settings_of(
        changes,
        config,
        tuple(str(Path(one).absolute()) for one in adapters),
        root=str(job_file.folder),
    )
    plugins = settings.plugins
    raise_faults(job_faults(job_file, plugins.adapters, policies=plugins.policies))
    # What the command line says counts above what the job says.
    said = {name: getattr(table, name) for name, value in changes.items() if value is None}
    settings = replace(settings, config=settings.config.with_changes(**said))
    stream = None
    if job_file.job.is_fed:
        from gpucore.cli.watching import files_now, run_stream  # noqa: PLC0415 - few runs watch
        from gpucore.streaming.stages import job_stream  # noqa: PLC0415

        stream = job_stream(job_file, plugins.adapters)
        planned = files_now(stream) if plan else stream.sample
    else:
        planned = plan_job(job_file, plugins.adapters)
    later = stream.later if stream is not None else ()
    settings = without_needless_gpus(settings, planned, later)
    if plan:
        return show_plan(settings, planned, as_json=json_)
    if stream is not None:
        return run_stream(
            settings,
            stream,
            output=table.output,
            as_json=json_,
            resume=not again,
            kill_orphans=kill_orphans,
            also=also,
        )
    return run_plan(
        settings,
        planned,
        output=table.output,
        as_json=json_,
        resume=not again,
        kill_orphans=kill_orphans,
        also=also,
    )
