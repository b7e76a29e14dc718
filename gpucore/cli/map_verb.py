"""``gpucore map``: one adapter over files, without a job file."""

from __future__ import annotations

import os
from typing import Any

import click

from gpucore.cli.completing import adapter_names, parameters
from gpucore.cli.options import (
    as_events,
    as_json,
    common,
    given_values,
    limits,
    resuming,
    settings_of,
    told_as_options,
)
from gpucore.cli.watching import files_now, run_stream, watch_of, watching

__all__ = ["command"]


@click.command(
    "map",
    epilog="Example: gpucore map motioncor3 movies/*.tif -o aligned "
    '--gpus "0 1" --threads 3 --set pixel_size=0.885 --set voltage=300',
)
@click.argument("adapter", metavar="ADAPTER", shell_complete=adapter_names)
@click.argument("files", nargs=-1, type=click.Path(), metavar="FILES...")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for the outputs.")
@click.option(
    "--set",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=parameters,
    help="A parameter; may be repeated.",
)
@click.option("--no-gpu", is_flag=True, help="USE_GPU false: the CPU form of an optional program.")
@click.option(
    "--gpus-per-step",
    type=click.IntRange(min=1),
    metavar="K",
    help="GPUs for each step, all at once; a slot by default.",
)
@click.option(
    "--gpu-memory",
    metavar="SIZE",
    help='Memory that each GPU of a step must have free: "12 GiB".',
)
@click.option("--plan", is_flag=True, help="Print the exact commands in order; run nothing.")
@watching
@limits
@common
@resuming
@as_json
@as_events
def command(
    *,
    adapter: str,
    files: tuple[str, ...],
    output: str,
    pairs: tuple[str, ...],
    no_gpu: bool,
    gpus_per_step: int | None,
    gpu_memory: str | None,
    plan: bool,
    retries: int,
    time_limit: float | None,
    quiet_limit: float | None,
    again: bool,
    kill_orphans: bool,
    json_: bool,
    json_events: bool,
    watched: dict[str, Any],
    config: str | None,
    adapters: tuple[str, ...],
    **changes: Any,
) -> int:
    """Run one adapter over files."""
    from gpucore.cli.event_lines import event_lines  # noqa: PLC0415
    from gpucore.cli.session import run_plan, show_plan, without_needless_gpus  # noqa: PLC0415
    from gpucore.errors import ParameterError  # noqa: PLC0415
    from gpucore.planning import plan_map  # noqa: PLC0415
    from gpucore.standard.step import Limits  # noqa: PLC0415

    also = event_lines(asked=json_events, otherwise=plan or json_)
    if not output.strip():
        raise ParameterError("the output folder is empty", hint="name one: -o DIR", code="E209")
    settings = settings_of(changes, config, adapters)
    known = settings.plugins.adapter(adapter)
    if no_gpu and known.gpu.use.requires_gpu:
        raise ParameterError(
            f"--no-gpu does not go with {adapter}: its GPU is compulsory",
            hint="leave it out",
            code="E111",
        )
    given = given_values(pairs, known)
    folder = output.rstrip("/") or "/"
    options: dict[str, Any] = {
        "output": folder,
        "root": settings.root,
        "use_gpu": not no_gpu,
        "gpus": gpus_per_step,
        "gpu_memory": gpu_memory,
        "limits": Limits(wall=time_limit, quiet=quiet_limit, retries=retries),
    }
    stream = None
    batch = watched["batch"]
    with told_as_options():
        if (watch := watch_of(watched, files)) is not None or batch:
            from gpucore.streaming.job import map_stream  # noqa: PLC0415 - few runs need it

            wait = watched["batch_wait"]
            stream = map_stream(known, given, watch, files, batch=batch, batch_wait=wait, **options)
            planned = files_now(stream) if plan else stream.sample
        else:
            planned = plan_map(known, [os.fspath(file) for file in files], given, **options)
    settings = without_needless_gpus(settings, planned)
    if plan:
        return show_plan(settings, planned, as_json=json_)
    if stream is not None:
        return run_stream(
            settings,
            stream,
            output=output,
            as_json=json_,
            resume=not again,
            kill_orphans=kill_orphans,
            also=also,
        )
    return run_plan(
        settings,
        planned,
        output=output,
        as_json=json_,
        resume=not again,
        kill_orphans=kill_orphans,
        also=also,
    )
