"""What is told of devices is true; no fault of whoever looks at them keeps a step from ending."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from executor_steps import GPU, outcome_of

from gpucore.learning import LearnedMemory
from gpucore.monitoring import Monitor
from gpucore.record import RunRecord
from gpucore.scheduling.standing import Level, Standing
from gpucore.standard.model import Device
from gpucore.standard.readings import Reading, Snapshot
from gpucore.stewardship import RunSteward

DEVICES = (Device(uuid="GPU-a", index=0), Device(uuid="GPU-b", index=1))
BROKEN = Standing(level=Level.QUARANTINED, reason="it is lost", remedy="restart", hard=True)


@pytest.fixture
def told():
    return []


@pytest.fixture
def steward(told):
    dispatch = SimpleNamespace(handle=lambda _: None, halt=lambda _: None)
    around = SimpleNamespace(run="r", record=None, renumbered=False)
    provision = SimpleNamespace(devices=DEVICES, foreign="avoid")
    return RunSteward(dispatch, around, told.append, provision)


def test_a_stranger_that_leaves_a_broken_gpu_does_not_make_it_good(steward, told):
    steward.strangers({"GPU-a": "python computes there"})
    steward.stands({"GPU-a": BROKEN})
    steward.strangers({})
    assert [(one.level, one.reason) for one in told] == [
        ("busy", "python computes there"),
        ("quarantined", "it is lost"),
        ("quarantined", "it is lost"),
    ]


def test_a_stranger_that_leaves_a_good_gpu_is_told(steward, told):
    steward.strangers({"GPU-a": "python computes there"})
    steward.strangers({})
    assert [one.level for one in told] == ["busy", "good"]


@pytest.fixture
def closed_record(tmp_path, monkeypatch):
    record = RunRecord(
        tmp_path / "out", "r", {"XDG_STATE_HOME": str(tmp_path)}, resume=False, on_trouble=print
    )
    record.close({}, "")
    return record


def test_what_is_thought_of_a_device_is_no_reason_to_fail_when_it_cannot_be_written(closed_record):
    closed_record.regard("GPU-a", "noted", "warm", "wait")
    closed_record.see(Snapshot(time=1.0, readings=(Reading(uuid="GPU-a"),)), ["GPU-a"])


def test_a_fault_of_whoever_looks_at_devices_keeps_no_step_from_ending(open_executor, caplog):
    class Broken:
        def __getattr__(self, name):
            def fails(*_, **__):
                raise RuntimeError(f"planted in {name}")

            return (lambda *_: None) if name in {"began", "close", "stopping"} else fails

    with open_executor(adapters=[GPU]) as executor:
        executor._around.monitor = Broken()
        ended = outcome_of(executor.submit("gpu", text="true"))
        later = outcome_of(executor.submit("gpu", text="true"))
    assert "planted in" in caplog.text
    assert not ended.done
    assert not later.done
    assert "planted in ended" in ended.reason


def test_a_fault_of_who_remembers_memory_keeps_no_step_from_ending(caplog, tmp_path):
    class Notes:
        def add(self, *_):
            raise RuntimeError("planted")

    held = SimpleNamespace(done=True, peak_memory_mib=100)
    step = SimpleNamespace(name="s", adapter=GPU, values={}, gpus=None, gpu_memory=None)
    LearnedMemory(Notes(), tmp_path).hear(step, held)
    assert "what step s held is not remembered" in caplog.text


def test_a_monitor_that_is_closed_while_it_looks_says_nothing(monkeypatch, caplog, steward):
    class Watch:
        def read(self, timeout):
            monitor.close()
            raise RuntimeError("everything it would tell is closed already")

        def close(self):
            pass

    monitor = Monitor(Watch, DEVICES, run="r", steward=steward)
    with caplog.at_level(logging.DEBUG):
        monitor.start()
        monitor._thread.join(30)
    assert not monitor._thread.is_alive()
    assert caplog.records == []
