"""A journal becomes a history: what came, waited, ran, was tried again or was cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from past_runs import ZERO, uuid

from gpucore.errors import GpucoreError
from gpucore.report.history import Attempt, History, State
from gpucore.report.reading import history_of
from gpucore.standard.model import StepState
from gpucore.system.journal_records import Finished, Mended

if TYPE_CHECKING:
    from past_runs import PastRun


def read(past: PastRun) -> History:
    return history_of(past.folder, past.read(), now=ZERO + 10_000)


def only(history: History) -> Attempt:
    (one,) = history.attempts
    return one


def test_an_attempt_has_what_its_records_say(past: PastRun) -> None:
    past.plan("align/a", adapter="motioncor3")
    past.ran("align/a", 2, 7.5, 0, 1, peak_memory_mib=500, peak_utilisation=91, warnings=("slow",))
    past.end(9)
    history = read(past)
    one = only(history)
    assert (one.step, one.stage, one.adapter, one.number) == ("align/a", "align", "motioncor3", 1)
    assert (one.state, one.seconds, one.gpus) == (State.DONE, 5.5, (0, 1))
    assert (one.peak_memory_mib, one.peak_utilisation, one.warnings) == (500, 91, ("slow",))
    assert [gpu.label for gpu in history.gpus] == ["GPU 0", "GPU 1"]
    assert [gpu.name for gpu in history.gpus] == ["RTX A5000", "RTX A5000"]
    (run,) = history.runs
    assert (run.life, run.began, run.ended, run.workers) == ("ended", ZERO, ZERO + 9, 2)


def test_a_failure_that_was_tried_again_is_no_failure_any_more(past: PastRun) -> None:
    past.plan("a/1")
    past.began("a/1", 1, 0)
    past.failed("a/1", 2, "exit code 3")
    past.ran("a/1", 3, 4, 1, attempt=2)
    past.end(5)
    history = read(past)
    assert [one.state for one in history.attempts] == [State.RETRIED, State.DONE]
    assert history.counts[State.DONE] == 1
    assert history.counts[State.FAILED] == 0
    second = history.attempts[1]
    assert (second.ready, second.waited) == (ZERO + 2, 1.0)  # from the end of the first


def test_a_failure_of_an_earlier_run_that_a_later_one_mended_was_tried_again(
    past: PastRun,
) -> None:
    past.plan("a/1")
    past.began("a/1", 1, 0)
    past.failed("a/1", 2, "exit code 3")
    past.end(3)
    past.begin(100, "second")
    past.plan("a/1")
    past.ran("a/1", 101, 102, 0, attempt=2)
    past.end(103)
    history = read(past)
    assert [(one.run, one.state) for one in history.attempts] == [
        (0, State.RETRIED),
        (1, State.DONE),
    ]


def test_what_was_done_twice_was_done_twice(past: PastRun) -> None:
    past.plan("a/1")
    past.ran("a/1", 1, 2, 0)
    past.end(3)
    past.begin(100, "second")
    past.plan("a/1")
    past.ran("a/1", 101, 102, 0, attempt=2)
    past.end(103)
    assert [one.state for one in read(past).attempts] == [State.DONE, State.DONE]


def test_a_step_whose_host_died_is_cut_off_when_the_run_was_last_heard_of(past: PastRun) -> None:
    past.plan("a/1", "a/2")
    past.began("a/1", 1, 0)
    past.ran("a/2", 2, 6, 1)
    history = read(past)
    assert history.runs[0].life == "died"
    cut, done = history.attempts
    assert (cut.state, cut.ended, done.state) == (State.CUT_OFF, ZERO + 6, State.DONE)


def test_a_run_on_another_machine_may_go_on(past: PastRun) -> None:
    past.begin(0, "there", host="elsewhere")
    past.plan("a/1", "a/2")
    past.began("a/1", 1, 0)
    past.ran("a/2", 2, 6, 1)
    history = read(past)
    assert history.runs[1].life == "unknown"
    assert [one.state for one in history.attempts] == [State.RUNNING, State.DONE]
    assert history.attempts[0].ended == ZERO + 6  # when it was last heard of


def test_a_step_that_outlived_its_host_ends_where_the_next_run_says(past: PastRun) -> None:
    past.plan("a/1")
    past.began("a/1", 1, 0)
    past.begin(100, "second")
    past.plan("a/1")
    past.ended("a/1", 120)
    past.end(121)
    one = only(read(past))
    assert (one.state, one.run, one.seconds) == (State.DONE, 0, 119.0)


def test_a_step_that_is_begun_again_without_an_end_was_cut_off(past: PastRun) -> None:
    past.plan("a/1")
    past.began("a/1", 1, 0)
    past.begin(100, "second")
    past.plan("a/1")
    past.ran("a/1", 101, 102, 0, attempt=2)
    past.end(103)
    history = read(past)
    assert [one.state for one in history.attempts] == [State.RETRIED, State.DONE]
    assert history.attempts[0].ended == ZERO + 1


def test_what_was_skipped_or_refused_has_no_time(past: PastRun) -> None:
    past.plan("a/1", "b/1")
    past.ended("a/1", 3, attempt=0, state=StepState.SKIPPED, reason="no")
    past.ended("b/1", 4, attempt=1, state=StepState.FAILED, reason="no such input")
    past.end(5)
    history = read(past)
    assert [(one.state, one.seconds, one.event) for one in history.attempts] == [
        (State.SKIPPED, 0.0, 0),
        (State.FAILED, 0.0, 0),
    ]
    assert [(one.step, one.until) for one in history.unbegun] == [
        ("a/1", ZERO + 3),
        ("b/1", ZERO + 4),
    ]


def test_an_end_that_is_told_twice_counts_once(past: PastRun) -> None:
    past.plan("a/1")
    past.ran("a/1", 1, 2, 0)
    past.ended("a/1", 9, state=StepState.CANCELLED)
    past.end(10)
    one = only(read(past))
    assert (one.state, one.ended) == (State.DONE, ZERO + 2)


def test_a_step_is_ready_when_what_it_waits_for_was_made(past: PastRun) -> None:
    past.plan("a/1", "a/2", "b/1")
    past.ran("a/1", 1, 4, 0)
    past.ran("a/2", 2, 8, 1)
    past.ran("b/1", 10, 11, 0, inputs=["/out/a/1.mrc", "/out/a/2.mrc", "/data/raw.tif"])
    past.end(12)
    one = read(past).attempts[2]
    assert (one.awaited, one.ready, one.waited) == ("a/2", ZERO + 8, 2.0)


def test_a_step_that_comes_later_is_ready_when_it_comes(past: PastRun) -> None:
    past.plan("a/1")
    past.ran("a/1", 1, 2, 0)
    past.plan("a/2")
    past.ran("a/2", 60, 61, 0)
    past.end(62)
    first, second = read(past).attempts
    assert (first.arrived, second.arrived, second.waited) == (ZERO + 1, ZERO + 60, 0.0)


def test_a_step_that_waited_for_anothers_gpu_was_ready_when_the_gpu_was_given(
    past: PastRun,
) -> None:
    past.plan("a/1")
    past.began("a/1", 50, 1, granted=ZERO + 20, held_by="user2, process 8812")
    past.ended("a/1", 60)
    past.end(61)
    history = read(past)
    assert only(history).waited == 30.0
    (note,) = history.notes
    assert (note.gpu, note.level, note.reason) == (1, "held", "user2, process 8812")
    assert (note.began, note.ended) == (ZERO + 20, ZERO + 50)


def test_steps_that_were_never_reached_wait(past: PastRun) -> None:
    past.plan("a/1", "a/2", "a/3")
    past.ran("a/1", 1, 2, 0)
    past.end(3, "interrupted")
    history = read(past)
    assert history.counts[State.WAITING] == 2
    assert [one.step for one in history.unbegun] == ["a/2", "a/3"]
    assert history.runs[0].reason == "interrupted"


def test_what_an_earlier_run_did_is_not_left_by_the_next(past: PastRun) -> None:
    past.plan("a/1")
    past.ran("a/1", 1, 2, 0)
    past.end(3)
    past.begin(100, "second")
    past.plan("a/1")
    past.end(101)
    assert read(past).unbegun == ()


def test_a_clock_that_was_set_back_makes_no_step_end_before_it_began(past: PastRun) -> None:
    past.plan("a/1")
    past.ran("a/1", 50, 20, 0)
    past.end(60)
    one = only(read(past))
    assert one.seconds == 0.0
    assert one.waited >= 0.0


def test_what_is_thought_of_a_gpu_lasts_until_it_changes_or_the_run_ends(past: PastRun) -> None:
    past.regard(0, 5, "quarantined", "Xid 79", "restart")
    past.regard(0, 9, "good")
    past.regard(1, 10, "busy", "python")
    past.end(20)
    notes = [
        (note.gpu, note.level, note.began - ZERO, note.ended - ZERO) for note in read(past).notes
    ]
    assert notes == [(0, "quarantined", 5.0, 9.0), (1, "busy", 10.0, 20.0)]


def test_samples_are_kept_in_their_order(past: PastRun) -> None:
    past.sample(1, (100, 50, 60), (None, None, None))
    past.sample(11, (200, 60, 61), (300, 70, None))
    past.end(12)
    samples = read(past).samples
    assert [one.memory_mib for one in samples[0]] == [100, 200]
    assert [one.utilisation for one in samples[1]] == [None, 70]


def test_a_run_that_knew_no_gpu_names_has_those_that_its_steps_used(past: PastRun) -> None:
    past.begin(0, "old", devices=(), workers=0)
    past.plan("a/1")
    past.ran("a/1", 1, 2, 1)
    past.end(3)
    history = read(past)
    assert history.used[1] == {1}
    assert history.gpus[1].uuid == uuid(1)
    old = [gpu.label for gpu in history.gpus]
    assert old == ["GPU 0", "GPU 1"]  # the first run knew them


def test_a_gpu_of_which_only_the_uuid_is_known_is_called_by_its_beginning(past: PastRun) -> None:
    past.plan("a/1")
    past.began("a/1", 1, devices=("GPU-4f2a9c1e-1111-4222-8333-444455556666",))
    past.ended("a/1", 2)
    past.end(3)
    assert read(past).gpus[2].label == "GPU-4f2a9c1e"


def test_the_journal_is_known_by_its_chain(past: PastRun) -> None:
    past.add(Mended(time=ZERO, kept=3, loss="3 of 4 events are lost", aside="/x"))
    past.end(1)
    state = past.read()
    facts = history_of(past.folder, state).journal
    assert facts.path == str(past.folder / ".gpucore" / "journal.sqlite")
    assert facts.chain == state.chain.hex()
    assert facts.events == state.events == 3
    assert facts.notes == ("3 of 4 events are lost",)


@pytest.mark.parametrize("at", [float("nan"), float("inf"), -1.0, 1e300, "soon", None])
def test_a_time_that_cannot_be_is_refused(past: PastRun, at: object) -> None:
    past.add(Finished(step="a", attempt=0, time=at, state=StepState.DONE))  # type: ignore[arg-type]
    past.end(1)
    with pytest.raises(GpucoreError, match="a time that cannot be"):
        read(past)


def test_each_end_is_told_once_while_the_journal_is_read(past: PastRun) -> None:
    told: list[tuple[str, int, tuple[str, ...]]] = []
    past.plan("a/1", "a/2")
    past.began("a/1", 1, 0, 1)
    past.failed("a/1", 2, "no")
    past.ran("a/1", 3, 4, 1, attempt=2)
    past.ended("a/2", 5, attempt=0, state=StepState.SKIPPED)
    past.end(6)
    history_of(
        past.folder,
        past.read(),
        told=lambda attempt, _, gpus: told.append((attempt.step, attempt.number, gpus)),
    )
    assert told == [("a/1", 1, ("GPU 0", "GPU 1")), ("a/1", 2, ("GPU 1",)), ("a/2", 0, ())]
