"""The health of devices: what is true whatever they show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shown_devices import GEFORCE, WELL, A, health, snapshot

from gpucore.errors import InternalError
from gpucore.scheduling.health import Health, HealthRules, Level, Standing
from gpucore.scheduling.xids import SILENT, XIDS
from gpucore.standard.model import FailureClass
from gpucore.standard.readings import Snapshot, Xid


def test_a_device_that_is_well_is_good() -> None:
    judge = health()
    assert judge.see(snapshot(WELL), 0.0) == []
    assert judge.standing(A) == Standing(level=Level.GOOD)


def test_nothing_is_thought_anew_of_a_device_that_shows_what_it_showed() -> None:
    judge = health()
    shows = replace(WELL, remap_pending=True, clock_reasons=0x40, mig=(False, True))
    assert len(judge.see(snapshot(shows, xids=(13, 92)), 0.0)) == 1
    assert judge.see(snapshot(shows, xids=(13, 92)), 2.0) == []


@pytest.mark.parametrize("number", range(1, 173))
@pytest.mark.parametrize("action", [None, "none", "gpu_reset"])
def test_each_xid_has_a_meaning_a_reason_and_a_remedy(number: int, action: str | None) -> None:
    judge = health()
    reading = replace(GEFORCE, recovery_action=action)
    judge.see(snapshot(reading), 0.0)
    changes = judge.see(snapshot(reading, xids=(number,)), 1.0)
    if number in SILENT or action == "gpu_reset":
        assert not changes or number not in SILENT
        return
    (change,) = changes
    assert f"(Xid {number})" in change.after.reason
    assert change.after.remedy
    assert (change.after.level is Level.QUARANTINED) <= (number in XIDS)


@pytest.mark.parametrize("number", [0, -1, 173, 10**9])
def test_an_xid_that_nobody_knows_makes_others_preferred_until_a_step_passes(number: int) -> None:
    judge = health()
    (change,) = judge.see(snapshot(GEFORCE, xids=(number,)), 0.0)
    assert change.after.level is Level.AVOIDED
    judge.ended("one", [A], None, 1.0)
    assert judge.standing(A).level is Level.GOOD


def test_what_is_worse_counts_and_what_is_less_bad_does_not_hide_it() -> None:
    judge = health()
    judge.see(snapshot(WELL, xids=(48,)), 0.0)
    bad = judge.standing(A)
    for shows in (WELL, replace(WELL, remap_pending=True), replace(WELL, clock_reasons=0x40)):
        judge.see(snapshot(shows, xids=(13, 92, 63)), 2.0)
        assert judge.standing(A) == bad
    judge.see(snapshot(replace(WELL, fault="Unknown")), 4.0)
    judge.silent(4.0, 100.0)
    assert judge.standing(A) == bad


def test_programs_are_ended_for_a_worse_sign_of_a_device_that_is_withheld_already() -> None:
    judge = health()
    judge.see(snapshot(replace(WELL, mig=(False, True))), 0.0)
    (change,) = judge.see(snapshot(replace(WELL, mig=(False, True)), xids=(48,)), 2.0)
    assert change.stop_steps
    judge.see(snapshot(WELL), 4.0)
    (change,) = judge.see(snapshot(replace(WELL, recovery_action="gpu_reset")), 6.0)
    assert change.stop_steps, "what runs on it although it was withheld must be ended, too"


def test_devices_and_reports_that_are_not_the_runs_say_nothing() -> None:
    judge = health()
    stranger = replace(WELL, uuid="GPU-x", fault="GpuIsLost")
    other = Snapshot(
        time=0.0, readings=(WELL, stranger), xids=(Xid(uuid="GPU-x", number=79, time=0.0),)
    )
    assert judge.see(other, 0.0) == []
    assert judge.ended("s", ["GPU-x"], FailureClass.DEVICE_FAULT, 0.0) == []
    assert judge.ended("s", [], FailureClass.DEVICE_FAULT, 0.0) == []
    with pytest.raises(KeyError):
        judge.standing("GPU-x")


def test_a_run_without_devices_is_fine() -> None:
    judge = Health([])
    assert judge.see(snapshot(fault="DriverNotLoaded"), 0.0) == []
    assert judge.silent(0.0, 100.0) == judge.tick(0.0) == []


def test_a_standing_above_good_without_a_reason_or_a_remedy_cannot_be_made() -> None:
    for text in ({}, {"reason": "x"}, {"remedy": "x"}):
        with pytest.raises(InternalError):
            Standing(level=Level.NOTED, **text)


def test_the_numbers_can_be_others() -> None:
    judge = health(rules=HealthRules(unknown_after=1.0, quarantined_after=2.0))
    assert judge.silent(0.0, 1.0)[0].after.level is Level.UNKNOWN
    assert judge.silent(0.0, 2.0)[0].after.level is Level.QUARANTINED
