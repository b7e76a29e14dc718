"""Steps that are tried again, and steps that were done before the run began."""

from __future__ import annotations

from gpucore.scheduling import (
    Cancelled,
    DeviceLost,
    Drained,
    Ended,
    Fate,
    Launch,
    Ledger,
    Machine,
    Refuse,
    Skip,
    Submitted,
    cut_units,
)
from gpucore.standard import SLOT, Device, Need

ONE = Device(uuid="GPU-a", index=0)


def machine() -> Machine:
    return Machine(Ledger(cut_units([ONE], 2, False)), 1)


def launched(actions: list[object]) -> list[int]:
    return [action.step for action in actions if isinstance(action, Launch)]


def test_a_step_that_is_tried_again_keeps_its_place_before_younger_ones() -> None:
    run = machine()
    run.handle(Submitted(0, SLOT))
    run.handle(Submitted(1, SLOT))
    assert launched(run.handle(Ended(0, done=False, again=True))) == [0]
    assert run.fate(0) is Fate.RUNNING
    assert run.fate(1) is Fate.READY


def test_what_hangs_on_a_step_waits_while_it_is_tried_again() -> None:
    run = machine()
    run.handle(Submitted(0, SLOT))
    run.handle(Submitted(1, Need(), after=[0]))
    run.handle(Ended(0, done=False, again=True))
    assert run.fate(1) is Fate.WAITING
    assert launched(run.handle(Ended(0, done=True))) == [1]


def test_a_step_that_waits_to_be_tried_again_can_be_cancelled() -> None:
    run = machine()
    run.handle(Submitted(0, Need(gpus=None, worker=False)))
    run.handle(Submitted(1, SLOT))
    run.handle(Ended(0, done=True))
    run.handle(Submitted(2, Need()))
    # The worker goes to step 1 again; step 2 is younger and waits.
    assert launched(run.handle(Ended(1, done=False, again=True))) == [1]
    run.handle(Cancelled(2))
    assert run.fate(2) is Fate.CANCELLED
    assert launched(run.handle(Ended(1, done=True))) == []


def test_a_machine_that_drains_tries_nothing_again_and_says_so() -> None:
    run = machine()
    run.handle(Submitted(0, SLOT))
    run.handle(Drained())
    assert run.handle(Ended(0, done=False, again=True)) == [Skip(0, Fate.CANCELLED, 0)]
    assert run.fate(0) is Fate.CANCELLED


def test_a_step_whose_only_device_was_lost_is_not_tried_again() -> None:
    run = machine()
    run.handle(Submitted(0, SLOT))
    run.handle(Submitted(1, Need(), after=[0]))
    run.handle(DeviceLost("GPU-a"))
    actions = run.handle(Ended(0, done=False, again=True))
    assert [type(action) for action in actions] == [Refuse, Skip]
    assert run.fate(0) is Fate.FAILED
    assert run.fate(1) is Fate.SKIPPED


def test_a_step_that_was_done_before_takes_a_number_and_nothing_else() -> None:
    run = machine()
    assert run.handle(Submitted(0, SLOT, done=True)) == []
    assert run.fate(0) is Fate.DONE
    assert run.idle == 1
    assert launched(run.handle(Submitted(1, SLOT, after=[0]))) == [1]


def test_a_step_that_was_done_before_is_done_even_while_the_machine_drains() -> None:
    run = machine()
    run.handle(Drained())
    assert run.handle(Submitted(0, SLOT, done=True)) == []
    assert run.fate(0) is Fate.DONE
