"""A step at the head of the queue is never delayed by one that passed it: against strict FIFO."""

from __future__ import annotations

import heapq
import itertools
import random
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from gpucore.scheduling.ledger import Ledger
from gpucore.scheduling.machine import Ended, Fate, Launch, Machine, MachineEvent, Submitted
from gpucore.scheduling.policies import cut_devices, cut_pool, cut_units
from gpucore.scheduling.queue import ReadyQueue
from gpucore.scheduling.sharing import SharedLedger
from gpucore.standard.model import Device, Need

if TYPE_CHECKING:
    from collections.abc import Iterator

GPUS = tuple(Device(uuid=f"GPU-{index}", index=index, memory_mib=16_000) for index in range(4))
PAIRS = tuple(replace(one, links=((f"GPU-{one.index ^ 2}", 100),)) for one in GPUS)
STEPS = 36
NEEDS = [
    Need(gpus=0),
    Need(gpus=None),
    Need(gpus=None, alone=True),
    Need(gpus=1),
    Need(gpus=2),
    Need(gpus=2, alone=True),
    Need(gpus=4),
    Need(gpus=1, worker=False),
    Need(gpus=3, worker=False),
    Need(gpus=1, whole=True),
    Need(gpus=None, memory_mib=9_000),
    Need(gpus=2, memory_mib=5_000),
]


class StrictQueue(ReadyQueue):
    """The reference: nobody passes the oldest."""

    def heads(self) -> Iterator[tuple[int, Need]]:
        return itertools.islice(super().heads(), 1)


@dataclass
class Simulation:
    """A machine in simulated time; each step lasts as long as was drawn for it."""

    machine: Machine
    lasts: list[float]
    clock: float = 0.0
    coming: list[tuple[float, int, MachineEvent]] = field(default_factory=list)
    started: dict[int, float] = field(default_factory=dict)
    passed: int = 0

    def tell(self, event: MachineEvent) -> None:
        for action in self.machine.handle(event):
            assert isinstance(action, Launch)
            step = action.step
            self.passed += any(self.waits(older) for older in range(step))
            self.started[step] = self.clock
            end = (self.clock + self.lasts[step], step, Ended(step, done=True))
            heapq.heappush(self.coming, end)

    def waits(self, step: int) -> bool:
        return self.machine.fate(step) is Fate.READY

    def turn(self) -> None:
        self.clock, _, event = heapq.heappop(self.coming)
        self.tell(event)

    def head(self) -> int | None:
        return next((s for s in range(self.machine.submitted) if self.waits(s)), None)

    def strict(self) -> Simulation:
        """Return a copy that goes on from here without letting anyone pass."""
        kept = {id(unit): unit for unit in self.machine.ledger.units}
        copy = deepcopy(self, kept)
        copy.machine.queue.__class__ = StrictQueue
        return copy


def simulation(seed: int, rng: random.Random) -> Simulation:
    workers = rng.randint(1, 6)
    gpus = PAIRS if seed % 4 == 0 else GPUS
    if seed % 5 == 0:
        ledger = SharedLedger(cut_devices(gpus, 1, True), 512)
        return started(Machine(ledger, workers), seed, rng)
    if seed % 3:
        units = cut_units(gpus, rng.choice([workers + 1, 9, 13]), True)
    else:
        units = cut_pool([*gpus, *rng.choices(gpus, k=rng.randint(0, 4))], 1, False)
    return started(Machine(Ledger(units), workers), seed, rng)


def started(machine: Machine, seed: int, rng: random.Random) -> Simulation:
    lasts = [rng.expovariate(1.0) for _ in range(STEPS)]
    kinds = rng.sample(NEEDS, 4) if seed % 2 else NEEDS
    here = Simulation(machine, lasts)
    arrival = 0.0
    for step in range(STEPS):
        here.coming.append((arrival, step, Submitted(step, rng.choice(kinds))))
        arrival += rng.choice([0.0, rng.expovariate(4.0)])
    heapq.heapify(here.coming)
    return here


@pytest.mark.slow
@pytest.mark.parametrize("block", range(6))
def test_the_head_starts_no_later_than_it_would_if_nobody_could_pass_it(block: int) -> None:
    passed = heads = 0
    for seed in range(block, 150, 6):
        rng = random.Random(f"passing {seed}")
        here = simulation(seed, rng)
        promised: dict[int, float] = {}
        while here.coming:
            here.turn()
            head = here.head()
            if head is not None and head not in promised:
                reference = here.strict()
                while reference.waits(head):
                    reference.turn()
                promised[head] = reference.started[head]
        assert len(here.started) == STEPS, "every step ran"
        for head, latest in promised.items():
            assert here.started[head] <= latest, f"seed {seed}: step {head} was delayed"
        passed += here.passed
        heads += len(promised)
    assert passed > 50, "steps did pass"
    assert heads > 100
