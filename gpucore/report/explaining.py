"""Gaps in words: what a facility engineer is told who asks why a GPU was idle at three o'clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.report.idle import Cause
from gpucore.report.texts import duration, shown, when

if TYPE_CHECKING:
    from gpucore.report.history import Attempt, History
    from gpucore.report.idle import Gap

__all__ = ["explain_gap"]

_LEVELS = {"unknown": "its state was not known", "held": "leased by another run"}
_SHORT = {
    Cause.BETWEEN: "The next step was made ready.",
    Cause.OVER: "No step that wants a GPU was left in this run.",
}


def explain_gap(gap: Gap, history: History) -> str:
    """Return in a sentence or two why a GPU did nothing for a while."""
    said = _main(gap, history)
    others = [
        f"{duration(seconds)} {cause.words}"
        for cause, seconds in sorted(gap.causes.items(), key=lambda one: -one[1])
        if cause is not gap.cause and seconds > gap.seconds / 20
    ]
    also = f" Also: {', '.join(others)}." if others else ""
    return f"{said}{also}"


def _main(gap: Gap, history: History) -> str:
    cause = gap.cause
    if cause in {Cause.QUARANTINE, Cause.OTHERS}:
        return _withheld(gap)
    if cause is Cause.PREREQUISITE:
        return _prerequisite(gap)
    if cause is Cause.INPUT:
        return _input(gap)
    if cause is Cause.SLOT:
        return _slot(gap, history)
    return _SHORT[cause]


def _next(gap: Gap) -> Attempt | None:
    """Return what began when the gap ended; None when nothing did."""
    return None if gap.next is None or gap.next.began > gap.ended else gap.next


def _input(gap: Gap) -> str:
    after = _next(gap)
    if after is None:
        return "No step was there to be begun: the run waited for input."
    came = when(after.arrived, day=False)
    return f"No step was there to be begun: {shown(after.step)} came at {came}."


def _prerequisite(gap: Gap) -> str:
    after = _next(gap)
    if after is None:
        return "The steps that were left waited for others, and none began here any more."
    if not after.awaited:
        return f"The steps that were left waited for others; then {shown(after.step)} began."
    ended = when(after.ready, day=False)
    return f"{shown(after.step)} waited for {shown(after.awaited)}, which ended at {ended}."


def _slot(gap: Gap, history: History) -> str:
    if not gap.all_busy:
        return (
            "Steps were ready, but none was begun here: another run may have had the GPU, it may "
            "have had too little free memory, or been kept for a step that wants several."
        )
    workers = history.runs[gap.run].workers
    if workers == 1:
        return "Steps were ready, but the run's only worker was busy with a step elsewhere."
    hands = f"all {workers} workers" if workers else "as many workers as there ever were"
    return f"Steps were ready, but {hands} were busy with steps elsewhere."


def _withheld(gap: Gap) -> str:
    told = []
    for note in gap.notes:
        said = ": ".join(filter(None, (_LEVELS.get(note.level, ""), shown(note.reason))))
        remedy = f" ({shown(note.remedy)})" if note.remedy else ""
        told.append(f"{said[:1].upper()}{said[1:]}{remedy}." if said else "")
    return " ".join(dict.fromkeys(filter(None, told)))
