"""Random walks with seeds: every invariant of the machine after every event."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from machine_walks import all_back, drain, end_all, random_event, random_walk

from gpucore.scheduling.machine import Fate, MemorySeen

if TYPE_CHECKING:
    from gpucore.standard.model import Need

WALKS = 320
EVENTS = 220


@pytest.mark.slow
@pytest.mark.parametrize("block", range(8))
def test_after_every_event_of_a_random_walk_every_invariant_holds(block: int) -> None:
    for seed in range(block, WALKS, 8):
        rng = random.Random(f"walk {seed}")
        walk = random_walk(seed)
        load = rng.choice([0.35, 0.5, 0.6])
        for _ in range(EVENTS):
            walk.tell(random_event(rng, walk, load))
        if seed % 4 == 0:
            drain(walk)
        end_all(rng, walk)
        all_back(walk)
        end_all(rng, walk)
        assert set(walk.endings) == set(walk.needs), "every step ended"
        assert set(walk.endings.values()) <= {1}, "and once"
        assert walk.machine.idle == walk.machine.workers
        assert not walk.machine.grants
        assert not any(walk.machine.ledger.supply.promised), "all memory was given back"


@pytest.mark.slow
def test_the_walks_reach_every_fate_and_every_kind_of_need() -> None:
    fates: Counter[Fate] = Counter()
    launched: Counter[Need] = Counter()
    reached: Counter[str] = Counter()
    for seed in range(20):
        rng = random.Random(f"walk {seed}")
        walk = random_walk(seed)
        for _ in range(EVENTS):
            event = random_event(rng, walk, 0.4)
            walk.tell(event)
            reached[type(event).__name__] += 1
            reached["enlarged"] += isinstance(event, MemorySeen) and any(
                walk.running[step].memory_mib > walk.needs[step].memory_mib for step in walk.running
            )
            waiting = [walk.needs[step] for step in walk.ready()]
            reached["impossible for now"] += any(not walk.possible(need) for need in waiting)
            reached["avoids"] += any(walk.binding(need) for need in waiting)
            fates.update(walk.machine.fate(step) for step in walk.needs)
            launched.update(walk.needs[step] for step in walk.running)
            for step in walk.needs:
                assert bool(walk.machine.waits_for(step)) == (
                    walk.machine.fate(step) in {Fate.WAITING, Fate.READY}
                )
    assert set(fates) == set(Fate)
    for fact in ("alone", "worker", "whole"):
        assert {getattr(need, fact) for need in launched} == {True, False}
    assert {need.gpus for need in launched} >= {None, 0, 1, 2, 3}
    assert {need.memory_mib > 0 for need in launched} == {True, False}
    assert {bool(need.avoid) for need in launched} == {True, False}
    assert min(reached.values()) > 0
    assert len(reached) == 11
