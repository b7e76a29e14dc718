"""A history as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gpucore.report.lanes import NO_GPU, lane_order, rows_of
from gpucore.report.texts import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpucore.report.history import Attempt, History
    from gpucore.report.idle import GpuTime

__all__ = ["chrome_trace"]

_GAPS = 999
"""The row of the gaps: below all steps."""


def chrome_trace(history: History, times: Sequence[GpuTime]) -> Iterator[str]:
    """Yield the text of a trace, piece by piece.

    One process is one GPU, its threads are rows of steps that do not overlap, and one more for
    the gaps; load and memory are counters. Times are microseconds from the first run's beginning.

    Parameters
    ----------
    history : History
        What happened.
    times : sequence of GpuTime
        How the time of its GPUs was spent.
    """
    head = json.dumps(
        {
            "folder": shown(history.folder),
            "zero": history.began,
            "journal": history.journal.chain,
        }
    )
    yield f'{{"displayTimeUnit":"ms","otherData":{head},"traceEvents":[\n'
    for place, event in enumerate(_events(history, times)):
        comma = ",\n" if place else ""
        yield comma + json.dumps(event, separators=(",", ":"))
    yield "\n]}\n"


def _events(history: History, times: Sequence[GpuTime]) -> Iterator[dict[str, object]]:
    # Process 0 is another thing to some readers.
    pids = {gpu: place for place, gpu in enumerate([*lane_order(history.gpus), NO_GPU], 1)}
    for gpu, pid in pids.items():
        label = "no GPU" if gpu == NO_GPU else history.gpus[gpu].label
        name = "" if gpu == NO_GPU else f" {history.gpus[gpu].name}"
        yield _meta("process_name", pid, 0, name=shown(f"{label}{name}".rstrip()))
        yield _meta("process_sort_index", pid, 0, sort_index=pid)
        if gpu != NO_GPU:
            yield _meta("thread_name", pid, _GAPS, name="idle")
    rows = rows_of(history.attempts)
    for one in history.attempts:
        if one.event:
            for gpu in one.gpus or (NO_GPU,):
                yield _step(history, one, pids[gpu], rows[one.event, gpu] + 1)
    yield from _gaps(history, times, pids)
    yield from _counters(history, pids)


def _gaps(
    history: History, times: Sequence[GpuTime], pids: Mapping[int, int]
) -> Iterator[dict[str, object]]:
    for time in times:
        for gap in time.gaps:
            yield {
                "ph": "X",
                "name": gap.cause.words,
                "cat": "idle",
                "pid": pids[gap.gpu],
                "tid": _GAPS,
                "ts": _us(history, gap.began),
                "dur": round(gap.seconds * 1e6),
            }


def _counters(history: History, pids: Mapping[int, int]) -> Iterator[dict[str, object]]:
    for gpu, samples in history.samples.items():
        for sample in samples:
            values = (("load, %", sample.utilisation), ("memory, MiB", sample.memory_mib))
            for name, value in values:
                if value is not None:
                    yield {
                        "ph": "C",
                        "name": name,
                        "pid": pids[gpu],
                        "ts": _us(history, sample.time),
                        "args": {"value": value},
                    }


def _step(history: History, one: Attempt, pid: int, tid: int) -> dict[str, object]:
    return {
        "ph": "X",
        "name": shown(one.step),
        "cat": shown(one.stage) or "step",
        "pid": pid,
        "tid": tid,
        "ts": _us(history, one.began),
        "dur": round(one.seconds * 1e6),
        "args": {
            "state": one.state.value,
            "attempt": one.number,
            "waited_s": round(one.waited, 3),
            "reason": shown(one.reason),
            "exit_code": one.exit_code,
        },
    }


def _us(history: History, at: float) -> int:
    return round((at - history.began) * 1e6)


def _meta(kind: str, pid: int, tid: int, **args: object) -> dict[str, object]:
    return {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": args}
