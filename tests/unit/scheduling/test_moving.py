"""Whether a step that has devices could have others, without taking what a ready step needs."""

from __future__ import annotations

import random
from dataclasses import replace

from gpucore.scheduling import Ended, Launch, Ledger, Machine, Submitted, cut_pool, cut_units
from gpucore.standard import SLOT, Device, Need
from gpucore.standard.model import NO_GPU

GPUS = [Device(uuid=f"GPU-{index}", index=index) for index in range(4)]


def machine(gpus: int = 2, workers: int = 4) -> Machine:
    return Machine(Ledger(cut_units(GPUS[:gpus], gpus + 1, False)), workers)


def move(run: Machine, step: int) -> list[Launch]:
    need, grant = run.need(step), run.grants[step]
    wish = replace(need, avoid=need.avoid.union(one.uuid for one in grant.devices))
    actions = run.handle(Ended(step, done=False, again=True, need=wish))
    return [action for action in actions if isinstance(action, Launch)]


def test_a_step_could_have_what_nobody_else_has() -> None:
    run = machine()
    run.handle(Submitted(0, SLOT))
    assert run.could_move(0)
    assert [launch.grant.devices for launch in move(run, 0)] == [(GPUS[1],)]
    assert not run.could_move(0), "it has been on both"


def test_a_step_could_not_have_what_is_in_use() -> None:
    run = machine()
    run.handle(Submitted(0, SLOT))
    run.handle(Submitted(1, SLOT))
    assert not run.could_move(0)
    run.handle(Ended(1, done=True))
    assert run.could_move(0)


def test_a_step_could_not_have_what_a_ready_step_waits_for() -> None:
    run = machine(gpus=3)
    run.handle(Submitted(0, SLOT))
    run.handle(Submitted(1, Need(gpus=3)))
    assert not run.could_move(0)


def test_steps_without_a_gpu_stand_in_nobodys_way() -> None:
    run = machine(workers=1)
    run.handle(Submitted(0, SLOT))
    run.handle(Submitted(1, NO_GPU))
    assert run.could_move(0)


def test_whoever_could_move_moves_at_once_and_to_other_devices() -> None:
    rng = random.Random(11)
    moved = 0
    for _ in range(400):
        units = cut_pool(GPUS, 5, False) if rng.random() < 0.5 else cut_units(GPUS, 5, False)
        run, running, number = Machine(Ledger(units), rng.randint(1, 5)), set[int](), 0
        for _ in range(30):
            if running and rng.random() < 0.4:
                step = rng.choice(sorted(running))
                before = {device.uuid for device in run.grants[step].devices}
                if before and run.could_move(step):
                    launches = move(run, step)
                    (own,) = [one for one in launches if one.step == step]
                    assert before.isdisjoint(device.uuid for device in own.grant.devices)
                    moved += 1
                    started = launches
                else:
                    running.discard(step)
                    actions = run.handle(Ended(step, done=True))
                    started = [one for one in actions if isinstance(one, Launch)]
            else:
                need = rng.choice([NO_GPU, SLOT, Need(gpus=1), Need(gpus=2), Need(gpus=3)])
                actions = run.handle(Submitted(number, need))
                started = [one for one in actions if isinstance(one, Launch)]
                number += 1
            running.update(one.step for one in started)
    assert moved > 100
