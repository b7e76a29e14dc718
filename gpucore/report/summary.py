"""A history as plain data, for `gpucore report --json`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.report.explaining import explain_gap
from gpucore.report.failures import failures_of
from gpucore.report.lanes import lane_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.report.figures import Figures
    from gpucore.report.history import Attempt, History
    from gpucore.report.idle import Gap, GpuTime

__all__ = ["summary"]

_GAPS = 100


def summary(history: History, times: Sequence[GpuTime], figures: Figures) -> dict[str, object]:
    """Return what a history comes to; texts are as they are, for programs to read.

    Parameters
    ----------
    history : History
        What happened.
    times : sequence of GpuTime
        How the time of its GPUs was spent.
    figures : Figures
        What it comes to.
    """
    uuids = [gpu.uuid for gpu in history.gpus]
    gaps = sorted((gap for time in times for gap in time.gaps), key=lambda gap: -gap.seconds)
    return {
        "folder": history.folder,
        "made": history.made,
        "journal": {
            "path": history.journal.path,
            "events": history.journal.events,
            "chain": history.journal.chain,
            "loss": history.journal.loss,
            "notes": list(history.journal.notes),
        },
        "counts": {state.value: count for state, count in history.counts.items() if count},
        "seconds": figures.seconds,
        "done_per_hour": figures.done_per_hour,
        "busy_share": figures.share,
        "runs": [
            {
                "run": run.name,
                "state": run.life,
                "began": run.began,
                "ended": run.ended,
                "reason": run.reason,
                "host": run.host,
                "pid": run.pid,
                "workers": run.workers,
                "version": run.version,
                "argv": list(run.argv),
                "cwd": run.cwd,
            }
            for run in history.runs
        ],
        "gpus": [_gpu(history, times[place]) for place in lane_order(history.gpus)],
        "gaps": [_gap(history, uuids, gap) for gap in gaps[:_GAPS]],
        "notes": [
            {
                "gpu": uuids[note.gpu],
                "level": note.level,
                "began": note.began,
                "ended": note.ended,
                "reason": note.reason,
                "remedy": note.remedy,
            }
            for note in history.notes
        ],
        "stages": [
            {
                "stage": one.name,
                "adapter": one.adapter,
                "counts": {state.value: count for state, count in one.counts.items() if count},
                "seconds": one.seconds,
                "gpu_seconds": one.gpu_seconds,
                "median": one.median,
                "most": one.most,
                "longest": one.longest,
                "waited": one.waited,
                "began": one.began,
                "ended": one.ended,
            }
            for one in figures.stages
        ],
        "failures": [
            {
                "stage": one.stage,
                "failure": one.failure or None,
                "reason": one.reason,
                "hint": one.hint,
                "attempts": len(one.attempts),
                "for_good": one.for_good,
                "steps": list(dict.fromkeys(attempt.step for attempt in one.attempts)),
                "log": one.file or one.shown.log,
                "lines": list(one.lines),
            }
            for one in failures_of(history)
        ],
        "attempts": [_attempt(one, uuids) for one in history.attempts],
    }


def _gpu(history: History, time: GpuTime) -> dict[str, object]:
    gpu = history.gpus[time.gpu]
    return {
        "uuid": gpu.uuid,
        "index": gpu.index,
        "name": gpu.name,
        "memory_mib": gpu.memory_mib,
        "simulated": gpu.simulated,
        "seconds": time.seconds,
        "busy": time.busy,
        "idle": {cause.value: seconds for cause, seconds in time.idle.items()},
    }


def _gap(history: History, uuids: Sequence[str], gap: Gap) -> dict[str, object]:
    return {
        "gpu": uuids[gap.gpu],
        "began": gap.began,
        "ended": gap.ended,
        "cause": gap.cause.value,
        "causes": {cause.value: seconds for cause, seconds in gap.causes.items()},
        "next": gap.next.step if gap.next is not None else None,
        "why": explain_gap(gap, history),
    }


def _attempt(one: Attempt, uuids: Sequence[str]) -> dict[str, object]:
    return {
        "step": one.step,
        "stage": one.stage,
        "adapter": one.adapter,
        "attempt": one.number,
        "run": one.run,
        "state": one.state.value,
        "arrived": one.arrived,
        "ready": one.ready,
        "began": one.began,
        "ended": one.ended,
        "gpus": [uuids[gpu] for gpu in one.gpus],
        "after": one.awaited or None,
        "reason": one.reason,
        "hint": one.hint,
        "failure": one.failure or None,
        "exit_code": one.exit_code,
        "log": one.log,
        "warnings": list(one.warnings),
        "peak_memory_mib": one.peak_memory_mib,
        "peak_utilisation": one.peak_utilisation,
    }
