"""A history as metrics of Prometheus, in the form that node_exporter reads from text files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.errors import ProgramError
from gpucore.report.history import State
from gpucore.report.texts import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.metrics_core import Metric

    from gpucore.report.figures import Figures
    from gpucore.report.history import History
    from gpucore.report.idle import GpuTime

__all__ = ["prometheus_text"]


def prometheus_text(history: History, times: Sequence[GpuTime], figures: Figures) -> str:
    """Return the metrics of an output folder.

    Parameters
    ----------
    history : History
        What happened.
    times : sequence of GpuTime
        How the time of its GPUs was spent.
    figures : Figures
        What it comes to.

    Raises
    ------
    ProgramError
        When `prometheus-client` is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ProgramError(
            f"metrics need a package that is not installed ({error.name})",
            hint="pip install 'gpucore-framework[prometheus]'",
            code="E507",
        ) from None

    class _All:
        def collect(self) -> Iterator[Metric]:
            yield from _of_steps(history, figures)
            yield from _of_gpus(history, times)
            yield from _of_runs(history)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All())
    return generate_latest(registry).decode("utf-8")


def _of_steps(history: History, figures: Figures) -> Iterator[Metric]:
    from prometheus_client.core import (  # noqa: PLC0415 - as above
        CounterMetricFamily,
        GaugeMetricFamily,
        SummaryMetricFamily,
    )

    folder = shown(history.folder)
    steps = GaugeMetricFamily(
        "gpucore_steps", "Steps by how they stand.", labels=["folder", "state"]
    )
    for state in State:
        if state is not State.RETRIED:
            steps.add_metric([folder, state.value], history.counts.get(state, 0))
    yield steps
    attempts = CounterMetricFamily(
        "gpucore_attempts", "Attempts by how they ended.", labels=["folder", "stage", "state"]
    )
    took = SummaryMetricFamily(
        "gpucore_attempt_seconds", "What attempts took.", labels=["folder", "stage"]
    )
    for stage in figures.stages:
        name = shown(stage.name)
        for state, count in stage.counts.items():
            if count and state is not State.WAITING:
                attempts.add_metric([folder, name, state.value], count)
        begun = sum(one.stage == stage.name and bool(one.event) for one in history.attempts)
        took.add_metric([folder, name], count_value=begun, sum_value=stage.seconds)
    yield attempts
    yield took


def _of_gpus(history: History, times: Sequence[GpuTime]) -> Iterator[Metric]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

    names = ["folder", "gpu", "uuid"]
    busy = CounterMetricFamily(
        "gpucore_gpu_busy_seconds", "How long a step ran on a GPU that a run had.", labels=names
    )
    idle = CounterMetricFamily(
        "gpucore_gpu_idle_seconds",
        "How long none did, by what the time was spent on.",
        labels=[*names, "cause"],
    )
    load = GaugeMetricFamily(
        "gpucore_gpu_utilisation_percent", "Load when it was last recorded.", labels=names
    )
    memory = GaugeMetricFamily(
        "gpucore_gpu_memory_used_bytes", "Memory in use when last recorded.", labels=names
    )
    for time in times:
        gpu = history.gpus[time.gpu]
        labels = [shown(history.folder), shown(gpu.label), shown(gpu.uuid)]
        busy.add_metric(labels, time.busy)
        for cause, seconds in time.idle.items():
            idle.add_metric([*labels, cause.value], seconds)
        last = history.samples.get(time.gpu, ())[-1:]
        for sample in last:
            if sample.utilisation is not None:
                load.add_metric(labels, sample.utilisation)
            if sample.memory_mib is not None:
                memory.add_metric(labels, sample.memory_mib * 2**20)
    yield from (busy, idle, load, memory)


def _of_runs(history: History) -> Iterator[Metric]:
    from prometheus_client.core import (  # noqa: PLC0415 - as above
        CounterMetricFamily,
        GaugeMetricFamily,
        InfoMetricFamily,
    )

    folder = shown(history.folder)
    runs = CounterMetricFamily("gpucore_runs", "Runs of the folder.", labels=["folder"])
    runs.add_metric([folder], len(history.runs))
    lives = GaugeMetricFamily(
        "gpucore_running", "Whether the last run goes on on this machine.", labels=["folder"]
    )
    lives.add_metric([folder], bool(history.runs) and history.runs[-1].life == "runs")
    changed = GaugeMetricFamily(
        "gpucore_last_event_timestamp_seconds",
        "When the last run was last heard of.",
        labels=["folder"],
    )
    whole = GaugeMetricFamily(
        "gpucore_journal_whole", "Whether nothing of the journal is lost.", labels=["folder"]
    )
    whole.add_metric([folder], not history.journal.loss)
    info = InfoMetricFamily("gpucore_run", "The last run.", labels=["folder"])
    for run in history.runs[-1:]:
        changed.add_metric([folder], run.ended)
        facts = {"run": run.name, "host": run.host, "version": run.version}
        info.add_metric([folder], {name: shown(value) for name, value in facts.items()})
    yield from (runs, lives, changed, whole, info)
