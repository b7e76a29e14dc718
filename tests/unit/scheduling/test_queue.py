"""Ready steps: the oldest of each need."""

from __future__ import annotations

from gpucore.scheduling.queue import ReadyQueue
from gpucore.standard.model import SLOT, Need

CPU = Need(gpus=0)


def heads(queue: ReadyQueue) -> list[tuple[int, Need]]:
    return list(queue.heads())


def test_the_oldest_of_each_need_is_shown_the_oldest_first() -> None:
    queue = ReadyQueue()
    for step, need in ((5, SLOT), (3, CPU), (2, SLOT), (4, CPU)):
        queue.add(step, need)
    assert heads(queue) == [(2, SLOT), (3, CPU)]
    assert queue.looked_at == 2


def test_steps_leave_in_the_order_of_their_numbers() -> None:
    queue = ReadyQueue()
    for step in (5, 3, 4):
        queue.add(step, SLOT)
    assert [queue.pop(SLOT) for _ in range(3)] == [3, 4, 5]
    assert heads(queue) == []


def test_a_removed_step_is_never_shown_wherever_it_stood() -> None:
    queue = ReadyQueue()
    for step in range(5):
        queue.add(step, SLOT)
    for step in (3, 0, 1):
        queue.remove(step)
    assert heads(queue) == [(2, SLOT)]
    assert queue.pop(SLOT) == 2
    assert heads(queue) == [(4, SLOT)]


def test_a_need_whose_steps_were_all_removed_is_not_shown() -> None:
    queue = ReadyQueue()
    queue.add(0, SLOT)
    queue.remove(0)
    assert heads(queue) == []
    queue.add(1, SLOT)
    assert heads(queue) == [(1, SLOT)]


def test_a_step_leads_its_need_until_an_older_or_more_urgent_one_is_there() -> None:
    queue = ReadyQueue()
    assert not queue.leads(5, SLOT)
    queue.add(5, SLOT)
    assert queue.leads(5, SLOT)
    assert not queue.leads(5, CPU)
    queue.add(3, SLOT)
    assert queue.leads(3, SLOT)
    assert not queue.leads(5, SLOT)
    queue.add(7, SLOT, priority=1)
    assert queue.leads(7, SLOT)
    assert not queue.leads(3, SLOT)


def test_any_step_may_lead_while_one_that_was_removed_is_not_dropped() -> None:
    queue = ReadyQueue()
    queue.add(0, SLOT)
    queue.add(1, SLOT)
    queue.remove(0)
    assert queue.leads(1, SLOT)
    assert heads(queue) == [(1, SLOT)]
    assert queue.pop(SLOT) == 1
    assert not queue.leads(2, SLOT)


def test_no_step_leads_a_need_whose_steps_were_all_dropped() -> None:
    queue = ReadyQueue()
    queue.add(0, SLOT)
    queue.remove(0)
    assert heads(queue) == []
    assert not queue.leads(1, SLOT)
