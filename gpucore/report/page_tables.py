"""The tables that a page has without any script: GPUs, gaps, failures, stages, slowest, runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.report.explaining import explain_gap
from gpucore.report.failures import failures_of
from gpucore.report.history import State
from gpucore.report.idle import Cause
from gpucore.report.lanes import lane_order
from gpucore.report.texts import command_words, duration, percent, shown, when

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gpucore.report.failures import FailureKind
    from gpucore.report.figures import Figures
    from gpucore.report.history import History
    from gpucore.report.idle import Gap, GpuTime

__all__ = ["page_tables"]

_GAPS = 25
_SHORTEST_GAP = 1.0
_WORTH_TELLING = 0.002
"""Of the whole time: what a shorter gap was spent on is in the sums."""
_ALIKE = 0.8
_FAILURES = 40
_NAMED = 12
_HOWS = {"runs": "goes on", "ended": "ended", "died": "died", "unknown": "on another machine"}


def page_tables(
    history: History,
    times: Sequence[GpuTime],
    figures: Figures,
    link: Callable[[FailureKind], str],
) -> dict[str, object]:
    """Return what the template's tables are filled with; texts from outside are still raw.

    Parameters
    ----------
    history : History
        What happened.
    times : sequence of GpuTime
        How the time of the GPUs was spent.
    figures : Figures
        What it comes to.
    link : callable
        Gives the link that leads to the log that a kind of failure is told with.
    """
    order = lane_order(history.gpus)
    causes = [cause for cause in Cause if figures.idle.get(cause, 0.0) > 0]
    failures = failures_of(history, within=True)
    gaps = [gap for time in times for gap in time.gaps if gap.cause is not Cause.BETWEEN]
    groups = _together(gaps, (history.ended - history.began) * _WORTH_TELLING)
    told = {id(gap) for group in groups[:_GAPS] for gap in group}
    rest = [gap for gap in gaps if id(gap) not in told]
    labels = [gpu.label for gpu in history.gpus]
    states = [state for state in State if any(one.counts.get(state, 0) for one in figures.stages)]
    return {
        "tiles": _tiles(history, figures),
        "causes": causes,
        "sampled": bool(history.samples),
        "gpus": [_gpu(history, times[gpu], causes) for gpu in order],
        "notes": [
            {
                "label": labels[note.gpu],
                "level": note.level,
                "began": when(note.began),
                "ended": when(note.ended),
                "reason": note.reason,
                "remedy": note.remedy,
            }
            for note in history.notes
            if note.level != "held"
        ][:_GAPS],
        "gaps": [_gap(history, group, order) for group in groups[:_GAPS]],
        "more_gaps": f"{len(rest)} shorter ones, {duration(sum(gap.seconds for gap in rest))}"
        if rest
        else "",
        "failures": [_failure(one, link(one)) for one in failures[:_FAILURES]],
        "more_failures": max(len(failures) - _FAILURES, 0),
        "states": [state.value for state in states],
        "stages": [
            {
                "name": one.name,
                "adapter": one.adapter,
                "counts": [one.counts.get(state, 0) for state in states],
                "times": [
                    round(value, 3)
                    for value in (
                        one.median,
                        one.most,
                        one.longest,
                        one.seconds,
                        one.gpu_seconds,
                        one.waited,
                    )
                ],
            }
            for one in figures.stages
        ],
        "slowest": _slowest(history, figures),
        "runs": [
            {
                "name": run.name,
                "how": _HOWS[run.life],
                "reason": run.reason,
                "began": when(run.began),
                "ended": "" if run.life == "runs" else when(run.ended),
                "took": duration(run.ended - run.began),
                "host": run.host,
                "pid": run.pid,
                "workers": run.workers,
                "version": run.version,
                "command": shown(" ".join(command_words({}, run.argv))),
                "cwd": run.cwd,
            }
            for run in history.runs
        ],
    }


def _tiles(history: History, figures: Figures) -> list[dict[str, object]]:
    counts = history.counts
    failed = counts[State.FAILED] + counts[State.CUT_OFF]
    tiles: list[dict[str, object]] = [
        {"name": "Done", "value": counts[State.DONE], "more": f"of {figures.steps} steps"},
        {"name": "Failed", "value": failed, "bad": failed > 0},
        {"name": "Tried again", "value": figures.again, "more": "attempts"},
    ]
    runs = len(history.runs)
    tiles.append(
        {
            "name": "Time",
            "value": duration(figures.seconds),
            "more": f"in {runs} run{'' if runs == 1 else 's'}",
        }
    )
    tiles.append(
        {"name": "Rate", "value": f"{figures.done_per_hour:,.0f}", "more": "steps an hour"}
    )
    if history.gpus:
        tiles.append(
            {
                "name": "GPUs busy",
                "value": percent(figures.share),
                "more": f"of {len(history.gpus)} GPU{'' if len(history.gpus) == 1 else 's'}",
            }
        )
        spent = max(figures.idle.items(), key=lambda one: one[1], default=None)
        if spent is not None:
            tiles.append(
                {"name": "Idle most of all", "value": duration(spent[1]), "more": spent[0].words}
            )
    return [{"more": "", "bad": False, **tile} for tile in tiles]


def _gpu(history: History, time: GpuTime, causes: Sequence[Cause]) -> dict[str, object]:
    gpu = history.gpus[time.gpu]
    on = [one for one in history.attempts if time.gpu in one.gpus]
    samples = history.samples.get(time.gpu, ())
    load = [one.utilisation for one in samples if one.utilisation is not None]
    memory = max((one.memory_mib for one in samples if one.memory_mib is not None), default=None)
    spent = [("busy", "busy", time.busy)]
    spent += [(cause.value, cause.words, time.idle.get(cause, 0.0)) for cause in causes]
    total = sum(seconds for _, _, seconds in spent) or 1.0
    parts, x = [], 0.0
    for key, words, seconds in spent:
        width = 1000 * seconds / total
        parts.append(
            {
                "key": key,
                "words": words,
                "x": round(x, 1),
                "width": round(width, 1),
                "time": duration(seconds),
                "share": percent(seconds / total),
            }
        )
        x += width
    return {
        "label": gpu.label,
        "name": "" if gpu.simulated else gpu.name,
        "busy": percent(time.share),
        "parts": parts,
        "steps": len(on),
        "failed": sum(one.state in {State.FAILED, State.RETRIED, State.CUT_OFF} for one in on),
        "idle": [duration(time.idle[one]) if one in time.idle else "" for one in causes],
        "load": percent(sum(load) / len(load) / 100) if load else "",
        "memory": "" if memory is None else f"{memory} MiB",
    }


def _together(gaps: Iterable[Gap], shortest: float) -> list[list[Gap]]:
    """Return gaps, the longest first, those of several GPUs together that are nearly the same."""
    groups: list[list[Gap]] = []
    for gap in sorted(gaps, key=lambda gap: -gap.seconds):
        if gap.seconds < max(shortest, _SHORTEST_GAP):
            break
        for group in groups:
            first = group[0]
            shared = min(gap.ended, first.ended) - max(gap.began, first.began)
            if gap.cause is first.cause and shared >= _ALIKE * first.seconds:
                group.append(gap)
                break
        else:
            groups.append([gap])
    return groups


def _gap(history: History, group: Sequence[Gap], order: Sequence[int]) -> dict[str, object]:
    first = group[0]
    gpus = sorted((gap.gpu for gap in group), key=order.index)
    zero = history.began
    return {
        "label": ", ".join(history.gpus[gpu].label for gpu in gpus),
        "from": round((first.began - zero) * 1000),
        "to": round((first.ended - zero) * 1000),
        "began": when(first.began),
        "ended": when(first.ended),
        "seconds": duration(first.seconds),
        "key": first.cause.value,
        "words": first.cause.words,
        "why": explain_gap(first, history),
    }


def _failure(kind: FailureKind, link: str) -> dict[str, object]:
    names = list(dict.fromkeys(one.step for one in reversed(kind.attempts)))
    mended = len(kind.attempts) - kind.for_good
    how = f"{kind.for_good} not mended" if kind.for_good else "done when it was tried again"
    if kind.for_good and mended:
        how += f", {mended} done or tried again"
    return {
        "count": len(kind.attempts),
        "reason": kind.reason,
        "failure": kind.failure,
        "stage": kind.stage,
        "how": how,
        "steps": names[:_NAMED],
        "more": max(len(names) - _NAMED, 0),
        "hint": kind.hint,
        "lines": kind.lines,
        "shown": kind.shown.step,
        "log": kind.shown.log,
        "link": link,
    }


def _slowest(history: History, figures: Figures) -> list[dict[str, object]]:
    medians = {one.name: one.median for one in figures.stages}
    return [
        {
            "step": one.step,
            "stage": one.stage,
            "state": one.state.value,
            "gpus": ", ".join(history.gpus[gpu].label for gpu in one.gpus) or "no GPU",
            "began": when(one.began),
            "took": duration(one.seconds),
            "ratio": f"{one.seconds / medians[one.stage]:.1f}" if medians[one.stage] else "",
        }
        for one in figures.slowest
    ]
