"""``gpucore report``: what the runs of an output folder did, as a page, a table, or data."""

from __future__ import annotations

from pathlib import Path

import click

from gpucore.cli.completing import runs
from gpucore.cli.manner import remark
from gpucore.cli.options import as_json
from gpucore.cli.terminal import clean, print_json

__all__ = ["command"]


@click.command("report", epilog="Example: gpucore report aligned")
@click.argument("folder", type=click.Path(), metavar="DIR", shell_complete=runs)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE.html",
    help="The page; DIR/report.html by default.",
)
@click.option(
    "--chrome-trace",
    type=click.Path(),
    metavar="FILE.json",
    help="Write a trace that Perfetto opens, instead.",
)
@click.option(
    "--prometheus",
    type=click.Path(),
    metavar="FILE.prom",
    help="Write metrics for node_exporter's text-file collector, instead.",
)
@as_json
def command(
    *,
    folder: str,
    output: str | None,
    chrome_trace: str | None,
    prometheus: str | None,
    json_: bool,
) -> int:
    """Write what the runs of an output folder did as one HTML file."""
    from gpucore.cli.history import read_history  # noqa: PLC0415 - help needs none of it
    from gpucore.report.writing import write_report  # noqa: PLC0415

    others = bool(chrome_trace or prometheus or json_)
    with read_history(folder) as state:
        if output or not others:
            page = write_report(Path(folder), state, Path(output) if output else None)
            remark(f"report: {clean(str(page))}")
        if not others:
            return 0
        from gpucore.report.figures import figures_of  # noqa: PLC0415
        from gpucore.report.idle import gpu_times  # noqa: PLC0415
        from gpucore.report.reading import history_of  # noqa: PLC0415
        from gpucore.report.writing import whole_file  # noqa: PLC0415

        history = history_of(Path(folder), state)
    times = gpu_times(history)
    if chrome_trace:
        from gpucore.report.chrome_trace import chrome_trace as traced  # noqa: PLC0415

        with whole_file(Path(chrome_trace)) as file:
            file.writelines(traced(history, times))
    if prometheus:
        from gpucore.report.metrics import prometheus_text  # noqa: PLC0415

        text = prometheus_text(history, times, figures_of(history, times))
        with whole_file(Path(prometheus)) as file:
            file.write(text)
    if json_:
        from gpucore.report.summary import summary  # noqa: PLC0415

        print_json("report", summary(history, times, figures_of(history, times)))
    return 0
