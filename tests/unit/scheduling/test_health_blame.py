"""Whose fault failures are: devices against steps, soft quarantine and the steps that try again."""

from __future__ import annotations

import pytest

from gpucore.scheduling.health import Health, Level, Standing
from gpucore.standard.model import FailureClass
from gpucore.standard.readings import Reading, Snapshot, Xid

A, B, C = "GPU-a", "GPU-b", "GPU-c"
CLEAR = (FailureClass.DEVICE_FAULT, FailureClass.NO_DEVICE, FailureClass.CPU_FALLBACK)
DOUBTFUL = (
    FailureClass.PROGRAM_FAULT,
    FailureClass.MISSING_OUTPUT,
    FailureClass.UNKNOWN,
    FailureClass.LIMIT,
)
FAULT, UNCLEAR = FailureClass.DEVICE_FAULT, FailureClass.UNKNOWN
MINUTE = 60.0


def health() -> Health:
    return Health([A, B, C])


def quarantined(judge: Health, uuid: str = A) -> bool:
    return judge.standing(uuid).level is Level.QUARANTINED


def condemned() -> Health:
    """Return a health that put A into soft quarantine at second 100."""
    judge = health()
    judge.ended("one", [A], FAULT, 50.0)
    judge.ended("two", [A], FAULT, 100.0)
    assert quarantined(judge)
    return judge


@pytest.mark.parametrize("failure", CLEAR)
def test_row_25_two_steps_that_fail_in_a_row_by_what_speaks_against_devices(
    failure: FailureClass,
) -> None:
    judge = health()
    assert judge.ended("one", [A], failure, 50.0) == []
    (change,) = judge.ended("two", [A], failure, 100.0)
    after = change.after
    assert (change.uuid, after.level, after.hard, change.stop_steps) == (
        A, Level.QUARANTINED, False, False,
    )  # fmt: skip
    assert (after.since, after.until) == (100.0, 700.0)
    assert "one, two" in after.reason
    assert after.remedy


@pytest.mark.parametrize("failure", DOUBTFUL)
def test_row_25_failures_that_may_be_the_programs_own_count_when_the_steps_pass_elsewhere(
    failure: FailureClass,
) -> None:
    judge = health()
    for step in ("one", "two"):
        assert judge.ended(step, [A], failure, 1.0) == []
    assert judge.ended("one", [B], None, 2.0) == []
    (change,) = judge.ended("two", [C], None, 3.0)
    assert change.after.level is Level.QUARANTINED
    assert "passed elsewhere: one, two" in change.after.reason


@pytest.mark.parametrize("failure", DOUBTFUL)
def test_many_bad_inputs_that_no_class_tells_quarantine_nothing(failure: FailureClass) -> None:
    judge = health()
    for number in range(60):
        assert judge.ended(f"s{number}", [(A, B, C)[number % 3]], failure, float(number)) == []


def test_a_step_that_passes_between_makes_it_no_row() -> None:
    judge = health()
    for number in range(20):
        judge.ended(f"bad{number}", [A], FAULT, float(number))
        assert judge.ended(f"good{number}", [A], None, float(number)) == []


def test_one_step_that_fails_again_and_again_on_one_gpu_is_one_step() -> None:
    judge = health()
    for number in range(20):
        assert judge.ended("one", [A], FAULT, float(number)) == []
    assert not judge.blames_step("one")


def test_five_in_a_row_while_others_pass_and_none_fails_elsewhere_are_enough() -> None:
    judge = health()
    for number in range(5):
        changes = judge.ended(f"bad{number}", [A], UNCLEAR, 1.0)
        assert not changes, "no five have passed elsewhere since the first failed here"
        judge.ended(f"good{number}", [(B, C)[number % 2]], None, 1.0)
    (change,) = judge.ended("bad5", [A], UNCLEAR, 2.0)
    assert change.after.level is Level.QUARANTINED
    assert "6 different steps" in change.after.reason


def test_five_in_a_row_are_not_enough_when_others_fail_elsewhere_too() -> None:
    judge = health()
    for number in range(20):
        judge.ended(f"good{number}", [B], None, 1.0)
        judge.ended(f"bad{number}", [A], UNCLEAR, 1.0)
        if number % 5 == 0:
            judge.ended(f"worse{number}", [C], UNCLEAR, 1.0)
    assert not quarantined(judge)


def test_what_rests_on_five_in_a_row_is_undone_when_one_of_them_fails_elsewhere() -> None:
    judge = health()
    for number in range(6):
        judge.ended(f"bad{number}", [A], UNCLEAR, 1.0)
        judge.ended(f"good{number}", [B], None, 1.0)
    assert quarantined(judge)
    judge.ended("bad0", [C], UNCLEAR, 2.0)
    assert quarantined(judge), "five are left"
    (change,) = judge.ended("bad1", [C], UNCLEAR, 2.0)
    assert change.after.level is Level.GOOD


def test_row_24_a_step_that_fails_on_two_gpus_is_at_fault_and_they_are_cleared() -> None:
    judge = condemned()
    (change,) = judge.ended("two", [B], FAULT, 200.0)
    assert judge.blames_step("two")
    assert not judge.blames_step("one")
    assert (change.uuid, change.after.level) == (A, Level.GOOD)
    judge.ended("three", [B], FAULT, 201.0)
    assert not quarantined(judge, B), "the step at fault does not count there either"


def test_row_24_a_step_at_fault_that_passes_on_a_third_gpu_was_none() -> None:
    judge = health()
    for step in ("one", "two"):
        judge.ended(step, [A], FAULT, 1.0)
        judge.ended(step, [B], FAULT, 2.0)
        assert judge.blames_step(step)
    judge.ended("one", [C], None, 3.0)
    assert not judge.blames_step("one")
    changes = judge.ended("two", [C], None, 4.0)
    assert {change.uuid for change in changes} == {A, B}
    assert quarantined(judge)
    assert quarantined(judge, B)


def test_row_24_a_step_that_failed_on_a_broken_gpu_and_then_elsewhere_is_not_at_fault() -> None:
    judge = health()
    judge.ended("one", [A], UNCLEAR, 1.0)
    judge.see(
        Snapshot(
            time=2.0,
            readings=tuple(Reading(uuid=uuid) for uuid in (A, B, C)),
            xids=(Xid(uuid=A, number=79, time=2.0),),
        ),
        2.0,
    )
    judge.ended("one", [B], UNCLEAR, 3.0)
    assert not judge.blames_step("one")


def test_what_fails_on_a_device_whose_fault_is_known_is_no_steps_fault() -> None:
    judge = health()
    judge.silent(0.0, 30.0)
    for uuid in (A, B):
        judge.ended("one", [uuid], FAULT, 31.0)
    assert not judge.blames_step("one")


def test_a_hard_quarantine_is_not_lifted_with_the_blame() -> None:
    judge = condemned()
    snapshot = Snapshot(
        time=150.0,
        readings=tuple(Reading(uuid=uuid) for uuid in (A, B, C)),
        xids=(Xid(uuid=A, number=48, time=150.0),),
    )
    (change,) = judge.see(snapshot, 150.0)
    assert change.after.hard
    judge.ended("two", [B], FAULT, 200.0)
    judge.ended("late", [A], None, 201.0)
    judge.tick(1e6)
    assert judge.standing(A).hard


def test_a_step_on_several_gpus_that_fails_blames_none_of_them_by_itself() -> None:
    judge = health()
    for number in range(4):
        assert judge.ended(f"s{number}", [A, B], FAULT, 1.0) == []


def test_steps_on_several_gpus_that_pass_on_others_blame_all_they_had() -> None:
    judge = health()
    for step in ("one", "two"):
        judge.ended(step, [A, B], FAULT, 1.0)
    judge.ended("one", [C], None, 2.0)
    changes = judge.ended("two", [C], None, 3.0)
    assert {change.uuid for change in changes} == {A, B}


def test_a_step_that_fails_on_sets_with_a_gpu_in_common_is_not_at_fault() -> None:
    judge = health()
    judge.ended("one", [A, B], FAULT, 1.0)
    judge.ended("one", [A, C], FAULT, 2.0)
    assert not judge.blames_step("one")
    judge.ended("one", [B, C], FAULT, 3.0)
    assert not judge.blames_step("one")
    judge.ended("one", [C], FAULT, 4.0)
    assert judge.blames_step("one")


def test_a_gpu_that_a_step_names_twice_is_one() -> None:
    judge = health()
    judge.ended("one", [A, A], FAULT, 1.0)
    judge.ended("two", [A, A], FAULT, 2.0)
    assert quarantined(judge)


def test_when_its_time_is_over_one_step_tries_it_and_a_pass_clears_it() -> None:
    judge = condemned()
    assert judge.tick(699.9) == []
    (change,) = judge.tick(700.0)
    assert change.after.level is Level.AVOIDED
    assert change.after.remedy
    assert judge.tick(701.0) == []
    (change,) = judge.ended("three", [A], None, 800.0)
    assert change.after == Standing(level=Level.GOOD)
    assert judge.ended("four", [A], FAULT, 900.0) == [], "what was before it does not count on"


def test_each_step_that_fails_on_trial_makes_the_next_quarantine_longer_up_to_two_hours() -> None:
    judge = condemned()
    now, lengths = 100.0, []
    for number in range(5):
        standing = judge.standing(A)
        lengths.append(standing.until - standing.since)
        now = standing.until
        judge.tick(now)
        (change,) = judge.ended(f"try{number}", [A], UNCLEAR, now)
        assert change.after.level is Level.QUARANTINED
        assert f"try{number}" in change.after.reason
    assert lengths == [10 * MINUTE, 30 * MINUTE, 120 * MINUTE, 120 * MINUTE, 120 * MINUTE]


def test_a_step_that_fails_on_trial_and_then_elsewhere_does_not_count() -> None:
    judge = condemned()
    judge.tick(700.0)
    judge.ended("poison", [A], UNCLEAR, 800.0)
    assert quarantined(judge)
    (change,) = judge.ended("poison", [B], UNCLEAR, 900.0)
    assert (change.uuid, change.after.level) == (A, Level.AVOIDED)
    judge.ended("poison", [A], UNCLEAR, 950.0)
    assert judge.standing(A).level is Level.AVOIDED, "it is known to be at fault now"


def test_a_step_that_ran_on_while_it_was_quarantined_and_passes_clears_it() -> None:
    judge = condemned()
    (change,) = judge.ended("older", [A], None, 200.0)
    assert change.after.level is Level.GOOD


def test_a_clock_that_is_set_back_does_not_make_quarantine_longer() -> None:
    judge = condemned()
    day = 86_400.0
    judge.tick(100.0 - day)
    assert judge.standing(A).until == 700.0 - day
    judge.tick(700.0 - day)
    assert judge.standing(A).level is Level.AVOIDED


def test_a_driver_that_hangs_meanwhile_hides_neither_quarantine_nor_trial() -> None:
    judge = condemned()
    judge.silent(100.0, 130.0)
    assert quarantined(judge)
    judge.tick(700.0)
    assert judge.standing(A).level is Level.UNKNOWN
    (change, *_) = judge.see(
        Snapshot(time=800.0, readings=tuple(Reading(uuid=uuid) for uuid in (A, B, C))), 800.0
    )
    assert change.after.level is Level.AVOIDED


def test_ten_thousand_steps_that_fail_are_not_kept_for_ever() -> None:
    judge = health()
    for number in range(12_000):
        judge.ended(f"s{number}", [(A, B, C)[number % 3]], UNCLEAR, 1.0)
    assert len(judge._blame._steps) == 10_000
    assert max(len(row.suspects) for row in judge._blame._rows.values()) == 30
