"""Each second of a GPU's time is accounted for once, and the reason is the one that held."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from past_runs import ZERO, PastRun, night

from gpucore.report.explaining import explain_gap
from gpucore.report.idle import Cause, Gap, GpuTime, gpu_times
from gpucore.report.reading import history_of
from gpucore.standard.model import StepState

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.report.history import History


def looked(past: PastRun) -> tuple[History, list[GpuTime]]:
    history = history_of(past.folder, past.read())
    return history, gpu_times(history)


def longest(past: PastRun, gpu: int = 0) -> tuple[Gap, str]:
    """Return the longest gap of a GPU, and what is said of it."""
    history, times = looked(past)
    gap = max(times[gpu].gaps, key=lambda one: one.seconds)
    return gap, explain_gap(gap, history)


@pytest.mark.usefixtures("in_zurich")
def test_a_gpu_without_a_step_that_was_there_waited_for_input(past: PastRun) -> None:
    past.plan("a/1")
    past.ran("a/1", 1, 10, 0)
    past.plan("a/2")
    past.ran("a/2", 610, 620, 0)
    past.end(621)
    gap, said = longest(past)
    assert (gap.cause, gap.seconds) == (Cause.INPUT, 600.0)
    assert said == "No step was there to be begun: a/2 came at 03:23:30."


@pytest.mark.usefixtures("in_zurich")
def test_a_gpu_whose_steps_wait_for_others_waited_for_a_prerequisite(past: PastRun) -> None:
    past.plan("a/1", "b/1")
    past.ran("a/1", 1, 300, 0)
    past.ran("b/1", 300.5, 320, 1, inputs=["/out/a/1.mrc"])
    past.end(321)
    gap, said = longest(past, gpu=1)
    assert gap.cause is Cause.PREREQUISITE
    assert gap.seconds == 300.5
    assert said == "b/1 waited for a/1, which ended at 03:18:20."


def test_a_ready_step_while_all_workers_are_busy_waited_for_a_slot(tmp_path: Path) -> None:
    past = PastRun(tmp_path / "out", gpus=2, workers=1)
    past.begin()
    past.plan("a/1", "a/2")
    past.ran("a/1", 1, 100, 0)
    past.ran("a/2", 100.1, 110, 0)
    past.end(111)
    gap, said = longest(past, gpu=1)
    assert gap.cause is Cause.SLOT
    assert "the run's only worker was busy" in said
    assert "Also: 10.9 s no step left for a GPU." in said


def test_a_ready_step_that_nothing_kept_back_is_told_so(past: PastRun) -> None:
    past.plan("a/1", "a/2")
    past.ran("a/1", 1, 100, 0)
    past.ran("a/2", 100.1, 110, 0)
    past.end(111)
    gap, said = longest(past, gpu=1)
    assert gap.cause is Cause.SLOT
    assert said.startswith("Steps were ready, but none was begun here")


def test_a_gpu_that_another_run_had_was_used_by_others(past: PastRun) -> None:
    past.plan("a/1")
    past.began("a/1", 90, 1, granted=ZERO + 5, held_by="user2, process 8812")
    past.ended("a/1", 100)
    past.end(101)
    gap, said = longest(past, gpu=1)
    assert gap.cause is Cause.OTHERS
    assert gap.causes[Cause.OTHERS] == 85.0
    assert "Leased by another run: user2, process 8812." in said


@pytest.mark.parametrize(
    ("level", "cause", "said"),
    [
        ("quarantined", Cause.QUARANTINE, "Xid 79 (restart the machine)."),
        ("unknown", Cause.QUARANTINE, "Its state was not known: Xid 79 (restart the machine)."),
        ("busy", Cause.OTHERS, "Xid 79 (restart the machine)."),
    ],
)
def test_a_gpu_that_was_withheld_is_told_with_the_reason(
    past: PastRun, level: str, cause: Cause, said: str
) -> None:
    past.plan("a/1", "a/2")
    past.began("a/1", 1, 0)
    past.regard(1, 2, level, "Xid 79", "restart the machine")
    past.ended("a/1", 500)
    past.regard(1, 500, "good")
    past.ran("a/2", 500, 510, 1)
    past.end(511)
    gap, told = longest(past, gpu=1)
    assert (gap.cause, told) == (cause, said)
    assert gap.causes[cause] == 498.0


def test_what_is_merely_noted_of_a_gpu_explains_no_gap(past: PastRun) -> None:
    past.plan("a/1")
    past.regard(1, 0, "noted", "hot", "")
    past.ran("a/1", 1, 100, 0)
    past.end(101)
    assert longest(past, gpu=1)[0].cause is Cause.OVER


def test_a_gpu_for_which_no_step_was_left_is_told_so(past: PastRun) -> None:
    past.plan("a/1", "c/1")
    past.ran("a/1", 1, 10, 0)
    past.ran("c/1", 11, 200)
    past.end(201)
    gap, said = longest(past)
    assert gap.cause is Cause.OVER  # what needs no GPU keeps none busy
    assert said == "No step that wants a GPU was left in this run."


def test_the_moment_between_two_steps_is_no_wait(past: PastRun) -> None:
    past.plan("a/1", "a/2")
    past.ran("a/1", 1, 10, 0)
    past.ran("a/2", 10.4, 20, 0)
    past.end(20.5)
    _, times = looked(past)
    assert times[0].idle[Cause.BETWEEN] == pytest.approx(0.4)


def test_steps_that_were_skipped_waited_for_others(past: PastRun) -> None:
    past.plan("a/1", "b/1", "a/2", "b/2")
    past.ran("a/1", 1, 10, 0)
    past.ran("b/1", 10, 20, 1, inputs=["/out/a/1.mrc"])
    past.began("a/2", 20, 0)
    past.failed("a/2", 90, "no")
    past.ended("b/2", 90, attempt=0, state=StepState.SKIPPED, reason="a/2 did not end well")
    past.end(91)
    gap, _ = longest(past, gpu=1)
    assert gap.cause is Cause.PREREQUISITE


def test_between_runs_nothing_is_idle(past: PastRun) -> None:
    past.plan("a/1")
    past.ran("a/1", 1, 9, 0)
    past.end(10)
    past.begin(100_000, "second")
    past.plan("a/2")
    past.ran("a/2", 100_001, 100_009, 0)
    past.end(100_010)
    _, times = looked(past)
    assert times[0].seconds == 20.0
    assert times[0].busy == 16.0


def test_steps_that_share_a_gpu_keep_it_busy_once(past: PastRun) -> None:
    past.plan("a/1", "a/2")
    past.began("a/1", 0, 0)
    past.began("a/2", 2, 0)
    past.ended("a/1", 6)
    past.ended("a/2", 10)
    past.end(10)
    _, times = looked(past)
    assert (times[0].busy, times[0].share) == (10.0, 1.0)


def random_runs(past: PastRun, seed: int) -> None:
    """Let anything happen in any order: steps, failures, samples, runs that die."""
    pick = random.Random(seed)
    at, going = 0.0, list[str]()
    for number in range(60):
        at += pick.choice([0.0, 0.3, 2.0, 40.0])
        what = pick.randrange(8)
        if what < 3:
            past.plan(step := f"s{pick.randrange(3)}/{number}")
            inputs = [f"/out/{one}.mrc" for one in pick.sample(going, min(len(going), 2))]
            past.began(step, at, *pick.sample((0, 1), pick.randrange(3)), inputs=inputs)
            going.append(step)
        elif what < 5 and going:
            past.ended(going.pop(pick.randrange(len(going))), at)
        elif what == 5:
            past.plan(f"s{pick.randrange(3)}/{number}")
        elif what == 6:
            past.regard(pick.randrange(2), at, pick.choice(["quarantined", "busy", "good"]), "x")
        elif pick.random() < 0.3:
            past.begin(at, f"run{number}", workers=pick.randrange(3))
    past.end(at)


@pytest.mark.parametrize("seed", range(40))
def test_every_second_is_accounted_for_once(past: PastRun, seed: int) -> None:
    random_runs(past, seed)
    history, times = looked(past)
    for time in times:
        assert time.busy + sum(time.idle.values()) == pytest.approx(time.seconds)
        assert 0 <= time.share <= 1
        for one, following in pairwise(time.gaps):
            assert one.ended <= following.began
        for gap in time.gaps:
            assert sum(gap.causes.values()) == pytest.approx(gap.seconds)
            assert not any(
                gap.gpu in one.gpus and one.began < gap.ended and one.ended > gap.began
                for one in history.attempts
            )
            assert explain_gap(gap, history).endswith(".")


def test_a_night_is_accounted_for(tmp_path: Path) -> None:
    _, times = looked(night(tmp_path / "out", 400))
    assert {cause for time in times for cause in time.idle} >= {Cause.INPUT, Cause.QUARANTINE}
    for time in times:
        assert time.busy + sum(time.idle.values()) == pytest.approx(time.seconds)
