"""How a run stands now, in a few words and numbers: what is seen first of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.report.history import State
from gpucore.report.lanes import NO_GPU
from gpucore.report.texts import duration, shown, when
from gpucore.standard.model import StepState
from gpucore.system.lives import life

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.report.history import Attempt, Sample
    from gpucore.serving.run_story import RunStory
    from gpucore.system.journal_replay import JournalState

__all__ = ["LIVES", "card_of", "empty_card"]

LIVES = {
    "runs": "Running",
    "ended": "Ended",
    "died": "Died",
    "unknown": "On another machine",
    "none": "No run yet",
}
_FEWEST = 3
"""Steps that must have been done lately before it is said how long the others will take."""
_SOONEST = 20.0
"""Seconds of a run before its rate says anything."""
_MINUTE = 60.0
_NAMED = 4
"""Steps of one GPU that are named."""
_LATE = 120.0
"""Seconds after which what a GPU said last is not shown as how it is."""


def empty_card(trouble: str = "") -> dict[str, object]:
    """Return the card of a folder in which no run has begun."""
    return {
        "life": "none",
        "state": LIVES["none"],
        "words": "",
        "parts": [],
        "gpus": [],
        "trouble": shown(trouble),
    }


def card_of(
    story: RunStory, state: JournalState, now: float, trouble: str = ""
) -> dict[str, object]:
    """Return how the last run of a folder stands.

    Parameters
    ----------
    story : RunStory
        What is known of it.
    state : JournalState
        What its journal says.
    now : float
        Seconds since the epoch.
    trouble : str
        Why nothing newer is known.
    """
    run, finished = state.runs[-1]
    how = life(state, len(state.runs) - 1)
    counts = state.counts()
    total = len(state.steps)
    open_now = story.reader.steps.standing(now, lives=how in {"runs", "unknown"})
    running = [one for one in open_now if one.state is State.RUNNING]
    left = counts[StepState.WAITING] + counts[StepState.RUNNING]
    parts = [
        ("done", counts[StepState.DONE]),
        ("running", len(running)),
        ("failed", counts[StepState.FAILED]),
        ("cut off", counts[StepState.RUNNING] - len(running)),
        ("skipped", counts[StepState.SKIPPED]),
        ("cancelled", counts[StepState.CANCELLED]),
        ("waiting", counts[StepState.WAITING]),
    ]
    said = [f"{counts[StepState.DONE]} of {total} step{'' if total == 1 else 's'} done"]
    said += [f"{count} {name}" for name, count in parts[1:] if count > 0]
    rate = story.done_an_hour(now) if how == "runs" and now - run.time >= _SOONEST else 0.0
    if rate:
        said.append(f"{rate:,.0f} an hour")
        if counts[StepState.DONE] >= _FEWEST and left:
            seconds = 3600 * left / rate
            said.append(
                "less than a minute left"
                if seconds < _MINUTE
                else f"about {duration(seconds)} left"
            )
    text = LIVES[how]
    if how == "runs":
        text += f" since {when(run.time)}"
    elif finished is not None:
        text += f" at {when(finished.time)}" + (
            f" ({shown(finished.reason)})" if finished.reason else ""
        )
    elif how == "died":
        text += f"; last heard of at {when(story.reader.steps.run.last)}"
    return {
        "life": how,
        "state": text,
        "words": ", ".join(said),
        "parts": [[name, count] for name, count in parts if count > 0],
        "gpus": _gpus(story, running, now) if how in {"runs", "unknown"} else [],
        "host": shown(run.host),
        "at": round(now, 2),
        "trouble": shown(trouble),
    }


def _gpus(story: RunStory, running: list[Attempt], now: float) -> list[dict[str, object]]:
    """Return what each GPU of the run does."""
    records, layout = story.reader.gpus, story.layout()
    used = story.reader.steps.run.used
    notes = {one.gpu: one for one in records.open(now)}
    found: list[dict[str, object]] = []
    for gpu in layout.order:
        on = [one for one in running if (gpu in one.gpus if gpu != NO_GPU else not one.gpus)]
        if gpu == NO_GPU:
            if on:
                found.append({"label": "no GPU", "steps": _steps(on, now)})
            continue
        if gpu not in used and not on:
            continue
        note = notes.get(gpu)
        told = "" if note is None else f"{note.level}: {note.reason}".removesuffix(": ")
        found.append(
            {
                "label": shown(records.gpus[gpu].label),
                "steps": _steps(on, now),
                "total": records.gpus[gpu].memory_mib,
                "note": shown(told),
                **_said(records.samples, gpu, now),
            }
        )
    return found


def _steps(on: list[Attempt], now: float) -> dict[str, object]:
    return {
        "told": [
            [one.key, shown(one.step), round(max(now - one.began, 0.0), 1)] for one in on[:_NAMED]
        ],
        "more": max(len(on) - _NAMED, 0),
    }


def _said(samples: Mapping[int, list[Sample]], gpu: int, now: float) -> dict[str, object]:
    some = samples.get(gpu)
    if not some or now - some[-1].time > _LATE:
        return {}
    last = some[-1]
    return {"load": last.utilisation, "memory": last.memory_mib, "heat": last.temperature}
