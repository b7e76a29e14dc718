"""Runs on devices that are looked at while they go on: the real pynvml over a stand-in driver."""

from __future__ import annotations

import os
import threading

import pytest
from executor_steps import GPU, LONG, outcome_of
from programs import Gate

from gpucore.config import SiteConfig
from gpucore.errors import DeviceError
from gpucore.scheduling.health import HealthRules
from gpucore.standard import FailureClass, StepState
from gpucore.standard.model import DeviceRegarded, DevicesSeen, Noted, StepRetried, StepStarted
from gpucore.system.journal import read_journal
from gpucore.system.journal_steps import last_sample

OFTEN = SiteConfig(watch=0.02)
TWO = ("count=2", "*.mem_total=10000", "*.mem_reserved=0")


class Told:
    """Keeps what a run tells, and waits for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.events: list[object] = []

    def __call__(self, event: object) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def of(self, kind: type) -> list:
        with self._changed:
            return self._of(kind)

    def _of(self, kind: type) -> list:
        return [one for one in self.events if isinstance(one, kind)]

    def wait_for_more(self, kind: type, count: int) -> None:
        """Wait until so many more events of a kind have come."""
        with self._changed:
            before = len(self._of(kind))
            assert self._changed.wait_for(lambda: len(self._of(kind)) >= before + count, LONG)

    def wait(self, found) -> object:
        """Wait until an event is of the kind that is looked for; return it."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(map(found, self.events)), LONG)
            return next(one for one in self.events if found(one))


@pytest.fixture
def driver(monkeypatch, tmp_path, nvidia):
    """Return a driver of two GPUs; runs of this process see it, and remember for this test."""
    for name, value in nvidia.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    nvidia.set(*TWO)
    return nvidia


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def open_monitored(open_executor, driver, told):
    """Return what opens a run on the driver's GPUs that looks at them all the time."""

    def make(gpus="0 1", threads=3, **more):
        return open_executor(
            gpus, threads, devices="nvml", config=OFTEN, adapters=[GPU], on_event=told, **more
        )

    return make


def regarded(level, index):
    return lambda event: (
        isinstance(event, DeviceRegarded) and (event.level, event.device.index) == (level, index)
    )


def started(step):
    return lambda event: isinstance(event, StepStarted) and event.step == step


def seen(event):
    return isinstance(event, DevicesSeen)


def test_a_gpu_that_falls_off_the_bus_costs_no_step(open_monitored, driver, told, tmp_path):
    gate = Gate(tmp_path / "gate")
    with open_monitored() as executor:
        first = executor.submit("gpu", text="true", name="first")
        second = executor.submit(
            "gpu", text=f"[ -e tried ] || {{ touch tried; read x <{gate}; }}", name="second"
        )
        told.wait(started("second"))
        lost = told.wait(started("second")).devices[0]
        driver.set(*TWO, f"{lost.index}.error=15")
        told.wait(regarded("quarantined", lost.index))
        ended = [outcome_of(one) for one in (first, second)]
        later = outcome_of(executor.submit("gpu", text="true", name="later"))
    assert [one.state for one in (*ended, later)] == [StepState.DONE] * 3
    assert [one.index for one in later.devices] == [1 - lost.index]
    # CUDA counts without the one that is lost: a number would be another GPU's, or none's.
    (device,) = later.devices
    assert later.command.env["CUDA_VISIBLE_DEVICES"] == device.uuid
    assert later.command.argv[-1] == "0"
    assert executor.halted is None


def test_a_quarantine_is_remembered_by_the_next_run(open_monitored, driver, told):
    with open_monitored() as executor:
        assert outcome_of(executor.submit("gpu", text="true", name="first")).done
        driver.set(*TWO, "0.error=15")
        told.wait(regarded("quarantined", 0))
        assert outcome_of(executor.submit("gpu", text="true")).devices[0].index == 1
    driver.set(*TWO)
    with open_monitored() as executor:
        for number in range(6):
            ended = outcome_of(executor.submit("gpu", text="true", name=f"step {number}"))
            assert [one.index for one in ended.devices] == [1]


def test_a_run_whose_gpus_all_fail_ends_with_each_reason_and_loses_nothing(
    open_monitored, driver, told, tmp_path
):
    gate = Gate(tmp_path / "gate")
    with open_monitored(threads=2, gpus="0", journal=True) as executor:
        done = executor.submit("gpu", text="true", name="done")
        assert outcome_of(done).done
        held = executor.submit("gpu", text=f"read x <{gate}", name="held")
        waits = executor.submit("gpu", text="true", name="waits")
        told.wait(started("held"))
        driver.set(*TWO, "*.error=15")
    assert outcome_of(held).failure is FailureClass.DEVICE_FAULT
    assert waits.cancelled()
    assert isinstance(executor.halted, DeviceError)
    assert "no GPU is left to the run: GPU 0: " in executor.halted.what
    driver.set(*TWO)
    with open_monitored(gpus="1", resume=True) as executor:
        again = [
            outcome_of(executor.submit("gpu", text=text, name=name))
            for name, text in (("done", "true"), ("waits", "true"))
        ]
    assert [one.earlier for one in again] == [True, False]
    assert all(one.done for one in again)


def test_two_gpus_that_fall_off_the_bus_end_the_run_though_a_third_is_there(
    open_monitored, driver, told, tmp_path
):
    gate = Gate(tmp_path / "gate")
    three = ("count=3", *TWO[1:])
    driver.set(*three)
    with open_monitored(gpus="0 1 2", threads=4, journal=True) as executor:
        held = executor.submit("gpu", text=f"read x <{gate}", name="held")
        told.wait(started("held"))
        (kept,) = told.wait(started("held")).devices
        lost = [index for index in range(3) if index != kept.index]
        waits = executor.submit("gpu", text="true", name="waits", after=[held])
        driver.set(*three, *(f"{index}.error=15" for index in lost))
        told.wait(regarded("quarantined", lost[1]))
        told.wait_for_more(DevicesSeen, 2)  # the look is over in which they were found lost
        gate.release()
    assert outcome_of(held).done
    assert waits.cancelled()
    assert isinstance(executor.halted, DeviceError)
    names = " and ".join(f"GPU {index}" for index in lost)
    assert executor.halted.what == (
        f"{names} have fallen off the bus: the machine is not to be trusted"
    )


def test_a_program_that_fills_a_gpu_of_its_own_has_failed_and_its_peak_is_known(
    open_monitored, driver, told, tmp_path
):
    gate, pid = Gate(tmp_path / "gate"), Gate(tmp_path / "pid")
    text = f"echo $$ >{pid}; read x <{gate}; echo CUDA error: out of memory >&2; exit 1"
    with open_monitored(journal=True) as executor:
        future = executor.submit("gpu", text=text, name="big")
        number = pid.receive().strip()
        gpu = told.wait(started("big")).devices[0].index
        driver.set(*TWO, f"{gpu}.proc={number}:9000")
        told.wait_for_more(DevicesSeen, 3)
        gate.release()
        ended = outcome_of(future)
    assert ended.failure is FailureClass.OUT_OF_MEMORY
    assert ended.peak_memory_mib == 9000
    with read_journal(tmp_path / "run", tmp_path / "state") as state:
        assert state.finished("big").peak_memory_mib == 9000


def test_a_program_that_runs_out_of_memory_beside_another_is_tried_alone(
    open_monitored, told, tmp_path
):
    gate, begun = Gate(tmp_path / "gate"), Gate(tmp_path / "begun")
    text = f"[ -e tried ] || {{ touch tried; echo x >{begun}; echo CUDA out of memory; exit 1; }}"
    with open_monitored(gpus="0 0") as executor:
        beside = executor.submit("gpu", text=f"read x <{gate}", name="beside")
        told.wait(started("beside"))
        big = executor.submit("gpu", text=text, name="big")
        begun.receive()
        told.wait(lambda event: isinstance(event, StepRetried))
        assert not big.done()
        gate.release()
        assert outcome_of(beside).done
        assert outcome_of(big).done


def test_programs_of_others_are_kept_off_where_nobody_named_the_gpus(open_monitored, driver, told):
    driver.set(*TWO, f"0.proc={os.getppid()}:3000")
    with open_monitored(gpus="auto") as executor:
        ended = [
            outcome_of(executor.submit("gpu", text="true", name=f"step {number}"))
            for number in range(4)
        ]
        told.wait(regarded("busy", 0))
        driver.set(*TWO)
        told.wait(regarded("good", 0))
    assert {device.index for one in ended for device in one.devices} == {1}


def test_a_list_that_names_gpus_is_obeyed_with_a_warning(open_monitored, driver, told):
    driver.set(*TWO, f"0.proc={os.getppid()}:3000")
    with open_monitored(gpus="0", threads=2) as executor:
        assert outcome_of(executor.submit("gpu", text="true")).devices[0].index == 0
        told.wait(seen)
    (note,) = told.of(Noted)
    assert "computes there, too; the GPU list names it" in note.text


def test_a_driver_that_hangs_keeps_its_gpus_from_new_steps_and_running_ones_go_on(
    open_monitored, driver, told, tmp_path, monkeypatch
):
    monkeypatch.setattr("gpucore.monitoring._PATIENCE", 0.1)
    monkeypatch.setattr("gpucore.scheduling.health._RULES", HealthRules(unknown_after=0.2))
    gate = Gate(tmp_path / "gate")
    with open_monitored(gpus="0", threads=2) as executor:
        running = executor.submit("gpu", text=f"read x <{gate}", name="running")
        told.wait(started("running"))
        driver.set(*TWO, "hang_ms.nvmlDeviceGetCount_v2=100", "*.hang_ms=2000")
        told.wait(regarded("unknown", 0))
        waits = executor.submit("gpu", text="true", name="waits")
        gate.release()
        assert outcome_of(running).done
        assert not waits.done()
        driver.set(*TWO)
        assert outcome_of(waits).done


def test_a_run_closes_at_once_while_the_driver_hangs(open_monitored, driver, told):
    with open_monitored(gpus="0", threads=2) as executor:
        assert outcome_of(executor.submit("gpu", text="true", name="first")).done
        told.wait(seen)
        driver.set(*TWO, "*.hang_ms=600000")
        assert outcome_of(executor.submit("gpu", text="true")).done


def test_what_devices_say_is_on_record(open_monitored, driver, told, tmp_path):
    driver.set(*TWO, "0.mem_used=1200", "0.util=42", "0.temp=61")
    with open_monitored(journal=True) as executor:
        assert outcome_of(executor.submit("gpu", text="true")).done
        told.wait(seen)
    with read_journal(tmp_path / "run", tmp_path / "state") as state:
        sample = last_sample(state)
    assert sample is not None
    assert list(next(iter(sample.devices.values()))) == [1200, 42, 61]


def test_what_a_waiting_step_lacks_is_on_record(open_monitored, driver, tmp_path, monkeypatch):
    monkeypatch.setattr("gpucore.monitoring._SAMPLE", 0.0)
    driver.set(*TWO, f"0.proc={os.getppid()}:9000", "0.mem_used=9000")

    def sampled():
        with read_journal(tmp_path / "run", tmp_path / "state") as state:
            return last_sample(state)

    with open_monitored(gpus="0", policy="pool", journal=True) as executor:
        waits = executor.submit("gpu", text="true", name="waits", memory=5000)
        while (sample := sampled()) is None or not sample.waits:
            os.sched_yield()
        driver.set(*TWO)
        assert outcome_of(waits).done
    assert (sample.waits, sample.lacks) == ("waits", "needs 4.9 GiB free; GPU 0 has 100 MiB")


def test_what_a_program_held_is_learned_and_lets_two_share_a_gpu_next_time(
    open_monitored, driver, told, tmp_path
):
    gates = [Gate(tmp_path / f"gate {number}") for number in range(3)]
    pids = [Gate(tmp_path / f"pid {number}") for number in range(3)]
    texts = [f"echo $$ >{pid}; read x <{gate}" for pid, gate in zip(pids, gates, strict=True)]
    with open_monitored(gpus="0", threads=3, policy="memory") as executor:
        first = executor.submit("gpu", text=texts[0], name="first")
        driver.set(*TWO, f"0.proc={pids[0].receive().strip()}:3000", "0.mem_used=3000")
        told.wait_for_more(DevicesSeen, 3)
        gates[0].release()
        assert outcome_of(first).peak_memory_mib == 3000
        driver.set(*TWO)
    with open_monitored(gpus="0", threads=3, policy="memory") as executor:
        assert outcome_of(executor.submit("gpu", text="true", name="begins")).done
        both = [executor.submit("gpu", text=text, name=text) for text in texts[1:]]
        # Each says that it runs before either may end: they share the GPU.
        for pid in pids[1:]:
            pid.receive()
        for gate in gates[1:]:
            gate.release()
        assert all(outcome_of(one).done for one in both)


def test_a_program_that_will_not_go_away_puts_its_gpu_into_quarantine(
    open_monitored, told, tmp_path, monkeypatch
):
    # A real one that no signal ends needs a driver in trouble: this one has its grace, and no more.
    monkeypatch.setattr("gpucore.monitoring.GRACE", 0.0)
    monkeypatch.setattr("gpucore.monitoring._UNKILLABLE", 0.1)
    begun = Gate(tmp_path / "begun")
    with open_monitored() as executor:
        deaf = f"trap '' TERM; echo x >{begun}; while :; do sleep 1; done"
        held = executor.submit("gpu", text=deaf, name="held")
        begun.receive()
        (device,) = told.wait(started("held")).devices
        executor.cancel(held)
        event = told.wait(regarded("quarantined", device.index))
        assert "the program of held cannot be ended" in event.reason
        later = outcome_of(executor.submit("gpu", text="true", name="later"))
        assert [one.index for one in later.devices] == [1 - device.index]
        executor.stop(now=True)
