"""The machine, case by case: events in, actions out."""

from __future__ import annotations

import pytest

from gpucore.errors import InternalError
from gpucore.scheduling.ledger import Grant, Ledger
from gpucore.scheduling.machine import (
    Action,
    Cancelled,
    DeviceLost,
    Drained,
    Ended,
    Fate,
    Launch,
    Machine,
    Refuse,
    Skip,
    Stop,
    Submitted,
)
from gpucore.scheduling.policies import cut_pool, cut_units
from gpucore.standard.model import SLOT, Device, Need

GPUS = tuple(Device(uuid=f"GPU-{index}", index=index) for index in range(8))
CPU = Need(gpus=0)
ALONE = Need(gpus=None, alone=True)
LEASE = Need(gpus=1, worker=False)


def pool(gpus: int, workers: int = 8) -> Machine:
    return Machine(Ledger(cut_pool(GPUS[:gpus], workers + 1, False)), workers)


def slots(workers: int, *places: int) -> Machine:
    items = [GPUS[place] for place in places]
    return Machine(Ledger(cut_units(items, workers + 1, True)), workers)


def submit(machine: Machine, *needs: Need, after: tuple[int, ...] = ()) -> list[Action]:
    actions: list[Action] = []
    for need in needs:
        actions += machine.handle(Submitted(machine.submitted, need, after))
    return actions


def end(machine: Machine, step: int, *, done: bool = True) -> list[Action]:
    return machine.handle(Ended(step, done))


def brief(actions: list[Action]) -> list[str]:
    """Write each action in a word: which step, on which GPUs or with which fate."""
    words = []
    for action in actions:
        if isinstance(action, Launch):
            gpus = ",".join(str(device.index) for device in action.grant.devices)
            words.append(f"{action.step}@{gpus}")
        elif isinstance(action, Skip):
            words.append(f"{action.step} {action.fate.name} by {action.because}")
        else:
            words.append(f"{type(action).__name__} {action.step}")
    return words


def test_steps_take_the_standards_slots_and_the_longest_free_next() -> None:
    machine = slots(4, 0, 1)
    assert brief(submit(machine, *[SLOT] * 6)) == ["0@0", "1@1", "2@0", "3@1"]
    assert brief(end(machine, 3)) == ["4@1"]
    assert brief(end(machine, 0, done=False)) == ["5@0"]


@pytest.mark.parametrize(
    ("workers", "places", "launched"),
    [
        (2, (0, 1), ["0@0", "1@1"]),
        (4, (0, 1), ["0@0", "1@1", "2@0", "3@1"]),
        (2, (0, 1, 2, 3), ["0@0,1", "1@2,3"]),
        (1, (0, 1), ["0@0,1"]),
    ],
)
def test_the_standards_worked_examples_hold(
    workers: int, places: tuple[int, ...], launched: list[str]
) -> None:
    assert brief(submit(slots(workers, *places), *[SLOT] * 9)) == launched


def test_a_step_without_gpus_takes_a_worker_and_no_slot() -> None:
    machine = slots(2, 0, 1)
    assert brief(submit(machine, CPU, SLOT, SLOT)) == ["0@", "1@0"]
    assert machine.idle == 0
    assert brief(end(machine, 0)) == ["2@1"]


def test_four_gpus_are_not_overtaken_for_ever_by_steps_that_need_one() -> None:
    machine = pool(4)
    one = Need(gpus=1)
    submit(machine, *[one] * 4)
    assert submit(machine, Need(gpus=4), *[one] * 20) == []
    assert [end(machine, step) for step in range(3)] == [[], [], []]
    assert brief(end(machine, 3)) == ["4@0,1,2,3"]
    assert brief(end(machine, 4)) == ["5@0", "6@1", "7@2", "8@3"]


def test_others_pass_when_they_do_not_delay_the_head() -> None:
    machine = pool(4)
    submit(machine, Need(gpus=3))
    assert submit(machine, Need(gpus=4)) == []
    assert brief(submit(machine, CPU)) == ["2@"]
    assert submit(machine, Need(gpus=1)) == []
    assert brief(end(machine, 0)) == ["1@3,0,1,2"]


def test_a_place_that_the_head_cannot_use_lets_others_pass() -> None:
    machine = Machine(Ledger(cut_pool([GPUS[0], GPUS[1], GPUS[0]], 5, False)), 4)
    submit(machine, Need(gpus=2))  # holds one place of each GPU
    assert submit(machine, Need(gpus=2)) == []  # GPU 0's other place is kept for it
    assert submit(machine, SLOT) == []
    assert brief(end(machine, 0)) == ["1@0,1", "2@0"]


def test_a_step_that_must_not_share_is_not_delayed_by_one_that_may() -> None:
    machine = slots(4, 0, 1)
    submit(machine, SLOT, SLOT)  # one share of each GPU is left
    assert submit(machine, ALONE) == []
    assert submit(machine, SLOT) == []
    # Whichever GPU is free first is whole: nothing slipped in beside.
    assert brief(end(machine, 1)) == ["2@1", "3@0"]


def test_a_program_that_must_not_share_gets_as_many_places_as_the_list_has() -> None:
    machine = slots(4, 0, 1)
    assert brief(submit(machine, *[ALONE] * 3)) == ["0@0", "1@1"]
    assert machine.idle == 2
    assert brief(submit(machine, CPU)) == ["3@"]
    assert brief(end(machine, 0)) == ["2@0"]


def test_a_lease_takes_no_worker() -> None:
    machine = pool(2, workers=1)
    assert brief(submit(machine, LEASE, Need(gpus=1))) == ["0@0", "1@1"]
    assert machine.idle == 0
    end(machine, 0)
    assert machine.idle == 0
    end(machine, 1)
    assert machine.idle == 1


def test_a_step_that_a_lease_holds_up_keeps_a_worker() -> None:
    machine = pool(1, workers=2)
    submit(machine, LEASE, Need(gpus=1))
    assert brief(submit(machine, CPU)) == ["2@"]
    assert submit(machine, CPU) == []  # the last worker is kept for step 1
    assert brief(end(machine, 0)) == ["1@0"]
    assert brief(end(machine, 2)) == ["3@"]


def test_a_step_starts_when_its_prerequisites_are_done() -> None:
    machine = pool(4)
    submit(machine, CPU, CPU)
    assert submit(machine, CPU, after=(0, 1)) == []
    assert machine.fate(2) is Fate.WAITING
    assert end(machine, 0) == []
    assert brief(end(machine, 1)) == ["2@"]
    assert brief(submit(machine, CPU, after=(0, 1))) == ["3@"]


def test_a_failure_skips_all_that_hang_on_it_near_and_far() -> None:
    machine = pool(4)
    submit(machine, CPU)
    submit(machine, CPU, after=(0,))
    submit(machine, CPU, after=(1,))
    submit(machine, CPU)
    assert brief(end(machine, 0, done=False)) == ["1 SKIPPED by 0", "2 SKIPPED by 0"]
    assert brief(submit(machine, CPU, after=(3, 2))) == ["4 SKIPPED by 2"]
    assert [machine.fate(step) for step in range(5)] == [
        Fate.FAILED,
        Fate.SKIPPED,
        Fate.SKIPPED,
        Fate.RUNNING,
        Fate.SKIPPED,
    ]


def test_a_step_can_be_cancelled_in_every_fate() -> None:
    machine = pool(1, workers=1)
    submit(machine, CPU, CPU, CPU)
    submit(machine, CPU, after=(1,))
    submit(machine, CPU, after=(3,))
    submit(machine, CPU, after=(2,))
    assert brief(machine.handle(Cancelled(3))) == ["3 CANCELLED by 3", "4 SKIPPED by 3"]
    assert brief(machine.handle(Cancelled(2))) == ["2 CANCELLED by 2", "5 SKIPPED by 2"]
    assert machine.handle(Cancelled(0)) == [Stop(0)]
    assert machine.fate(0) is Fate.RUNNING, "it has not ended yet"
    assert brief(end(machine, 0, done=False)) == ["1@"]
    assert end(machine, 1) == []
    for step in range(6):
        assert machine.handle(Cancelled(step)) == []
    assert [machine.fate(step).name for step in range(6)] == [
        "FAILED",
        "DONE",
        "CANCELLED",
        "CANCELLED",
        "SKIPPED",
        "SKIPPED",
    ]


def test_a_cancelled_head_lets_the_next_start() -> None:
    machine = pool(2)
    submit(machine, Need(gpus=1), Need(gpus=2), Need(gpus=1))
    assert brief(machine.handle(Cancelled(1))) == ["1 CANCELLED by 1", "2@1"]


def test_a_step_that_comes_behind_a_cancelled_one_starts_when_there_is_room() -> None:
    machine = pool(2, workers=1)
    assert brief(submit(machine, SLOT, SLOT, SLOT)) == ["0@0"]
    machine.handle(Cancelled(2))
    machine.handle(Cancelled(1))
    assert brief(end(machine, 0)) == []
    assert brief(submit(machine, SLOT)) == ["3@1"]


def test_a_drain_cancels_all_that_does_not_run_and_starts_nothing() -> None:
    machine = pool(1)
    submit(machine, Need(gpus=1), Need(gpus=1))
    submit(machine, CPU, after=(0,))
    assert brief(machine.handle(Drained())) == ["1 CANCELLED by 1", "2 CANCELLED by 2"]
    assert brief(submit(machine, CPU)) == ["3 CANCELLED by 3"]
    assert end(machine, 0) == []
    assert machine.fate(0) is Fate.DONE
    assert machine.handle(Drained()) == []


def test_a_need_that_can_never_be_met_is_refused_and_its_dependents_are_skipped() -> None:
    machine = pool(2)
    (refusal,) = submit(machine, Need(gpus=3))
    assert isinstance(refusal, Refuse)
    assert refusal.error.what == "3 GPUs are needed, and the run has 2"
    assert machine.fate(0) is Fate.FAILED
    assert brief(submit(machine, CPU, after=(0,))) == ["1 SKIPPED by 0"]


def test_a_lost_device_stops_who_holds_it_and_refuses_who_can_no_longer_run() -> None:
    machine = pool(2)
    submit(machine, Need(gpus=1), Need(gpus=1), Need(gpus=2), Need(gpus=1))
    submit(machine, Need(gpus=2), after=(0,))
    submit(machine, CPU, after=(2,))
    submit(machine, Need(gpus=2), after=(2,))
    assert brief(machine.handle(DeviceLost("GPU-0"))) == [
        "Stop 0",
        "Refuse 2",
        "5 SKIPPED by 2",
        "6 SKIPPED by 2",
        "Refuse 4",
    ]
    assert end(machine, 0, done=False) == [], "the lost GPU is not given again"
    assert brief(end(machine, 1)) == ["3@1"]


def test_a_step_whose_slot_holds_a_lost_device_that_it_was_not_given_runs_on() -> None:
    machine = slots(1, 0, 1)
    assert brief(submit(machine, Need(gpus=1))) == ["0@0"]
    assert machine.handle(DeviceLost("GPU-1")) == []
    assert end(machine, 0) == []
    assert [type(action) for action in submit(machine, SLOT)] == [Refuse]


def test_events_that_cannot_be_are_faults_of_ours() -> None:
    machine = pool(1)
    with pytest.raises(InternalError, match="step 3 was submitted as number 0"):
        machine.handle(Submitted(3, CPU))
    with pytest.raises(InternalError, match="step 0 ended without running"):
        end(machine, 0)
    submit(machine, CPU)
    end(machine, 0)
    with pytest.raises(InternalError, match="step 0 ended without running"):
        end(machine, 0)


@pytest.mark.parametrize("before", [1, 2, -1])
def test_a_step_cannot_wait_for_itself_or_for_what_is_not_known(before: int) -> None:
    machine = pool(1)
    submit(machine, CPU)
    with pytest.raises(InternalError, match=f"step 1 waits for {before}"):
        submit(machine, CPU, after=(0, before))
    assert brief(submit(machine, CPU)) == ["1@"], "nothing was changed"


def test_a_step_that_was_cancelled_while_it_ran_is_not_tried_again() -> None:
    machine = pool(2)
    submit(machine, SLOT)
    submit(machine, CPU, after=(0,))
    assert brief(machine.handle(Cancelled(0))) == ["Stop 0"]
    again = machine.handle(Ended(0, done=False, again=True))
    assert brief(again) == ["0 CANCELLED by 0", "1 SKIPPED by 0"]
    assert brief(submit(machine, SLOT)) == ["2@1"]


def test_a_grant_without_units_is_that_of_a_cpu_step() -> None:
    machine = pool(0)
    assert submit(machine, CPU) == [Launch(0, Grant())]
    assert machine.grants == {0: Grant()}
