"""The states of devices and drivers, and what follows: the table of failure modes from row 10."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shown_devices import WELL, A, B, health, seen, snapshot

from gpucore.scheduling import signs
from gpucore.scheduling.health import Level
from gpucore.standard.model import FailureClass
from gpucore.standard.readings import DeviceProcess


@pytest.mark.parametrize("bit", [0x8, 0x20, 0x40, 0x80])
def test_row_10_one_that_is_slowed_down_is_avoided_until_a_minute_after(bit: int) -> None:
    judge = health()
    (change,) = judge.see(snapshot(replace(WELL, clock_reasons=bit | 4)), 1000.0)
    assert change.after.level is Level.AVOIDED
    assert judge.see(snapshot(WELL), 1059.0) == []
    (change,) = judge.see(snapshot(WELL), 1060.0)
    assert change.after.level is Level.GOOD


def test_row_10_what_is_normal_of_clocks_says_nothing() -> None:
    judge = health()
    assert (
        judge.see(snapshot(replace(WELL, clock_reasons=0x1 | 0x2 | 0x4 | 0x10 | 0x100)), 0.0) == []
    )


def test_row_10_slowed_down_in_six_of_ten_minutes_is_said_and_in_five_is_not() -> None:
    judge = health()
    hot = replace(WELL, clock_reasons=0x40)
    for minute in range(5):
        judge.see(snapshot(hot), 60.0 * minute)
        judge.see(snapshot(WELL), 60.0 * minute + 30.0)
        assert judge.standing(A).reason == signs.SLOWED.meaning
    (change,) = judge.see(snapshot(hot), 300.0)
    assert change.after.reason == signs.SLOWED_OFTEN.meaning
    assert change.after.level is Level.AVOIDED
    judge.see(snapshot(WELL), 600.0)
    assert judge.standing(A).level is Level.GOOD


def test_row_10_a_clock_that_is_set_back_does_not_keep_it_slow() -> None:
    judge = health()
    judge.see(snapshot(replace(WELL, clock_reasons=0x40)), 1e9)
    (change,) = judge.see(snapshot(WELL), 1e9 - 3600.0)
    assert change.after.level is Level.GOOD


def test_row_13_prohibited_is_never_given_and_exclusive_is() -> None:
    assert seen(reading=replace(WELL, compute_mode="prohibited")).after.level is Level.QUARANTINED
    judge = health()
    assert judge.see(snapshot(replace(WELL, compute_mode="exclusive_process")), 0.0) == []


def test_row_14_a_driver_that_differs_from_its_library_withholds_all_and_ends_nothing() -> None:
    judge = health(A, B)
    judge.see(snapshot(WELL, replace(WELL, uuid=B)), 0.0)
    changes = judge.see(snapshot(fault="LibRmVersionMismatch"), 2.0)
    assert [change.uuid for change in changes] == [A, B]
    for change in changes:
        assert change.after.level is Level.QUARANTINED
        assert not change.after.hard
        assert not change.stop_steps
        assert change.after.remedy.startswith("restart the machine, or reload the driver")
    assert judge.see(snapshot(fault="LibRmVersionMismatch"), 4.0) == []
    back = judge.see(snapshot(WELL, replace(WELL, uuid=B)), 6.0)
    assert [change.after.level for change in back] == [Level.GOOD, Level.GOOD]


def test_row_15_a_driver_that_is_absent_is_told_in_three_ways() -> None:
    told = {
        (change.after.reason, change.after.remedy)
        for fault in ("DriverNotLoaded", "LibraryNotFound", "NoPermission")
        for change in [seen(fault=fault)]
        if change.after.level is Level.QUARANTINED and not change.stop_steps
    }
    assert len(told) == 3


def test_a_source_at_fault_for_a_reason_of_no_name_is_unknown_for_a_minute() -> None:
    judge = health()
    judge.see(snapshot(WELL), 0.0)
    (change,) = judge.see(snapshot(fault="ReaderEnded"), 2.0)
    assert change.after.level is Level.UNKNOWN
    assert judge.see(snapshot(fault="ReaderEnded"), 61.9) == []
    (change,) = judge.see(snapshot(fault="ReaderEnded"), 62.0)
    assert change.after.level is Level.QUARANTINED
    (change,) = judge.see(snapshot(WELL), 64.0)
    assert change.after.level is Level.GOOD
    (change,) = judge.see(snapshot(fault="ReaderEnded"), 66.0)
    assert change.after.level is Level.UNKNOWN, "a new minute begins"


def test_row_16_a_driver_that_hangs_makes_devices_unknown_and_after_a_minute_quarantined() -> None:
    judge = health(A, B)
    assert judge.silent(0.0, 4.9) == []
    changes = judge.silent(0.0, 5.0)
    assert [change.after.level for change in changes] == [Level.UNKNOWN, Level.UNKNOWN]
    assert judge.silent(0.0, 59.9) == []
    changes = judge.silent(0.0, 60.0)
    assert [change.after.level for change in changes] == [Level.QUARANTINED, Level.QUARANTINED]
    assert not any(change.stop_steps for change in changes)
    assert judge.silent(0.0, 3600.0) == []


def test_row_16_a_run_that_was_suspended_has_not_heard_a_long_silence() -> None:
    judge = health()
    (change,) = judge.silent(0.0, 3600.0)
    assert change.after.level is Level.UNKNOWN
    assert judge.silent(0.0, 3654.0) == []
    (change,) = judge.silent(0.0, 3655.0)
    assert change.after.level is Level.QUARANTINED
    judge.see(snapshot(WELL), 3660.0)
    (change,) = judge.silent(3660.0, 3720.0)
    assert change.after.level is Level.UNKNOWN, "what was before the last answer does not count"


def test_row_16_a_device_returns_to_what_it_was_when_the_driver_answers_again() -> None:
    judge = health(A, B)
    readings = (replace(WELL, remap_pending=True), replace(WELL, uuid=B, fault="GpuIsLost"))
    judge.see(snapshot(*readings), 0.0)
    before = [judge.standing(uuid) for uuid in (A, B)]
    judge.silent(0.0, 30.0)
    judge.silent(0.0, 90.0)
    judge.see(snapshot(*readings), 92.0)
    assert [judge.standing(uuid) for uuid in (A, B)] == before


def test_row_16_one_device_that_cannot_be_read_is_unknown_and_after_a_minute_quarantined() -> None:
    judge = health(A, B)
    sick = (replace(WELL, fault="Unknown"), replace(WELL, uuid=B))
    (change,) = judge.see(snapshot(*sick), 0.0)
    assert (change.uuid, change.after.level) == (A, Level.UNKNOWN)
    (change,) = judge.see(snapshot(*sick), 60.0)
    assert (change.uuid, change.after.level) == (A, Level.QUARANTINED)
    assert "Unknown" in change.after.reason
    (change,) = judge.see(snapshot(WELL, replace(WELL, uuid=B)), 62.0)
    assert change.after.level is Level.GOOD


def test_row_17_a_gpu_whose_mig_mode_is_to_be_switched_gets_no_new_steps() -> None:
    change = seen(reading=replace(WELL, mig=(False, True)))
    assert change.after.level is Level.QUARANTINED
    assert not change.after.hard
    assert not change.stop_steps


def test_row_17_a_gpu_that_was_cut_into_instances_is_withheld() -> None:
    change = seen(reading=replace(WELL, mig=(True, True)))
    assert change.after.level is Level.QUARANTINED
    assert "MIG layout" in change.after.reason


def test_row_17_an_instance_that_is_gone_is_no_lost_gpu_and_may_come_back() -> None:
    judge = health("MIG-1")
    there = replace(WELL, uuid="MIG-1", mig=(True, True))
    assert judge.see(snapshot(there), 0.0) == []
    judge.see(snapshot(), 2.0)
    (change,) = judge.see(snapshot(), 4.0)
    assert change.after.level is Level.QUARANTINED
    assert not change.after.hard
    assert not change.stop_steps
    assert judge.see(snapshot(), 6.0) == []
    (change,) = judge.see(snapshot(there), 8.0)
    assert change.after.level is Level.GOOD


def test_row_17_an_instance_whose_gpu_is_to_be_whole_again_gets_no_new_steps() -> None:
    judge = health("MIG-1")
    (change,) = judge.see(snapshot(replace(WELL, uuid="MIG-1", mig=(True, False))), 0.0)
    assert change.after.reason == signs.MIG_PENDING.meaning


def test_row_19_memory_that_nobody_holds_is_noted_after_a_minute_and_no_more() -> None:
    judge = health()
    held = replace(WELL, memory_used_mib=9000)
    assert judge.see(snapshot(held), 0.0) == []
    assert judge.see(snapshot(held), 59.0) == []
    (change,) = judge.see(snapshot(held), 60.0)
    assert change.after.level is Level.NOTED
    (change,) = judge.see(snapshot(WELL), 62.0)
    assert change.after.level is Level.GOOD


@pytest.mark.parametrize(
    "held",
    [
        {"processes": (DeviceProcess(pid=7, memory_mib=8700),)},
        {"processes": None},
        {"utilisation": 40},
        {"memory_used_mib": 700},
        {"memory_used_mib": None},
    ],
)
def test_row_19_memory_that_somebody_holds_or_may_hold_is_not_noted(
    held: dict[str, object],
) -> None:
    judge = health()
    for now in (0.0, 60.0, 600.0):
        assert judge.see(snapshot(replace(WELL, **{"memory_used_mib": 9000, **held})), now) == []


@pytest.mark.parametrize(
    "failure",
    [
        FailureClass.HOST_MEMORY,
        FailureClass.BAD_INPUT,
        FailureClass.OUT_OF_MEMORY,
        FailureClass.DISK_FULL,
        FailureClass.INTERRUPTED,
        FailureClass.NOT_STARTED,
    ],
)
def test_row_23_what_is_not_the_devices_doing_never_speaks_against_one(
    failure: FailureClass,
) -> None:
    judge = health(A, B)
    for number in range(20):
        assert judge.ended(f"s{number}", [A], failure, float(number)) == []
        assert judge.ended(f"s{number}", [B], None, float(number)) == []
    assert judge.standing(A).level is Level.GOOD


def test_row_26_when_all_are_quarantined_each_says_why_and_what_to_do() -> None:
    judge = health(A, B)
    judge.see(snapshot(replace(WELL, fault="GpuIsLost"), replace(WELL, uuid=B)), 0.0)
    judge.ended("one", [B], FailureClass.DEVICE_FAULT, 1.0)
    judge.ended("two", [B], FailureClass.DEVICE_FAULT, 2.0)
    standings = [judge.standing(uuid) for uuid in (A, B)]
    assert [one.level for one in standings] == [Level.QUARANTINED, Level.QUARANTINED]
    assert len({one.reason for one in standings}) == 2
    assert all(one.remedy for one in standings)
