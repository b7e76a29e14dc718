"""Priorities: what starts first, and what they do not change."""

from __future__ import annotations

import pytest

from gpucore.scheduling import Cancelled, Ended, Launch, Ledger, Machine, Submitted, Unit
from gpucore.scheduling.queue import ReadyQueue
from gpucore.standard.model import SLOT, Device, Need

ONE = Need(gpus=1)


def machine(gpus=1):
    units = [Unit(n, (Device(uuid=f"GPU-{n}", index=n, simulated=True),)) for n in range(gpus)]
    return Machine(Ledger(units), workers=gpus)


def launched(actions):
    return [one.step for one in actions if isinstance(one, Launch)]


def drained(run, first):
    """End one step after the other; return the order in which the rest were started."""
    order, running = [], first
    while running:
        running = launched(run.handle(Ended(running[0], done=True)))
        order += running
    return order


@pytest.mark.parametrize("needs", [(SLOT, SLOT), (SLOT, ONE)])
def test_a_higher_priority_comes_first_and_then_age_whatever_is_needed(needs):
    run = machine()
    first = launched(run.handle(Submitted(0, SLOT)))
    for step, priority in enumerate((0, -3, 7, 0, 7, -(2**70), 2**70), start=1):
        assert not run.handle(Submitted(step, needs[step % 2], priority=priority))
    assert drained(run, first) == [7, 3, 5, 1, 4, 2, 6]


def test_a_step_that_is_tried_again_or_waited_for_others_keeps_its_priority():
    run = machine()
    run.handle(Submitted(0, SLOT))
    run.handle(Submitted(1, SLOT, after=[0], priority=1))
    run.handle(Submitted(2, SLOT))
    assert launched(run.handle(Ended(0, done=True))) == [1]
    assert launched(run.handle(Ended(1, done=False, again=True))) == [1]
    assert launched(run.handle(Ended(1, done=True))) == [2]


def test_a_cancelled_step_of_any_priority_is_not_started():
    run = machine()
    first = launched(run.handle(Submitted(0, SLOT)))
    for step in (1, 2, 3):
        run.handle(Submitted(step, SLOT, priority=step))
    run.handle(Cancelled(3))
    assert drained(run, first) == [2, 1]


def test_a_step_of_higher_priority_that_waits_for_two_gpus_keeps_them_from_lower_ones():
    run = machine(gpus=2)
    run.handle(Submitted(0, ONE))
    run.handle(Submitted(1, ONE))
    run.handle(Submitted(2, ONE))
    run.handle(Submitted(3, Need(gpus=2), priority=1))
    assert not launched(run.handle(Ended(0, done=True)))
    assert launched(run.handle(Ended(1, done=True))) == [3]
    assert launched(run.handle(Ended(3, done=True))) == [2]


def test_a_step_that_waits_says_that_priorities_count():
    run = machine(gpus=2)
    run.handle(Submitted(0, ONE))
    run.handle(Submitted(1, Need(gpus=2), priority=1))
    assert not run.handle(Submitted(2, ONE))
    assert run.waits_for(2) == (
        "waits for its turn; steps of higher priority and older ones come first"
    )


def test_a_queue_holds_ranks_and_gives_steps():
    queue = ReadyQueue()
    for step, priority in ((1, -1), (2, 0), (3, 4)):
        queue.add(step, SLOT, priority)
    assert [step for step, _ in queue.heads()] == [3]
    queue.remove(3)
    assert [step for step, _ in queue.heads()] == [2]
    assert (queue.pop(SLOT), queue.pop(SLOT)) == (2, 1)
