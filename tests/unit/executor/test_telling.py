"""What a run tells: events, notes, and how little of an observer's faults it hears."""

from __future__ import annotations

import threading

import pytest
from programs import shell

from gpucore.standard import (
    GpuUse,
    Noted,
    RunEnded,
    RunStarted,
    StepEnded,
    StepStarted,
    StepState,
)

LONG = 60
CPU = shell("cpu")
GPU = shell("gpu", use=GpuUse.COMPULSORY)


def test_events_of_a_run_and_of_each_step_come_in_order(open_executor):
    events = []
    with open_executor("0 1", 3, adapters=[GPU], on_event=events.append) as executor:
        good = executor.submit("gpu", text="true", name="good")
        bad = executor.submit("gpu", text="exit 1", name="bad", after=[good])
        executor.submit("gpu", text="true", name="skipped", after=[bad])
    assert isinstance(events[0], RunStarted)
    assert [[one.index for one in slot] for slot in events[0].slots] == [[0], [1]]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].counts[StepState.SKIPPED] == 1
    assert {one.run for one in events} == {executor.run}
    kinds = {name: [] for name in ("good", "bad", "skipped")}
    for one in events:
        if isinstance(one, StepStarted):
            kinds[one.step].append("started")
        elif isinstance(one, StepEnded):
            kinds[one.outcome.step].append(one.outcome.state.value)
    assert kinds == {
        "good": ["started", "done"],
        "bad": ["started", "failed"],
        "skipped": ["skipped"],
    }


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
def test_what_an_observer_raises_does_not_reach_the_run(open_executor, caplog, error):
    def fail(event):
        raise error("the observer's own fault")

    with open_executor("0", 2, adapters=[GPU], on_event=fail) as executor:
        for _ in range(3):
            assert executor.submit("gpu", text="true").result(timeout=LONG).done
    assert "the observer's own fault" in caplog.text


def test_an_observer_may_submit_steps(open_executor):
    more, submitted = [], threading.Event()

    def follow(event):
        if isinstance(event, StepEnded) and not more:
            more.append(executor.submit("cpu", text="true"))
            submitted.set()

    with open_executor(adapters=[CPU], on_event=follow) as executor:
        executor.submit("cpu", text="true")
        assert submitted.wait(LONG)
    assert more[0].result().done


def test_counts_hold_a_step_as_soon_as_its_result_is_there(open_executor):
    with open_executor(adapters=[CPU]) as executor:
        for number in range(20):
            executor.submit("cpu", text="true").result(timeout=LONG)
            assert executor.counts[StepState.DONE] == number + 1


@pytest.mark.parametrize(
    ("sharing", "words"),
    [("fine", []), ("discouraged", ["not recommended"]), ("forbidden", ["does not share"])],
)
def test_a_run_says_once_how_its_programs_bear_sharing(open_executor, sharing, words):
    notes = []
    adapter = shell("prog", use=GpuUse.COMPULSORY, sharing=sharing)
    with open_executor("0", 3, adapters=[adapter], on_event=notes.append) as executor:
        for _ in range(3):
            executor.submit("prog", text="true")
    notes = [one for one in notes if isinstance(one, Noted)]
    assert len(notes) == len(words)
    assert all(word in note.text for word, note in zip(words, notes, strict=True))


def test_a_list_that_is_long_enough_is_not_talked_about(open_executor):
    notes = []
    adapter = shell("prog", use=GpuUse.COMPULSORY, sharing="forbidden")
    with open_executor("0 0", 3, adapters=[adapter], on_event=notes.append) as executor:
        executor.submit("prog", text="true")
    assert not [one for one in notes if isinstance(one, Noted)]
