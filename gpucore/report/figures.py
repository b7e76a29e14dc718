"""The figures of a history: how far it came, what each stage took, and what was slowest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.report.history import Attempt, State
from gpucore.report.idle import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.report.history import History
    from gpucore.report.idle import GpuTime

__all__ = ["Figures", "StageFigures", "at_share", "figures_of"]

_SLOWEST = 12
_MOST = 0.95


@dataclass(frozen=True, kw_only=True)
class StageFigures:
    """What the steps of one stage took.

    Parameters
    ----------
    name, adapter : str
        Names.
    counts : Mapping of State to int
        Attempts by how they ended, and steps that were not begun.
    seconds, gpu_seconds : float
        What the attempts took together, and the same counted for each of their GPUs.
    median, most, longest : float
        Seconds that a step took that is done: half, and 95 of a hundred, took no longer.
    waited : float
        Seconds for which half of the steps could have been begun and were not.
    began, ended : float
        Seconds since the epoch: from the first beginning to the last end; 0: none began.
    """

    name: str
    adapter: str
    counts: Mapping[State, int]
    seconds: float
    gpu_seconds: float
    median: float
    most: float
    longest: float
    waited: float
    began: float
    ended: float


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a history comes to.

    Parameters
    ----------
    stages : tuple of StageFigures
        In the order of their first steps.
    slowest : tuple of Attempt
        Those that took longest.
    steps : int
        How many steps there were.
    again : int
        How many attempts were made again.
    seconds : float
        How long runs went on, together.
    done_per_hour : float
        Steps done in an hour of these.
    share : float
        The part of their time in which the GPUs were busy, from 0 to 1.
    idle : Mapping of Cause to float
        Seconds in which they were not, by what they were spent on.
    """

    stages: tuple[StageFigures, ...]
    slowest: tuple[Attempt, ...]
    steps: int
    again: int
    seconds: float
    done_per_hour: float
    share: float
    idle: Mapping[Cause, float]


def figures_of(history: History, times: Sequence[GpuTime]) -> Figures:
    """Return the figures of a history.

    Parameters
    ----------
    history : History
        What happened.
    times : sequence of GpuTime
        How the time of its GPUs was spent.
    """
    groups: dict[str, list[Attempt]] = {}
    for one in history.attempts:
        groups.setdefault(one.stage, []).append(one)
    left: dict[str, int] = {}
    adapters: dict[str, str] = {}
    begun = {one.step for one in history.attempts}
    for unbegun in history.unbegun:
        adapters.setdefault(unbegun.stage, unbegun.adapter)
        groups.setdefault(unbegun.stage, [])
        if unbegun.step not in begun:
            left[unbegun.stage] = left.get(unbegun.stage, 0) + 1
            begun.add(unbegun.step)
    run = [one for one in history.attempts if one.event]
    seconds = sum(one.ended - one.began for one in history.runs)
    done = history.counts.get(State.DONE, 0)
    had = sum(one.seconds for one in times)
    idle: dict[Cause, float] = {}
    for time in times:
        for cause, spent in time.idle.items():
            idle[cause] = idle.get(cause, 0.0) + spent
    return Figures(
        stages=tuple(
            _stage(name, adapters.get(name, ""), attempts, left.get(name, 0))
            for name, attempts in groups.items()
        ),
        slowest=tuple(sorted(run, key=lambda one: -one.seconds)[:_SLOWEST]),
        steps=sum(history.counts.values()),
        again=sum(one.state is State.RETRIED and bool(one.event) for one in history.attempts),
        seconds=seconds,
        done_per_hour=3600 * done / seconds if seconds > 0 else 0.0,
        share=sum(one.busy for one in times) / had if had > 0 else 0.0,
        idle=idle,
    )


def at_share(values: Sequence[float], share: float) -> float:
    """Return the value that a share of sorted values does not exceed; 0 when there is none.

    Examples
    --------
    >>> at_share([1, 2, 3, 4], 0.5), at_share([1, 2, 3, 4], 0.95), at_share([], 0.5)
    (2, 4, 0.0)
    """
    if not values:
        return 0.0
    place = -(-len(values) * share // 1)
    return values[min(max(int(place) - 1, 0), len(values) - 1)]


def _stage(name: str, adapter: str, attempts: Sequence[Attempt], left: int) -> StageFigures:
    counts = Counter(one.state for one in attempts)
    counts[State.WAITING] += left
    run = [one for one in attempts if one.event]
    took = sorted(one.seconds for one in run if one.state is State.DONE)
    return StageFigures(
        name=name,
        adapter=attempts[0].adapter if attempts else adapter,
        counts={one: counts[one] for one in State},
        seconds=sum(one.seconds for one in run),
        gpu_seconds=sum(one.seconds * len(one.gpus) for one in run),
        median=at_share(took, 0.5),
        most=at_share(took, _MOST),
        longest=took[-1] if took else 0.0,
        waited=at_share(sorted(one.waited for one in run), 0.5),
        began=min((one.began for one in run), default=0.0),
        ended=max((one.ended for one in run), default=0.0),
    )
