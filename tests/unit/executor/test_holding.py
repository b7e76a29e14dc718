"""The leases of a run: handed on from step to step, unless somebody else has a right to them."""

from __future__ import annotations

import os

import pytest
from executor_steps import GPU, outcome_of
from programs import Gate

from gpucore.config import SiteConfig
from gpucore.standard import StepState
from gpucore.system.leases import Held

ORDER = "echo {0} >>order"


@pytest.fixture
def one_gpu(open_executor):
    """Return what opens an executor with one simulated GPU, leased from the machine."""
    return lambda: open_executor(
        "0", 2, adapters=[GPU], devices="simulated:1", config=SiteConfig(leases="machine")
    )


def test_the_next_step_of_a_run_goes_on_under_the_same_lease(one_gpu, monkeypatch):
    released = []
    release = Held.release
    monkeypatch.setattr(Held, "release", lambda held: (released.append(held), release(held)))
    with one_gpu() as executor:
        futures = [executor.submit("gpu", text="true") for _ in range(5)]
        assert all(outcome_of(future).done for future in futures)
    assert len(released) == 1


def test_what_a_step_left_running_keeps_its_gpu_from_the_next_step(one_gpu, tmp_path):
    up, go = Gate(tmp_path / "up"), Gate(tmp_path / "go")
    # In a session of its own it is not ended with the program's group.
    left = f"echo up >{up}; read x <{go}; echo left >>order"
    leaves = f'setsid sh -c "{left}" & read x <{up}; echo first >>order'
    with one_gpu() as executor:
        first = executor.submit("gpu", text=leaves)
        second = executor.submit("gpu", text=ORDER.format("second"))
        assert outcome_of(first).done
        go.release()
        assert outcome_of(second).done
    assert (tmp_path / "order").read_text().split() == ["first", "left", "second"]


def test_another_run_that_waits_has_its_turn_before_the_next_step(one_gpu, tmp_path):
    here, go = Gate(tmp_path / "here"), Gate(tmp_path / "go")
    with one_gpu() as executor, one_gpu() as other:
        first = executor.submit("gpu", text=f"echo up >{here}; read x <{go}")
        second = executor.submit("gpu", text=ORDER.format("second"))
        here.receive()
        between = other.submit("gpu", text=ORDER.format("between"))
        held = executor._around.leases
        while not held.wanted([executor.provision.devices[0].uuid]):
            os.sched_yield()
        go.release()
        assert all(outcome_of(future).done for future in (first, second, between))
    assert (tmp_path / "order").read_text().split() == ["between", "second"]


def test_a_step_that_waits_for_another_runs_gpu_can_be_cancelled(one_gpu, tmp_path):
    here, go = Gate(tmp_path / "here"), Gate(tmp_path / "go")
    with one_gpu() as executor, one_gpu() as other:
        first = executor.submit("gpu", text=f"echo up >{here}; read x <{go}")
        here.receive()
        waits = other.submit("gpu", text=ORDER.format("never"))
        held = executor._around.leases
        while not held.wanted([executor.provision.devices[0].uuid]):
            os.sched_yield()
        other.cancel(waits)
        assert outcome_of(waits).state is StepState.CANCELLED
        go.release()
        assert outcome_of(first).done
    assert not (tmp_path / "order").exists()
