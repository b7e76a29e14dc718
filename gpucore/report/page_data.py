"""What the page's script is given: the attempts in columns, gaps, notes and samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.report.embedding import steps_apart
from gpucore.report.explaining import explain_gap
from gpucore.report.figures import at_share
from gpucore.report.history import State
from gpucore.report.idle import Cause
from gpucore.report.lanes import NO_GPU, layout_of
from gpucore.report.step_columns import STATES, StepColumns
from gpucore.report.texts import shown, utc_offset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gpucore.report.history import Attempt, History, Sample
    from gpucore.report.idle import GpuTime
    from gpucore.report.lanes import Layout

__all__ = ["PageData", "chosen"]

_CAUSES = tuple(Cause)
_GAPS = 1000
_EXPLAINED = 300
_SHORTEST_GAP = 1.0
_POINTS = 600
_CELLS = 24_000
_MOST_BINS = 1200
_FEWEST_BINS = 50


def chosen(history: History, most: int) -> list[Attempt]:
    """Return the attempts that a page tells one by one: all, or what is worth a look.

    Parameters
    ----------
    history : History
        What happened.
    most : int
        How many at most: those that did not end well come first, then those that took longest
        by the measure of their stage.
    """
    attempts = history.attempts
    if len(attempts) <= most:
        return list(attempts)
    took: dict[str, list[float]] = {}
    for one in attempts:
        took.setdefault(one.stage, []).append(one.seconds)
    usual = {stage: at_share(sorted(some), 0.5) or 1.0 for stage, some in took.items()}
    ranked = sorted(
        range(len(attempts)),
        key=lambda place: (
            attempts[place].state is State.DONE,
            -attempts[place].seconds / usual[attempts[place].stage],
        ),
    )
    return [attempts[place] for place in sorted(ranked[:most])]


class PageData:
    """Shapes a history for the page's script.

    Parameters
    ----------
    history : History
        What happened.
    times : sequence of GpuTime
        How the time of its GPUs was spent.
    link : callable
        Gives the link that leads to an attempt's log; empty: none does.
    layout : Layout, optional
        What the page's lanes, rows and stages are, when more is to be told to it later.
    """

    def __init__(
        self,
        history: History,
        times: Sequence[GpuTime],
        link: Callable[[Attempt], str],
        layout: Layout | None = None,
    ) -> None:
        self._history = history
        self._times = times
        keyed = layout is not None
        layout = layout or layout_of(history)
        self._zero = layout.zero
        self._rows = layout.rows
        self._order = layout.order
        self._lanes = {gpu: lane for lane, gpu in enumerate(layout.order)}
        self._stages = layout.stages
        self._columns = StepColumns(layout, link, keyed=keyed)

    def shaped(
        self, attempts: Sequence[Attempt], commands: Mapping[int, Sequence[str]]
    ) -> dict[str, object]:
        """Return what the script draws, ready for `as_json`.

        Parameters
        ----------
        attempts : sequence of Attempt
            Those that are told one by one.
        commands : Mapping of int to sequence of str
            The words of commands, by attempts' events: those that are told.
        """
        history, ms = self._history, self._ms
        data: dict[str, object] = {
            "from": self._zero,
            "to": ms(history.ended),
            "offset": utc_offset(self._zero),
            "states": [one.value for one in STATES],
            "causes": [[one.value, one.words] for one in _CAUSES],
            "stages": [shown(one) for one in self._stages],
            "lanes": self._lane_heads(),
            "runs": [[shown(one.name), ms(one.began), ms(one.ended)] for one in history.runs],
            "steps": self._columns.packed(attempts, commands),
            "total": len(history.attempts),
            "gaps": self.gaps(),
            "notes": self.notes(),
            "samples": [self._samples(gpu, some) for gpu, some in history.samples.items()],
        }
        if len(attempts) < len(history.attempts):
            data["bins"] = self._bins()
        data["counts"] = self._counts()
        return data

    def _ms(self, at: float) -> int:
        return round((at - self._zero) * 1000)

    def _lane_heads(self) -> list[dict[str, object]]:
        rows: dict[int, int] = {}
        for (_, gpu), row in self._rows.items():
            rows[gpu] = max(rows.get(gpu, 0), row + 1)
        heads: list[dict[str, object]] = []
        for gpu in self._order:
            if gpu == NO_GPU:
                heads.append({"label": "no GPU", "rows": rows[gpu]})
                continue
            one = self._history.gpus[gpu]
            heads.append(
                {
                    "label": shown(one.label),
                    "title": "" if one.simulated else shown(one.name),
                    "uuid": shown(one.uuid),
                    "rows": rows.get(gpu, 1),
                    "memory": one.memory_mib,
                    "busy": round(self._times[gpu].share, 4),
                }
            )
        return heads

    def gaps(self) -> list[list[object]]:
        """Return the longest gaps: lane, from, to, cause, and for the longest why."""
        gaps = [gap for time in self._times for gap in time.gaps if gap.seconds >= _SHORTEST_GAP]
        gaps.sort(key=lambda gap: -gap.seconds)
        told: list[list[object]] = []
        for place, gap in enumerate(gaps[:_GAPS]):
            row: list[object] = [
                self._lanes[gap.gpu],
                self._ms(gap.began),
                self._ms(gap.ended),
                _CAUSES.index(gap.cause),
            ]
            explained = place < _EXPLAINED
            told.append([*row, explain_gap(gap, self._history)] if explained else row)
        return told

    def _counts(self) -> list[list[int]]:
        """Return how many attempts each stage, and each state, has in all."""
        stages, states = [0] * len(self._stages), [0] * len(STATES)
        for one in self._history.attempts:
            stages[self._stages[one.stage]] += 1
            states[STATES.index(one.state)] += 1
        return [stages, states]

    def notes(self) -> list[list[object]]:
        """Return what was thought of GPUs: lane, from, to, level, reason, remedy."""
        return [
            [
                self._lanes[one.gpu],
                self._ms(one.began),
                self._ms(one.ended),
                one.level,
                shown(one.reason),
                shown(one.remedy),
            ]
            for one in self._history.notes
        ]

    def _samples(self, gpu: int, samples: Sequence[Sample]) -> list[object]:
        """Return a GPU's samples, thinned: the mean of its load, the most of its memory."""
        width = -(-len(samples) // _POINTS)
        groups = [samples[at : at + width] for at in range(0, len(samples), width)]
        return [
            self._lanes[gpu],
            steps_apart(self._ms(group[0].time) for group in groups),
            [_mean(one.utilisation for one in group) for group in groups],
            [_most(one.memory_mib for one in group) for group in groups],
            [_most(one.temperature for one in group) for group in groups],
        ]

    def _bins(self) -> dict[str, object]:
        """Return how long steps ran in each of many short times, by lane, stage and state."""
        kinds = len(self._lanes) * max(len(self._stages), 1) * 2
        number = max(min(_CELLS // max(kinds, 1), _MOST_BINS), _FEWEST_BINS)
        zero = self._zero
        width = max((self._history.ended - zero) / number, 0.001)
        cells: dict[tuple[int, int, int], dict[int, float]] = {}
        for one in self._history.attempts:
            if not one.event or one.state is State.RUNNING:
                continue  # what runs is told one by one: its bar grows
            first, last = int((one.began - zero) / width), int((one.ended - zero) / width)
            for gpu in one.gpus or (NO_GPU,):
                key = (self._lanes[gpu], self._stages[one.stage], STATES.index(one.state))
                row = cells.setdefault(key, {})
                for place in range(first, last + 1):
                    start, end = zero + place * width, zero + (place + 1) * width
                    spent = min(one.ended, end) - max(one.began, start)
                    row[place] = row.get(place, 0.0) + spent
        return {
            "width": width * 1000,
            "cells": [
                [
                    *key,
                    steps_apart(sorted(row)),
                    [round(100 * row[place] / width) for place in sorted(row)],
                ]
                for key, row in cells.items()
            ],
        }


def _mean(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known)) if known else None


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)
