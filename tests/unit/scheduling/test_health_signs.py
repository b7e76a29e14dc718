"""What a device reports of itself, and what follows: the table of failure modes, rows 1 to 9."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from shown_devices import GEFORCE, WELL, A, B, health, seen, snapshot

from gpucore.scheduling.health import Level
from gpucore.standard.model import FailureClass

if TYPE_CHECKING:
    from gpucore.standard.readings import Reading


@pytest.mark.parametrize("number", [13, 31, 32, 43, 69])
def test_row_1_an_error_of_a_program_is_noted_and_forgiven_when_a_step_passes(number: int) -> None:
    judge = health()
    (change,) = judge.see(snapshot(GEFORCE, xids=(number,)), 1.0)
    assert change.after.level is Level.NOTED
    assert f"(Xid {number})" in change.after.reason
    assert not change.stop_steps
    (change,) = judge.ended("later", [A], None, 2.0)
    assert change.after.level is Level.GOOD


@pytest.mark.parametrize("number", [48, 95, 140])
@pytest.mark.parametrize("reading", [GEFORCE, WELL], ids=["GeForce", "ECC"])
def test_row_2_memory_that_gave_wrong_data_ends_what_runs_there(
    number: int, reading: Reading
) -> None:
    change = seen(number, reading=reading)
    assert change.after.level is Level.QUARANTINED
    assert change.after.hard
    assert change.stop_steps
    assert "check results" in change.after.remedy


def test_row_2_an_error_counter_that_rises_does_so_too() -> None:
    judge = health()
    silent = replace(GEFORCE, ecc_uncorrected=3)
    (change,) = judge.see(snapshot(silent), 0.0)
    assert change.after.level is Level.NOTED, "what was before the run is no rise"
    (change,) = judge.see(snapshot(replace(silent, ecc_uncorrected=5)), 2.0)
    assert change.after.level is Level.QUARANTINED
    assert change.after.hard
    assert change.stop_steps
    assert "rose from 3 to 5" in change.after.reason


def test_row_2_a_counter_that_begins_anew_with_the_driver_is_no_error() -> None:
    judge = health()
    judge.see(snapshot(replace(WELL, ecc_uncorrected=7)), 0.0)
    assert judge.see(snapshot(replace(WELL, ecc_uncorrected=0)), 2.0) == []
    assert judge.standing(A).level is Level.NOTED


def test_row_2_the_drivers_wish_for_a_reset_counts_until_it_is_fulfilled() -> None:
    judge = health()
    (change,) = judge.see(snapshot(replace(WELL, recovery_action="gpu_reset")), 0.0)
    assert change.after.level is Level.QUARANTINED
    assert change.stop_steps
    assert f"nvidia-smi --gpu-reset -i {A}" in change.after.remedy
    (change,) = judge.see(snapshot(WELL), 60.0)
    assert change.after.level is Level.GOOD


@pytest.mark.parametrize(
    ("action", "level", "stop"),
    [
        ("bus_reset", Level.QUARANTINED, True),
        ("node_reboot", Level.QUARANTINED, True),
        ("system_reboot", Level.QUARANTINED, True),
        ("drain_and_reset", Level.QUARANTINED, False),
        ("drain_p2p", Level.QUARANTINED, False),
        ("recover_imex_domain", Level.NOTED, False),
        ("action_99", Level.AVOIDED, False),
    ],
)
def test_row_2_what_the_driver_asks_for_decides(action: str, level: Level, stop: bool) -> None:
    change = seen(reading=replace(WELL, recovery_action=action))
    assert (change.after.level, change.stop_steps) == (level, stop)


def test_row_3_a_contained_error_is_noted_and_its_counter_is_the_same_error() -> None:
    judge = health()
    reading = replace(GEFORCE, ecc_uncorrected=0)
    judge.see(snapshot(reading), 0.0)
    worse = replace(reading, ecc_uncorrected=1)
    (change,) = judge.see(snapshot(worse, xids=(94,), now=2.0), 2.0)
    assert change.after.level is Level.NOTED
    assert not change.stop_steps
    (change,) = judge.see(snapshot(replace(worse, ecc_uncorrected=2), now=60.0), 60.0)
    assert change.after.level is Level.QUARANTINED, "this one nothing explains"


def test_row_3_a_rise_after_which_the_driver_wants_nothing_is_contained() -> None:
    judge = health()
    judge.see(snapshot(WELL), 0.0)
    (change,) = judge.see(snapshot(replace(WELL, ecc_uncorrected=1)), 2.0)
    assert change.after.level is Level.NOTED


def test_row_4_memory_to_be_replaced_is_noted_and_work_goes_on() -> None:
    assert seen(63).after.level is Level.NOTED
    assert seen(reading=replace(WELL, remap_pending=True)).after.level is Level.NOTED


@pytest.mark.parametrize("xids", [(64,), ()])
def test_row_4_memory_that_could_not_be_replaced_is_quarantined(xids: tuple[int, ...]) -> None:
    change = seen(*xids, reading=replace(WELL, remap_failed=not xids))
    assert change.after.level is Level.QUARANTINED
    assert change.after.hard


@pytest.mark.parametrize("number", [74, 155])
def test_row_5_an_error_of_a_link_is_noted_for_steps_on_one_gpu(number: int) -> None:
    judge = health(A, B)
    judge.see(snapshot(GEFORCE, replace(GEFORCE, uuid=B), xids=(number,)), 0.0)
    assert judge.standing(A).level is Level.NOTED
    judge.ended("one", [A], FailureClass.DEVICE_FAULT, 1.0)
    assert judge.standing(A).level is Level.NOTED


def test_row_5_a_step_on_a_pair_that_fails_after_it_puts_the_pair_apart() -> None:
    judge = health(A, B)
    judge.see(snapshot(GEFORCE, replace(GEFORCE, uuid=B), xids=(74,)), 0.0)
    changes = judge.ended("both", [A, B], FailureClass.UNKNOWN, 1.0)
    assert {change.uuid for change in changes} == {A, B}
    assert all(change.after.hard for change in changes)


def test_row_5_of_more_than_two_only_those_whose_link_had_an_error_are_put_apart() -> None:
    judge = health(A, B, "GPU-c")
    three = [replace(GEFORCE, uuid=uuid) for uuid in (A, B, "GPU-c")]
    judge.see(snapshot(*three, xids=(74,)), 0.0)
    (change,) = judge.ended("all", [A, B, "GPU-c"], FailureClass.LIMIT, 1.0)
    assert change.uuid == A


def test_row_5_a_driver_that_wants_nothing_done_about_the_link_is_believed() -> None:
    judge = health(A, B)
    judge.see(snapshot(WELL, replace(WELL, uuid=B), xids=(74,)), 0.0)
    judge.ended("both", [A, B], FailureClass.UNKNOWN, 1.0)
    assert judge.standing(A).level is Level.NOTED


def test_row_5_a_step_that_passes_on_both_puts_nothing_apart() -> None:
    judge = health(A, B)
    judge.see(snapshot(GEFORCE, replace(GEFORCE, uuid=B), xids=(74,)), 0.0)
    assert judge.ended("both", [A, B], None, 1.0) == []


@pytest.mark.parametrize("how", [79, "GpuIsLost"])
def test_row_6_a_lost_gpu_is_quarantined_until_the_machine_is_restarted(how: int | str) -> None:
    change = seen(79) if how == 79 else seen(reading=replace(WELL, fault="GpuIsLost"))
    assert change.after.level is Level.QUARANTINED
    assert change.after.hard
    assert change.stop_steps
    assert "restart the machine" in change.after.remedy


def test_row_6_one_that_is_not_among_the_gpus_any_more_is_lost_at_the_second_look() -> None:
    judge = health()
    judge.see(snapshot(WELL), 0.0)
    (change,) = judge.see(snapshot(), 2.0)
    assert change.after.level is Level.UNKNOWN
    (change,) = judge.see(snapshot(), 4.0)
    assert change.after.level is Level.QUARANTINED
    assert change.after.hard
    assert change.stop_steps
    assert judge.lost == {A}
    assert judge.see(snapshot(WELL), 6.0) == [], "that it is back does not make it good"


def test_row_6_one_that_is_missing_at_one_look_alone_is_as_good_as_before() -> None:
    judge = health()
    judge.see(snapshot(WELL), 0.0)
    judge.see(snapshot(), 2.0)
    (change,) = judge.see(snapshot(WELL), 4.0)
    assert change.after.level is Level.GOOD


@pytest.mark.parametrize("number", [46, 62, 119, 120, 143, 158])
@pytest.mark.parametrize("reading", [GEFORCE, WELL], ids=["GeForce", "wants nothing"])
def test_row_7_a_gpu_that_stopped_is_quarantined_with_the_command_that_resets_it(
    number: int, reading: Reading
) -> None:
    change = seen(number, reading=reading)
    assert change.after.level is Level.QUARANTINED
    assert change.after.hard
    assert change.stop_steps
    assert f"nvidia-smi --gpu-reset -i {A}" in change.after.remedy


def test_row_7_so_is_one_that_cannot_be_read_until_it_is_reset() -> None:
    change = seen(reading=replace(WELL, fault="ResetRequired"))
    assert change.after.hard
    assert "--gpu-reset" in change.after.remedy


@pytest.mark.parametrize("number", [109, 110])
def test_row_7_where_sources_differ_the_driver_decides_and_then_the_catalogue(number: int) -> None:
    assert seen(number, reading=GEFORCE).after.level is Level.QUARANTINED
    change = seen(number, reading=replace(WELL, recovery_action="gpu_reset"))
    assert change.after.level is Level.QUARANTINED
    change = seen(number, reading=WELL)
    assert change.after.level is Level.AVOIDED
    assert not change.stop_steps


def test_row_8_xid_45_after_our_own_kill_says_nothing() -> None:
    judge = health()
    judge.see(snapshot(GEFORCE), 0.0)
    judge.killed_by_us(A, 10.0)
    assert judge.see(snapshot(GEFORCE, xids=(45,), now=15.0), 15.0) == []
    (change,) = judge.see(snapshot(GEFORCE, xids=(45,), now=15.1), 15.1)
    assert change.after.level is Level.NOTED


def test_row_8_our_kill_on_another_gpu_explains_nothing() -> None:
    judge = health(A, B)
    judge.killed_by_us(B, 10.0)
    judge.killed_by_us("GPU-not-ours", 10.0)
    judge.see(snapshot(GEFORCE, replace(GEFORCE, uuid=B), xids=(45,), now=11.0), 11.0)
    assert judge.standing(A).level is Level.NOTED


def test_row_8_otherwise_xid_45_is_as_the_xid_before_it() -> None:
    judge = health()
    judge.see(snapshot(GEFORCE, xids=(92,)), 0.0)
    assert judge.see(snapshot(GEFORCE, xids=(45,), now=9.0), 9.0) == []
    assert "Xid 92" in judge.standing(A).reason


def test_row_9_many_corrected_errors_make_others_preferred() -> None:
    change = seen(92)
    assert change.after.level is Level.AVOIDED
    assert "looked at" in change.after.remedy
