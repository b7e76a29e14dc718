"""What follows for a step that failed: row by row, and within bounds whatever happens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpucore.scheduling.verdicts import MOST_OWED, Attempt, Move, Tally, Verdict, decide
from gpucore.standard.evidence import Evidence
from gpucore.standard.model import Device, FailureClass, Need, Outcome, StepState
from gpucore.standard.readings import Reading, Snapshot

CARDS = tuple(
    Device(uuid=f"GPU-{index}", index=index, memory_mib=mib)
    for index, mib in enumerate((8_000, 8_000, 24_000))
)
SMALL, OTHER, LARGE = CARDS
NEED = Need(gpus=1)
CLASSES = tuple(FailureClass)


def failed(
    failure: FailureClass, *devices: Device, step: str = "one", peak: int | None = None
) -> Outcome:
    return Outcome(
        step=step,
        adapter="prog",
        state=StepState.FAILED,
        failure=failure,
        devices=devices,
        peak_memory_mib=peak,
    )


def before(failure: FailureClass, *devices: Device, peak: int | None = None) -> Attempt:
    uuids = frozenset(device.uuid for device in devices)
    return Attempt(uuids=uuids, failure=failure, peak_memory_mib=peak)


def verdict(
    outcome: Outcome,
    *history: Attempt,
    need: Need = NEED,
    snapshot: Snapshot | None = None,
    devices: tuple[Device, ...] = CARDS,
    **more: object,
) -> Verdict:
    return decide(outcome, need, history, snapshot, devices, **more)


def seen(**faults: str) -> Snapshot:
    """Return a look at all cards, those named without their dash with a fault."""
    readings = (
        Reading(uuid=one.uuid, fault=faults.get(one.uuid.replace("-", ""), "")) for one in CARDS
    )
    return Snapshot(time=1.0, readings=tuple(readings))


@pytest.mark.parametrize(
    "failure", [FailureClass.BAD_INPUT, FailureClass.NOT_STARTED, FailureClass.INTERRUPTED]
)
def test_what_would_fail_again_fails_at_once(failure: FailureClass) -> None:
    told = verdict(failed(failure, SMALL))
    assert (told.move, told.blame, told.free, told.ends) == (Move.FAIL, False, False, True)


def test_what_did_not_fail_is_not_tried_again() -> None:
    stopped = Outcome(step="one", adapter="prog", state=StepState.CANCELLED)
    assert verdict(stopped).move is Move.FAIL


def test_a_fault_of_a_device_is_owed_another_try_elsewhere() -> None:
    told = verdict(failed(FailureClass.DEVICE_FAULT, SMALL), need=replace(NEED, memory_mib=5))
    assert (told.move, told.blame, told.free) == (Move.ELSEWHERE, True, True)
    assert told.need == Need(gpus=1, memory_mib=5, avoid=frozenset({"GPU-0"}))
    assert told.reason == "GPU 0 had a fault"


def test_a_fault_of_the_only_device_is_tried_there_again_and_then_fails() -> None:
    outcome = failed(FailureClass.DEVICE_FAULT, SMALL)
    told = verdict(outcome, devices=(SMALL,))
    assert (told.move, told.free, told.blame) == (Move.RETRY, True, True)
    assert "there is no other GPU" in told.reason
    twice = [before(FailureClass.DEVICE_FAULT, SMALL)] * MOST_OWED
    told = verdict(outcome, *twice, devices=(SMALL,))
    assert (told.move, told.blame) == (Move.FAIL, True)


def test_a_step_with_which_two_devices_have_a_fault_is_at_fault_itself() -> None:
    told = verdict(
        failed(FailureClass.DEVICE_FAULT, OTHER), before(FailureClass.DEVICE_FAULT, SMALL)
    )
    assert (told.move, told.blame) == (Move.FAIL, False)
    assert told.reason == "it failed on GPU 0 and on GPU 1: the step is at fault, not the GPUs"


def test_slots_that_share_a_device_do_not_prove_a_step_guilty() -> None:
    told = verdict(
        failed(FailureClass.DEVICE_FAULT, OTHER, LARGE),
        before(FailureClass.DEVICE_FAULT, SMALL, OTHER),
    )
    assert (told.move, told.free) == (Move.ELSEWHERE, True)


@pytest.mark.parametrize(
    "failure",
    [
        FailureClass.PROGRAM_FAULT,
        FailureClass.MISSING_OUTPUT,
        FailureClass.CPU_FALLBACK,
        FailureClass.LIMIT,
    ],
)
def test_what_may_be_the_device_is_tried_elsewhere_as_often_as_the_user_grants(
    failure: FailureClass,
) -> None:
    first = verdict(failed(failure, SMALL))
    assert (first.move, first.blame, first.free) == (Move.ELSEWHERE, True, False)
    assert first.need.avoid == {"GPU-0"}
    second = verdict(failed(failure, OTHER), before(failure, SMALL), need=first.need)
    assert (second.move, second.blame, second.free) == (Move.RETRY, False, False)
    assert second.need.avoid == frozenset()
    assert "the step is at fault" in second.reason


def test_a_step_without_a_device_blames_none() -> None:
    told = verdict(failed(FailureClass.PROGRAM_FAULT), need=Need())
    assert (told.move, told.blame, told.need) == (Move.RETRY, False, Need())
    assert verdict(failed(FailureClass.OUT_OF_MEMORY)).fewer
    assert not verdict(failed(FailureClass.NO_DEVICE)).free


def test_memory_that_others_hold_is_avoided_and_not_blamed_on_the_device() -> None:
    outcome = failed(FailureClass.OUT_OF_MEMORY, SMALL, peak=3_000)
    evidence = Evidence(foreign_mib=6_000)
    told = verdict(outcome, evidence=evidence)
    assert (told.move, told.blame, told.free) == (Move.ELSEWHERE, False, True)
    # More than the 2,000 that were left, and more than it was seen to hold.
    assert told.need == Need(gpus=1, avoid=frozenset({"GPU-0"}), memory_mib=3_750)
    assert told.reason == "programs of others hold 5.9 GiB of GPU 0"


def test_a_step_waits_for_memory_that_others_hold_where_there_is_no_other_device() -> None:
    outcome = failed(FailureClass.OUT_OF_MEMORY, LARGE, peak=1_000)
    told = verdict(outcome, evidence=Evidence(foreign_mib=4_000))
    assert (told.move, told.free) == (Move.WAIT, True)
    assert told.need == Need(gpus=1, memory_mib=20_001)
    full = replace(outcome, peak_memory_mib=23_900)
    told = verdict(full, evidence=Evidence(foreign_mib=4_000))
    assert told.need.memory_mib == 22_800  # never more than a card can ever give


def test_a_little_of_others_such_as_a_desktop_is_no_reason_to_wait() -> None:
    told = verdict(
        failed(FailureClass.OUT_OF_MEMORY, SMALL), evidence=Evidence(foreign_mib=300, shared=True)
    )
    assert told.move is Move.ALONE


def test_a_full_device_is_tried_alone_then_a_larger_one_then_it_fails() -> None:
    first = verdict(failed(FailureClass.OUT_OF_MEMORY, SMALL, peak=7_000))
    assert (first.move, first.free, first.blame) == (Move.ALONE, True, False)
    assert first.need == Need(gpus=1, whole=True)
    one = before(FailureClass.OUT_OF_MEMORY, SMALL, peak=7_000)
    second = verdict(failed(FailureClass.OUT_OF_MEMORY, SMALL), one, need=first.need)
    assert (second.move, second.free) == (Move.LARGER, True)
    assert second.need == Need(gpus=1, whole=True, memory_mib=8_001, avoid=frozenset({"GPU-0"}))
    assert second.reason == "it needs more memory than GPU 0, which has 7.8 GiB"
    third = verdict(
        failed(FailureClass.OUT_OF_MEMORY, LARGE, peak=23_500), one, one, need=second.need
    )
    assert third.move is Move.FAIL
    assert third.reason == (
        "it needs more memory than it can get, and held 22.9 GiB when last seen; the largest GPU "
        "of the run has 23.4 GiB"
    )


def test_a_step_that_had_its_device_for_itself_goes_to_a_larger_one_at_once() -> None:
    alone = Evidence(shared=False)
    told = verdict(failed(FailureClass.OUT_OF_MEMORY, SMALL), evidence=alone)
    assert told.move is Move.LARGER
    assert verdict(failed(FailureClass.OUT_OF_MEMORY, LARGE), evidence=alone).move is Move.FAIL


def test_a_lack_of_memory_on_devices_that_do_not_tell_theirs_ends_somewhere() -> None:
    cards = tuple(replace(one, memory_mib=0) for one in CARDS)
    need, history, moves = NEED, [], []
    for device in (cards[0], cards[0], cards[1]):
        outcome = failed(FailureClass.OUT_OF_MEMORY, device)
        told = verdict(outcome, *history, need=need, devices=cards)
        moves.append(told.move)
        need = told.need
        history.append(before(FailureClass.OUT_OF_MEMORY, device))
    assert moves == [Move.ALONE, Move.LARGER, Move.FAIL]


def test_a_device_that_is_gone_is_left_and_blamed() -> None:
    told = verdict(failed(FailureClass.NO_DEVICE, SMALL), snapshot=seen(GPU0="GpuIsLost"))
    assert (told.move, told.blame, told.free) == (Move.ELSEWHERE, True, True)
    assert told.reason == "GPU 0 is gone"
    absent = Snapshot(time=1.0, readings=(Reading(uuid="GPU-1"),))
    assert verdict(failed(FailureClass.NO_DEVICE, SMALL), snapshot=absent).reason == "GPU 0 is gone"


def test_a_program_that_finds_no_device_where_there_is_one_is_tried_elsewhere_once() -> None:
    first = verdict(failed(FailureClass.NO_DEVICE, SMALL), snapshot=seen())
    assert (first.move, first.free) == (Move.ELSEWHERE, True)
    second = verdict(
        failed(FailureClass.NO_DEVICE, OTHER),
        before(FailureClass.NO_DEVICE, SMALL),
        snapshot=seen(),
    )
    assert (second.move, second.free, second.blame) == (Move.RETRY, False, False)


def test_three_steps_that_find_no_device_stop_the_run_and_one_that_passes_forgives() -> None:
    tally, outcomes = Tally(), []
    for step in ("a", "b", "b", "c"):
        outcome = failed(FailureClass.NO_DEVICE, SMALL, step=step)
        told = verdict(outcome, before(FailureClass.NO_DEVICE, OTHER))
        outcomes.append((outcome, told))
    moves = [tally.heard(*one).move for one in outcomes]
    assert moves == [Move.RETRY, Move.RETRY, Move.RETRY, Move.STOP]
    done = Outcome(step="d", adapter="prog", state=StepState.DONE, devices=(SMALL,))
    assert tally.heard(done) is None
    assert tally.heard(*outcomes[0]).move is Move.RETRY


def test_a_try_that_is_owed_does_not_count_against_the_run() -> None:
    tally = Tally()
    for step in "abcdef":
        outcome = failed(FailureClass.NO_DEVICE, SMALL, step=step)
        assert tally.heard(outcome, verdict(outcome)).move is Move.ELSEWHERE


def test_a_device_that_takes_one_program_at_a_time_is_waited_for() -> None:
    exclusive = Snapshot(
        time=1.0, readings=(Reading(uuid="GPU-0", compute_mode="exclusive_process"),)
    )
    told = verdict(failed(FailureClass.NO_DEVICE, SMALL), snapshot=exclusive)
    assert (told.move, told.free, told.blame) == (Move.WAIT, True, False)
    closed = replace(SMALL, compute_mode="prohibited")
    told = verdict(failed(FailureClass.NO_DEVICE, closed))
    assert (told.move, told.blame) == (Move.ELSEWHERE, False)


@pytest.mark.parametrize(
    "fault", ["LibRmVersionMismatch", "DriverNotLoaded", "LibraryNotFound", "NoPermission"]
)
def test_a_driver_that_fails_stops_the_run(fault: str) -> None:
    snapshot = Snapshot(time=1.0, fault=fault)
    for failure in (FailureClass.NO_DEVICE, FailureClass.PROGRAM_FAULT):
        told = verdict(failed(failure, SMALL), snapshot=snapshot)
        assert (told.move, told.blame) == (Move.STOP, False)
        assert told.reason
    assert verdict(failed(FailureClass.BAD_INPUT, SMALL), snapshot=snapshot).move is Move.FAIL
    assert verdict(failed(FailureClass.PROGRAM_FAULT), snapshot=snapshot).move is Move.RETRY


def test_a_full_disk_stops_the_run_unless_there_is_room_again() -> None:
    outcome = failed(FailureClass.DISK_FULL, SMALL)
    assert verdict(outcome).move is Move.STOP
    assert verdict(outcome, room=False).move is Move.STOP
    told = verdict(outcome, room=True)
    assert (told.move, told.free, told.blame) == (Move.RETRY, False, False)


def test_a_machine_without_memory_runs_fewer_steps_at_once() -> None:
    told = verdict(failed(FailureClass.HOST_MEMORY, SMALL))
    assert (told.move, told.fewer, told.free, told.blame) == (Move.RETRY, True, False, False)


def test_an_end_that_nobody_knows_is_the_users_to_try_again() -> None:
    told = verdict(failed(FailureClass.UNKNOWN, SMALL))
    assert (told.move, told.free, told.blame) == (Move.RETRY, False, False)


def test_every_class_has_a_rule_with_a_reason() -> None:
    for failure in CLASSES:
        assert verdict(failed(failure, SMALL)).reason
        assert verdict(failed(failure)).reason


def test_a_device_that_is_not_the_runs_any_more_goes_by_its_uuid() -> None:
    told = verdict(
        failed(FailureClass.DEVICE_FAULT, OTHER),
        before(FailureClass.DEVICE_FAULT, SMALL),
        devices=(OTHER,),
    )
    assert told.reason.startswith("it failed on GPU-0 and on GPU 1")


LOOKS = st.sampled_from(
    [
        None,
        seen(),
        seen(GPU0="GpuIsLost", GPU1="GpuIsLost"),
        Snapshot(time=1.0),
        Snapshot(time=1.0, fault="Unknown"),
    ]
)
EVIDENCE = st.none() | st.builds(
    Evidence,
    foreign_mib=st.integers(0, 30_000),
    shared=st.sampled_from([None, False, True]),
    peak_memory_mib=st.none() | st.integers(0, 24_000),
)


@given(st.data(), st.integers(0, 3))
def test_a_step_is_tried_a_bounded_number_of_times_and_a_wrong_input_once(
    data: st.DataObject, retries: int
) -> None:
    need, history, granted = NEED, [], 0
    while True:
        slots = st.lists(st.sampled_from(CARDS), max_size=2, unique=True)
        outcome = failed(
            data.draw(st.sampled_from(CLASSES)),
            *data.draw(slots),
            peak=data.draw(st.none() | st.integers(0, 24_000)),
        )
        told = decide(
            outcome,
            need,
            tuple(history),
            data.draw(LOOKS),
            CARDS,
            evidence=data.draw(EVIDENCE),
            room=data.draw(st.sampled_from([None, False, True])),
        )
        assert told.reason
        assert (told.need.gpus, told.need.worker) == (NEED.gpus, NEED.worker)
        assert told.need.memory_mib <= 24_000
        assert not (told.blame and not outcome.devices)
        if outcome.failure in {
            FailureClass.BAD_INPUT,
            FailureClass.NOT_STARTED,
            FailureClass.INTERRUPTED,
        }:
            assert told.ends
        if outcome.failure in {FailureClass.OUT_OF_MEMORY, FailureClass.BAD_INPUT}:
            assert not told.blame
        if told.move is Move.ELSEWHERE:
            assert {one.uuid for one in outcome.devices} <= told.need.avoid
        if told.ends or not (told.free or granted < retries):
            break
        granted += not told.free
        need = told.need
        history.append(
            Attempt(
                uuids=frozenset(one.uuid for one in outcome.devices),
                failure=outcome.failure,
                peak_memory_mib=outcome.peak_memory_mib,
            )
        )
    assert len(history) <= MOST_OWED + retries
