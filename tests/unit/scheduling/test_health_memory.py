"""What is remembered of devices, by runs and by people, and what that means for a run."""

from __future__ import annotations

from gpucore.scheduling.health import Change, Health, Level, Standing
from gpucore.scheduling.signs import REMAP_FAILED
from gpucore.standard.model import FailureClass
from gpucore.standard.readings import Reading, Snapshot, Xid

A, B, C = "GPU-a", "GPU-b", "GPU-c"
FAULT, UNCLEAR = FailureClass.DEVICE_FAULT, FailureClass.UNKNOWN
MINUTE = 60.0


def health(**remembered: Standing) -> Health:
    return Health([A, B, C], {f"GPU-{name}": one for name, one in remembered.items()})


def quarantined(judge: Health, uuid: str = A) -> bool:
    return judge.standing(uuid).level is Level.QUARANTINED


def condemned() -> Health:
    """Return a health that put A into soft quarantine at second 100."""
    judge = health()
    judge.ended("one", [A], FAULT, 50.0)
    judge.ended("two", [A], FAULT, 100.0)
    assert quarantined(judge)
    return judge


def only(changes: list[Change]) -> Change:
    (change,) = changes
    return change


def remembered(**more: object) -> Standing:
    facts = {"level": Level.QUARANTINED, "reason": "it broke", "remedy": "mend it", **more}
    return Standing(**facts)


CLEAN = Snapshot(time=1.0, readings=tuple(Reading(uuid=uuid) for uuid in (A, B, C)))


def after_xid(number: int) -> Snapshot:
    return Snapshot(time=1.0, readings=CLEAN.readings, xids=(Xid(uuid=A, number=number, time=1.0),))


def test_a_soft_quarantine_of_an_earlier_run_goes_on_and_grows_from_there() -> None:
    judge = health(a=Standing(
        level=Level.QUARANTINED, reason="steps failed", remedy="wait", since=100.0, until=1900.0,
    ))  # fmt: skip
    assert quarantined(judge)
    judge.ended("one", [B], FAULT, 150.0)
    judge.tick(1900.0)
    (change,) = judge.ended("two", [A], UNCLEAR, 2000.0)
    assert change.after.until - change.after.since == 120 * MINUTE


def test_a_trial_of_an_earlier_run_goes_on() -> None:
    judge = health(a=Standing(
        level=Level.AVOIDED, reason="on trial", remedy="none", since=100.0, until=700.0,
    ))  # fmt: skip
    assert judge.standing(A).level is Level.AVOIDED
    assert judge.tick(1e6) == []
    (change,) = judge.ended("one", [A], UNCLEAR, 2000.0)
    assert change.after.until - change.after.since == 30 * MINUTE


def test_a_hard_quarantine_that_is_remembered_outlasts_every_clean_look() -> None:
    judge = health(a=remembered(hard=True, boot="this"))
    judge.see(CLEAN, 1.0)
    judge.ended("one", [A], None, 2.0)
    judge.tick(1e9)
    assert judge.standing(A) == remembered(hard=True, boot="this")


def test_one_of_an_earlier_boot_ends_with_the_first_clean_look_and_not_before() -> None:
    judge = health(a=remembered())
    judge.tick(1e9)
    sick = Reading(uuid=A, remap_failed=True)
    judge.see(Snapshot(time=1.0, readings=(sick, *CLEAN.readings[1:])), 1.0)
    assert quarantined(judge)
    fresh = health(a=remembered())
    fresh.silent(0.0, 100.0)
    fresh.see(Snapshot(time=1.0, fault="DriverNotLoaded"), 1.0)
    fresh.see(Snapshot(time=1.0, readings=CLEAN.readings[1:]), 1.0)
    assert quarantined(fresh), "nobody has looked at it yet"
    change = only(fresh.see(CLEAN, 2.0))
    assert change.after.level is Level.GOOD


def test_what_a_user_disabled_stays_whatever_it_shows() -> None:
    judge = health(a=remembered(hard=True, by="alice", reason="disabled by alice: fan"))
    judge.see(after_xid(79), 1.0)
    assert judge.standing(A).reason == "disabled by alice: fan"


def test_a_device_that_is_disabled_while_a_run_goes_on_is_withheld_and_its_steps_go_on() -> None:
    judge = health()
    change = only(judge.recall({A: remembered(hard=True, by="alice")}))
    assert change.after.level is Level.QUARANTINED
    assert not change.stop_steps


def test_a_device_that_is_enabled_while_a_run_goes_on_is_given_again() -> None:
    judge = health()
    judge.see(after_xid(48), 1.0)
    assert judge.recall({}) == [], "it was not on record: nobody has enabled it"
    assert quarantined(judge)
    judge.recall({A: judge.standing(A)})
    change = only(judge.recall({}))
    assert change.after.level is Level.GOOD
    soft = condemned()
    soft.recall({A: soft.standing(A)})
    assert only(soft.recall({})).after.level is Level.GOOD


def test_one_that_is_still_lost_when_it_is_enabled_is_lost_again() -> None:
    judge = health(a=remembered(hard=True))
    gone = Snapshot(time=1.0, readings=CLEAN.readings[1:])
    judge.see(gone, 1.0)
    judge.see(gone, 2.0)
    judge.recall({})
    judge.see(gone, 3.0)
    assert judge.standing(A).hard
    assert judge.lost == {A}


def test_what_another_run_found_counts_here_too() -> None:
    judge = health()
    soft = remembered(since=100.0, until=700.0)
    assert only(judge.recall({A: soft})).after == soft
    assert only(judge.tick(700.0)).after.level is Level.AVOIDED


def test_what_a_run_knows_itself_goes_before_an_older_record_of_it() -> None:
    judge = condemned()
    older = judge.standing(A)
    judge.tick(700.0)
    judge.ended("three", [A], UNCLEAR, 700.0)
    newer = judge.standing(A)
    assert judge.recall({A: older}) == []
    assert judge.standing(A) == newer != older


def test_a_record_that_is_not_forgotten_yet_does_not_bring_back_what_is_over() -> None:
    soft = remembered(since=100.0, until=700.0)
    judge = health(a=soft, b=remembered())
    judge.see(CLEAN, 200.0)
    judge.ended("one", [A], None, 200.0)
    assert judge.recall({A: soft, B: remembered()}) == []
    assert not quarantined(judge)
    assert not quarantined(judge, B)


def test_a_user_may_use_a_gpu_in_spite_of_what_it_shows_and_nothing_else_is_forgiven() -> None:
    spite = Standing(
        level=Level.NOTED,
        reason=f"enabled by alice in spite of: {REMAP_FAILED.meaning}",
        remedy="disable it",
        by="alice",
    )
    judge = health(a=spite)
    sick = Reading(uuid=A, remap_failed=True)
    judge.see(Snapshot(time=1.0, readings=(sick, *CLEAN.readings[1:])), 1.0)
    assert judge.standing(A) == spite
    worse = Reading(uuid=A, remap_failed=True, recovery_action="gpu_reset")
    change = only(judge.see(Snapshot(time=2.0, readings=(worse, *CLEAN.readings[1:])), 2.0))
    assert change.after.level is Level.QUARANTINED
