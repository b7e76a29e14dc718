"""Leases: devices held by a host that starts programs itself."""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import threading
from types import SimpleNamespace

import pytest
from programs import Gate, shell

import gpucore.lease
from gpucore.errors import GpucoreError, NeedError, TemplateError
from gpucore.standard import GpuUse

LONG = 60

GPU = shell("gpu", use=GpuUse.COMPULSORY)
ALONE = shell("alone", use=GpuUse.COMPULSORY, sharing="forbidden")


def test_a_lease_makes_command_environment_and_descriptors_for_its_program(open_executor, tmp_path):
    """The last two of the ten lines."""
    seen = tmp_path / "seen"
    with (
        open_executor("0 1 2", 4, policy="pool", adapters=[GPU]) as executor,
        executor.lease("gpu", gpus=2, timeout=60) as lease,
    ):
        assert lease.gpus == ("0", "1")
        params = {"text": f'echo "$@" $CUDA_DEVICE_ORDER > {seen}'}
        subprocess.run(lease.command(**params).argv, env=lease.env, pass_fds=lease.fds, check=True)
    assert seen.read_text() == "0 1 PCI_BUS_ID\n"


def test_a_lease_without_an_adapter_shows_its_devices_alone(open_executor):
    with open_executor("2 3", 3) as executor, executor.lease() as lease:
        assert lease.env["CUDA_VISIBLE_DEVICES"] == "2"
        assert lease.env["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
        assert lease.env["PATH"] == os.environ["PATH"]
        with pytest.raises(TemplateError, match="no adapter"):
            lease.command()


def test_two_leases_hold_different_devices(open_executor):
    with open_executor("0 1", 3) as executor, executor.lease() as one, executor.lease() as two:
        assert {one.gpus, two.gpus} == {("0",), ("1",)}


def test_a_lease_that_is_not_granted_in_time_is_taken_back(open_executor):
    with open_executor("0", 2, adapters=[GPU]) as executor:
        with executor.lease() as held:
            with pytest.raises(TimeoutError):
                executor.lease(timeout=0.01)
            with pytest.raises(TimeoutError):
                executor.lease(timeout=0)
        assert held.gpus == ("0",)
        with executor.lease(timeout=LONG) as again:
            assert again.gpus == ("0",)


def test_a_step_waits_for_a_lease_and_a_lease_for_a_step(open_executor, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_executor("0", 2, adapters=[GPU]) as executor:
        with executor.lease():
            step = executor.submit("gpu", text=f"echo up > {gate}; read x < {gate}")
            assert not step.running()
        assert gate.receive() == "up\n"
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(executor.lease)
            assert not waiting.done()
            gate.release()
            with waiting.result(timeout=LONG) as lease:
                assert lease.gpus == ("0",)
        assert step.result(timeout=LONG).done


def test_a_lease_takes_no_worker_from_the_steps(open_executor):
    with (
        open_executor("0 1", 2, policy="pool", adapters=[GPU]) as executor,
        executor.lease(gpus=1),
    ):
        assert executor.submit("gpu", text="true", gpus=1).result(timeout=LONG).done


def test_a_lease_for_a_program_that_does_not_share_takes_the_copies_too(open_executor):
    with (
        open_executor("0", 3, adapters=[ALONE]) as executor,
        executor.lease("alone"),
        pytest.raises(TimeoutError),
    ):
        executor.lease(timeout=0)


def test_a_lease_that_was_given_back_makes_no_command(open_executor):
    with open_executor(adapters=[GPU]) as executor:
        lease = executor.lease("gpu")
        lease.release()
        lease.release()
        with pytest.raises(NeedError, match="given back"):
            lease.command(text="true")
        with executor.lease(), executor.lease():
            pass


def test_more_devices_than_there_are_are_refused(open_executor):
    with open_executor("0 1", 3) as executor, pytest.raises(NeedError, match="3 GPUs"):
        executor.lease(gpus=3)


def test_a_lease_that_waits_when_the_executor_is_closed_is_told(open_executor, monkeypatch):
    executor = open_executor("0", 2)
    held = executor.lease()
    asked = threading.Event()
    ask = executor._dispatch.ask

    def tell(*arguments):
        number = ask(*arguments)
        asked.set()
        return number

    monkeypatch.setattr(executor._dispatch, "ask", tell)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(executor.lease)
        assert asked.wait(LONG)
        executor.close()
        with pytest.raises(GpucoreError, match="stopped"):
            waiting.result(timeout=LONG)
    held.release()


@pytest.mark.parametrize("granted", [True, False])
def test_an_interrupted_wait_leaves_no_lease_behind(open_executor, monkeypatch, granted):
    class Interrupted(threading.Event):
        first = True

        def wait(self, timeout=None):
            if self.first:
                self.first = False
                raise KeyboardInterrupt
            return super().wait(timeout)

    with open_executor("0", 2) as executor:
        held = None if granted else executor.lease()
        with monkeypatch.context() as patch:
            patch.setattr(gpucore.lease, "threading", SimpleNamespace(Event=Interrupted))
            with pytest.raises(KeyboardInterrupt):
                executor.lease()
        if held:
            held.release()
        with executor.lease(timeout=LONG):
            pass
