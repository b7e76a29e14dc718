"""Steps whose GPU another run has: they do not wait for it beside one that nobody has."""

from __future__ import annotations

import os

import pytest
from executor_steps import GPU, LONG, outcome_of
from programs import Gate

from gpucore.config import SiteConfig
from gpucore.errors import StepError
from gpucore.scheduling import Cancelled
from gpucore.standard import StepState
from gpucore.standard.model import StepRetried, StepStarted


@pytest.fixture
def open_leased(open_executor):
    """Return what opens an executor on simulated GPUs that are leased from the machine."""

    def make(gpus, **more):
        threads = len(gpus.split()) + 1  # so that no GPU is shared
        config = SiteConfig(leases="machine")
        return open_executor(
            gpus, threads, adapters=[GPU], devices="simulated:4", config=config, **more
        )

    return make


def held(executor, gate, name="holds"):
    """Have a run hold a GPU until something is written into the gate."""
    here = Gate(gate.path.with_suffix(f".{name}"))
    future = executor.submit("gpu", text=f"echo up >{here}; read x <{gate}")
    here.receive()
    return future


def until_wanted(executor, index):
    uuid = next(one.uuid for one in executor.provision.devices if one.index == index)
    while not executor._around.leases.wanted([uuid]):
        os.sched_yield()


@pytest.mark.parametrize("journal", [False, True])
def test_a_step_takes_the_free_gpu_and_not_that_of_another_run(open_leased, tmp_path, journal):
    gate, told = Gate(tmp_path / "gate"), []
    with (
        open_leased("0") as other,
        open_leased("0 1", journal=journal, on_event=told.append) as own,
    ):
        holds = held(other, gate)
        ended = outcome_of(own.submit("gpu", text="true"))
        assert [device.index for device in ended.devices] == [1]
        assert (ended.done, ended.attempts) == (True, 1)
        gate.release()
        assert outcome_of(holds).done
    assert not [event for event in told if isinstance(event, StepRetried)]
    assert len([event for event in told if isinstance(event, StepStarted)]) == 1


def test_a_step_that_waits_takes_a_gpu_that_becomes_free(open_leased, tmp_path):
    gate, go = Gate(tmp_path / "gate"), Gate(tmp_path / "go")
    with open_leased("0") as other, open_leased("1 0") as own:
        holds = held(other, gate)
        first = held(own, go, "first")
        waits = own.submit("gpu", text="true")
        until_wanted(other, 0)
        go.release()
        assert [device.index for device in outcome_of(waits).devices] == [1]
        gate.release()
        assert outcome_of(first).done
        assert outcome_of(holds).done


def test_a_step_waits_when_all_gpus_are_another_runs(open_leased, tmp_path):
    gates = [Gate(tmp_path / f"gate{number}") for number in range(2)]
    with open_leased("0 1") as other, open_leased("0 1") as own:
        holds = [held(other, gate) for gate in gates]
        waits = own.submit("gpu", text="true")
        while not any(
            other._around.leases.wanted([device.uuid]) for device in other.provision.devices
        ):
            os.sched_yield()
        for gate in gates:
            gate.release()
        assert outcome_of(waits).done
        assert all(outcome_of(one).done for one in holds)


def test_a_step_of_several_gpus_takes_others_as_a_whole(open_leased, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_leased("0") as other, open_leased("0 1 2 3") as own:
        holds = held(other, gate)
        ended = outcome_of(own.submit("gpu", text="true", gpus=2))
        assert 0 not in [device.index for device in ended.devices]
        gate.release()
        assert outcome_of(holds).done


def test_a_step_that_is_moved_when_it_is_cancelled_is_cancelled(open_leased, tmp_path):
    gate, go = Gate(tmp_path / "gate"), Gate(tmp_path / "go")
    with open_leased("0") as other, open_leased("1 0") as own:
        holds = held(other, gate)
        first = held(own, go, "first")
        waits = own.submit("gpu", text="true")
        until_wanted(other, 0)
        own.cancel(waits)
        assert outcome_of(waits).state is StepState.CANCELLED
        go.release()
        gate.release()
        assert outcome_of(first).done
        assert outcome_of(holds).done


def test_a_step_that_is_cancelled_between_two_gpus_does_not_run(open_leased, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_leased("0") as other, open_leased("0 1") as own:
        moves = own._dispatch._moves
        move = moves.move

        def cancelled_before(running):
            own._dispatch.handle(Cancelled(running.number))
            move(running)

        moves.move = cancelled_before
        holds = held(other, gate)
        waits = own.submit("gpu", text="touch ran")
        assert outcome_of(waits).state is StepState.CANCELLED
        gate.release()
        assert outcome_of(holds).done
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("how", ["cancel", "stop", "halt"])
def test_a_step_that_waits_for_another_runs_gpu_is_cancelled_and_has_not_failed(
    open_leased, tmp_path, monkeypatch, how
):
    """Its wait ends before its engine is told, or without that."""
    gate = Gate(tmp_path / "gate")
    with open_leased("0") as other, open_leased("0") as own:
        holds = held(other, gate)
        waits = own.submit("gpu", text="true")
        until_wanted(other, 0)
        stop = own._engine.stop

        def told_late(*step, **how):
            waits.exception(LONG)
            stop(*step, **how)

        monkeypatch.setattr(own._engine, "stop", told_late)
        if how == "cancel":
            own.cancel(waits)
        elif how == "stop":
            own.stop()
        else:
            own._dispatch.halt(StepError("no room is left"))
        ended = outcome_of(waits)
        assert (ended.state, ended.failure) == (StepState.CANCELLED, None)
        gate.release()
        assert outcome_of(holds).done


def test_all_steps_of_two_runs_end_that_take_each_others_gpus(open_leased):
    with open_leased("0 1 2") as one, open_leased("2 1 0") as other:
        futures = [run.submit("gpu", text="true") for _ in range(60) for run in (one, other)]
        assert all(outcome_of(future).done for future in futures)
