"""How long a program may take, and how often it is tried again."""

from __future__ import annotations

import pytest
from executor_steps import CPU, GPU, outcome_of
from programs import Gate

from gpucore.standard import FailureClass, StepRetried, StepState
from gpucore.standard.step import Limits

COUNTED = 'n=$(($(cat tries 2>/dev/null || echo 0) + 1)); echo $n >tries; [ "$n" -ge {} ]'


@pytest.mark.parametrize("journal", [False, True])
def test_a_step_that_fails_is_tried_again_and_its_future_told_once(
    open_executor, tmp_path, journal
):
    told = []
    with open_executor(adapters=[GPU], journal=journal, on_event=told.append) as executor:
        future = executor.submit("gpu", text=COUNTED.format(3), limits=Limits(retries=2))
        assert outcome_of(future).done
    assert (tmp_path / "tries").read_text() == "3\n"
    retried = [event for event in told if isinstance(event, StepRetried)]
    assert [event.attempt for event in retried] == [1, 2]
    assert all(event.outcome.exit_code == 1 for event in retried)


def test_each_attempt_keeps_its_log(open_executor):
    with open_executor(adapters=[CPU]) as executor:
        text = f"echo said; {COUNTED.format(2)}"
        future = executor.submit("cpu", text=text, limits=Limits(retries=1))
        assert outcome_of(future).done
        logs = sorted((executor.folder / "log").iterdir())
    assert [log.name.rpartition(".")[0].rpartition(".")[2] for log in logs] == ["1", "2"]
    assert {log.read_text() for log in logs} == {"said\n"}


def test_a_step_is_not_tried_more_often_than_its_retries(open_executor, tmp_path):
    with open_executor(adapters=[CPU]) as executor:
        future = executor.submit("cpu", text=COUNTED.format(9), limits=Limits(retries=2))
        outcome = outcome_of(future)
    assert outcome.state is StepState.FAILED
    assert (tmp_path / "tries").read_text() == "3\n"


def test_a_wrong_input_is_not_tried_again(open_executor):
    told = []
    with open_executor(adapters=[CPU], on_event=told.append) as executor:
        future = executor.submit("cpu", text="true", item="nix", limits=Limits(retries=5))
        assert outcome_of(future).failure is FailureClass.BAD_INPUT
    assert not [event for event in told if isinstance(event, StepRetried)]


@pytest.mark.parametrize("journal", [False, True])
def test_a_program_over_its_time_is_ended_with_its_children(open_executor, tmp_path, journal):
    gate = Gate(tmp_path / "gate")
    text = f"setsid sh -c 'echo $$ >child; cat {gate}' & cat {gate}"
    with open_executor(adapters=[CPU], journal=journal) as executor:
        outcome = outcome_of(executor.submit("cpu", text=text, limits=Limits(wall=0.5)))
    assert outcome.failure is FailureClass.LIMIT
    assert "it ran for 0.5 seconds" in outcome.reason


def test_a_program_that_prints_nothing_is_ended_and_one_that_does_goes_on(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_executor(adapters=[CPU]) as executor:
        silent = executor.submit("cpu", text=f"cat {gate}", limits=Limits(quiet=0.4))
        busy = executor.submit(
            "cpu",
            text="for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done",
            limits=Limits(quiet=0.4),
        )
        assert "it printed nothing for 0.4 seconds" in outcome_of(silent).reason
        assert outcome_of(busy).done


def test_a_run_that_is_stopped_tries_nothing_again(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    text = f"[ -e once ] && touch again; touch once; echo x >{gate}; cat {gate}"
    with open_executor(adapters=[CPU]) as executor:
        future = executor.submit("cpu", text=text, limits=Limits(retries=9))
        gate.receive()
        executor.stop(now=True)
        assert executor.wait(60)
    assert outcome_of(future).state is StepState.CANCELLED
    assert not gate.path.with_name("again").exists()
