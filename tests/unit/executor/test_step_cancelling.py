"""Steps that are cancelled, and runs that are stopped."""

from __future__ import annotations

import concurrent.futures
import threading

import pytest
from executor_steps import CPU, GPU, LONG, outcome_of
from programs import Gate

from gpucore.standard import StepState


def test_a_waiting_step_can_be_cancelled_and_what_hangs_on_it_is_skipped(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_executor("0", 2, adapters=[CPU]) as executor:
        first = executor.submit("cpu", text=f"read x < {gate}")
        second = executor.submit("cpu", text="touch made")
        third = executor.submit("cpu", text="touch made", after=[second])
        assert second.cancel()
        assert second.cancel()
        assert second.cancelled()
        assert outcome_of(third).state is StepState.SKIPPED
        gate.release()
        assert outcome_of(first).done
        assert not first.cancel()
    assert executor.counts[StepState.CANCELLED] == 1
    assert not (tmp_path / "made").exists()


def test_the_executor_cancels_a_waiting_step_too(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_executor("0", 2, adapters=[CPU]) as executor:
        executor.submit("cpu", text=f"read x < {gate}")
        second = executor.submit("cpu", text="touch made")
        executor.cancel(second)
        with pytest.raises(concurrent.futures.CancelledError):
            second.result(timeout=LONG)
        gate.release()


def test_a_running_step_is_ended_when_it_is_cancelled(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_executor("0", 2, adapters=[GPU]) as executor:
        one = executor.submit("gpu", text=f"echo up > {gate}; sleep 1000")
        gate.receive()
        assert not one.cancel()
        executor.cancel(one)
        assert outcome_of(one).state is StepState.CANCELLED
        assert outcome_of(executor.submit("gpu", text="true")).done


def test_a_step_cancelled_in_the_moment_of_its_start_gives_its_devices_back(
    open_executor, tmp_path
):
    """The future knows it is cancelled before the machine does."""
    gate = Gate(tmp_path / "gate")
    with open_executor("0", 2, adapters=[GPU]) as executor:
        executor.submit("gpu", text=f"read x < {gate}")
        second = executor.submit("gpu", text="touch made")
        third = executor.submit("gpu", text="true")
        assert concurrent.futures.Future.cancel(second)
        gate.release()
        assert outcome_of(third).done
    assert executor.counts[StepState.CANCELLED] == 1
    assert not (tmp_path / "made").exists()


def test_a_step_cancelled_in_the_moment_of_being_skipped_lets_the_run_end(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_executor(adapters=[CPU]) as executor:
        first = executor.submit("cpu", text=f"read x < {gate}; exit 1")
        second = executor.submit("cpu", text="true", after=[first])
        assert concurrent.futures.Future.cancel(second)
        gate.release()
        assert executor.wait(LONG)
        assert second.cancelled()


def test_stop_ends_children_and_starts_nothing_more(open_executor, tmp_path):
    gate, alive = Gate(tmp_path / "gate"), Gate(tmp_path / "alive")
    gone = concurrent.futures.Future()
    threading.Thread(target=lambda: gone.set_result(alive.receive())).start()
    with open_executor("0", 2, adapters=[CPU]) as executor:
        one = executor.submit("cpu", text=f"exec 3> {alive}; sh -c 'echo up > {gate}; sleep 1000'")
        two = executor.submit("cpu", text="touch made")
        gate.receive()
        executor.stop()
        assert outcome_of(one).state is StepState.CANCELLED
        assert gone.result(timeout=LONG) == ""
        assert two.cancelled()
        assert executor.submit("cpu", text="touch made").cancelled()
    assert not (tmp_path / "made").exists()


def test_an_exception_in_the_with_block_stops_the_run(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    executor = open_executor(adapters=[CPU])
    one = executor.submit("cpu", text=f"echo up > {gate}; sleep 1000")
    gate.receive()
    with pytest.raises(LookupError), executor:
        raise LookupError
    assert outcome_of(one).state is StepState.CANCELLED


def test_an_interrupt_while_the_run_is_waited_for_stops_it(open_executor, tmp_path, monkeypatch):
    gate = Gate(tmp_path / "gate")
    executor = open_executor(adapters=[CPU])
    one = executor.submit("cpu", text=f"echo up > {gate}; sleep 1000")
    gate.receive()
    wait, waits = executor.wait, iter([KeyboardInterrupt])

    def interrupted(timeout=None):
        for error in waits:
            raise error
        return wait(timeout)

    monkeypatch.setattr(executor, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        executor.close()
    assert outcome_of(one).state is StepState.CANCELLED
