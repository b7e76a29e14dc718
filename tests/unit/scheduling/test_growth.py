"""A million steps are as cheap for each step as ten thousand: operations counted, not time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log2
from typing import ClassVar

import pytest

from gpucore.scheduling.ledger import Ledger
from gpucore.scheduling.machine import Ended, Launch, Machine, Submitted
from gpucore.scheduling.policies import cut_units
from gpucore.standard.model import SLOT, Device, Need

NEEDS = [SLOT, Need(gpus=0)]
WORKERS = 8


class CountedInt(int):
    """A step's number that counts how often it is compared."""

    compared: ClassVar[int] = 0

    def __lt__(self, other: int) -> bool:
        CountedInt.compared += 1
        return int.__lt__(self, other)


@dataclass(frozen=True)
class Cost:
    """What one step cost."""

    looked_at: float
    compared: float


def cost(steps: int) -> Cost:
    """Queue all the steps, every other one behind its elder, and end them one by one."""
    gpus = [Device(uuid=f"GPU-{index}", index=index) for index in range(WORKERS)]
    machine = Machine(Ledger(cut_units(gpus, WORKERS + 1, True)), WORKERS)
    CountedInt.compared = 0
    running: list[int] = []
    for number in range(steps):
        step = CountedInt(number)
        after = (CountedInt(number - 1),) if number % 2 else ()
        actions = machine.handle(Submitted(step, NEEDS[number // 2 % 2], after))
        running += [action.step for action in actions]
    place = 0
    while place < len(running):
        for action in machine.handle(Ended(running[place], done=True)):
            assert isinstance(action, Launch)
            running.append(action.step)
        place += 1
    assert len(running) == steps
    return Cost(machine.queue.looked_at / steps, CountedInt.compared / steps)


def assert_logarithmic(small: Cost, large: Cost, times: int) -> None:
    assert large.looked_at <= small.looked_at * 1.05, "the queue is not looked through"
    # A heap of n takes log2 n levels, and two comparisons a level at most.
    assert large.compared - small.compared <= 2 * log2(times)


@pytest.mark.slow
def test_doubling_the_steps_adds_a_constant_to_each_at_most() -> None:
    costs = [cost(10_000 * 2**power) for power in range(3)]
    for small, large in pairwise(costs):
        assert_logarithmic(small, large, 2)


@pytest.mark.slow
def test_a_million_steps_cost_each_what_ten_thousand_do_and_a_logarithm() -> None:
    small, large = cost(10_000), cost(1_000_000)
    assert_logarithmic(small, large, 100)
    assert large.compared <= 2 * log2(1_000_000) + 10
