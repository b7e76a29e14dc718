"""Which steps can start: what waits for what, while steps come and change."""

from __future__ import annotations

import pytest
from scipion_steps import StandIn

from gpucore.hosts.scipion.readiness import Readiness


def test_a_step_can_start_when_all_that_it_waits_for_is_finished() -> None:
    steps = [StandIn(), StandIn(1), StandIn(1, 2), StandIn()]
    readiness = Readiness(steps)
    assert readiness.look() == [0, 3]
    assert readiness.look() == [], "they are being started"
    steps[0].setFinished()
    assert readiness.after(0) == [1]
    steps[1].setFinished()
    assert readiness.after(1) == [2]


def test_a_step_that_failed_lets_nobody_start() -> None:
    steps = [StandIn(), StandIn(1)]
    readiness = Readiness(steps)
    readiness.look()
    steps[0].setFailed("no memory")
    assert readiness.after(0) == []
    assert readiness.look() == []


def test_steps_that_are_appended_are_seen() -> None:
    steps = [StandIn()]
    readiness = Readiness(steps)
    readiness.look()
    steps += [StandIn(), StandIn(1)]
    assert readiness.appended() == [1]
    steps[0].setFinished()
    assert readiness.after(0) == [2]


def test_steps_of_an_earlier_run_are_not_started_again() -> None:
    steps = [StandIn(), StandIn(1)]
    steps[0].setFinished()
    assert Readiness(steps).look() == [1]


def test_a_step_may_wait_for_one_that_comes_later() -> None:
    steps = [StandIn(2)]
    readiness = Readiness(steps)
    assert readiness.look() == []
    steps.append(StandIn())
    assert readiness.appended() == [1]
    steps[1].setFinished()
    assert readiness.after(1) == [0]


def test_prerequisites_that_are_added_hold_a_step_back() -> None:
    steps = [StandIn(), StandIn(1), StandIn()]
    readiness = Readiness(steps)
    assert readiness.look() == [0, 2]
    steps[1]._prerequisites.append(3)
    steps[0].setFinished()
    assert readiness.after(0) == []
    steps[2].setFinished()
    assert readiness.after(2) == [1]


def test_a_step_that_was_to_start_can_be_put_back() -> None:
    steps = [StandIn()]
    readiness = Readiness(steps)
    assert readiness.look() == [0]
    steps[0]._prerequisites.append(2)
    assert not readiness.can_start(0)
    readiness.put_back(0)
    steps.append(StandIn())
    steps[1].setFinished()
    assert readiness.look() == [0]


def test_a_waiting_step_starts_when_its_protocol_lets_it() -> None:
    steps = [StandIn()]
    steps[0].setStatus("waiting")
    readiness = Readiness(steps)
    assert readiness.look() == []
    assert readiness.waiting
    steps[0].setStatus("new")
    assert readiness.look() == [0]
    assert not readiness.waiting


def test_a_step_that_its_protocol_ends_itself_is_not_looked_at_again() -> None:
    steps = [StandIn(9)]
    readiness = Readiness(steps)
    readiness.look()
    steps[0].setStatus("aborted")
    assert readiness.look() == []
    assert readiness.stuck() == []


def test_what_can_never_start_is_told_with_what_it_waits_for() -> None:
    readiness = Readiness([StandIn(2, 7), StandIn(1)])
    assert readiness.look() == []
    assert readiness.stuck() == ["step 1 waits for step 2, 7", "step 2 waits for step 1"]


@pytest.mark.parametrize("count", [200, 2000])
def test_the_end_of_a_step_looks_only_at_what_waits_for_it(count: int) -> None:
    steps = [StandIn(*([number] if number else [])) for number in range(count)]
    readiness = Readiness(steps)
    (ready,) = readiness.look()
    StandIn.looks = 0
    for number in range(count - 1):
        steps[ready].setFinished()
        (ready,) = readiness.after(number)
    assert StandIn.looks == count - 1
