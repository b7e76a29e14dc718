"""Fates kept in columns are those that a plain reading of the events gives."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from gpucore.standard.model import StepState
from gpucore.system.journal_coding import encode
from gpucore.system.journal_fates import STATES, Fates, StepFate
from gpucore.system.journal_records import Began, Finished, Planned, RunBegan, Spawned

ENDS = [StepState.DONE, StepState.FAILED, StepState.SKIPPED, StepState.CANCELLED]


def plainly(fates: dict[str, StepFate], n: int, record: object) -> None:
    """Take an event in as the format is described: one step, one value."""
    if not isinstance(record, Planned | Began | Spawned | Finished):
        return
    before = fates.get(record.step, StepFate())
    now = before
    if isinstance(record, Planned):
        now = replace(before, stage=record.stage, adapter=record.adapter)
    elif isinstance(record, Began):
        attempts = max(before.attempts, record.attempt)
        now = replace(before, state=StepState.RUNNING, began=n, attempts=attempts)
    elif isinstance(record, Spawned):
        now = replace(before, spawned=n)
    else:
        running = before.state is StepState.RUNNING
        late = (
            record.attempt != before.attempts if running else 0 < record.attempt <= before.attempts
        )
        if not late:
            attempts = max(before.attempts, record.attempt)
            now = replace(before, state=record.state, finished=n, attempts=attempts)
    fates[record.step] = now


@pytest.mark.parametrize("seed", range(5))
def test_columns_hold_what_a_plain_reading_gives(seed: int) -> None:
    rng = random.Random(seed)
    columns, plain = Fates(), dict[str, StepFate]()
    earlier, then = columns.copy(), dict(plain)
    for n in range(1, 2000):
        step, attempt = rng.choice(["ü\udcff", "", "日本", *map(str, range(20))]), rng.randrange(4)
        stage = rng.choice("ab")
        record = rng.choice(
            [
                Planned(step=step, stage=stage, adapter=f"of {stage}"),
                Began(step=step, attempt=attempt, time=1.0, argv=("true",)),
                Spawned(step=step, attempt=attempt, pid=1, pid_start="2"),
                Finished(step=step, attempt=attempt, time=1.5e-7, state=rng.choice(ENDS)),
                RunBegan(run="r", time=1.0, pid=1, host="h", boot="b", version="0"),
            ]
        )
        assert columns.take(n, *encode(record)) is not isinstance(record, RunBegan)
        plainly(plain, n, record)
        if n == 1000:
            earlier, then = columns.copy(), dict(plain)
    assert list(columns.items()) == list(plain.items())
    assert list(earlier.items()) == list(then.items())
    for state in StepState:
        names = [name for name, fate in plain.items() if fate.state is state]
        assert list(columns.named(state)) == names
        assert columns.counts()[state] == len(names)


def test_every_state_can_be_kept() -> None:
    assert set(STATES) == set(StepState)


@pytest.mark.parametrize(
    "event",
    [
        (1, 6, b"a", 1, b'{"time":1.0,"state":"gone"}'),
        (1, 6, b"a", 1, b'{"time":1.0'),
        (1, 6, b"a", 1, b"[]"),
        (1, 3, b"a", 0, b'{"stage":"s"}'),
        (1, 3, b"\xff", 0, b'{"stage":"s","adapter":"a"}'),
        (1, 4, b"a", 2**40, b"{}"),
        (2**40, 4, b"a", 1, b"{}"),
    ],
)
def test_what_nobody_can_have_written_is_refused(event: tuple[int, int, bytes, int, bytes]) -> None:
    with pytest.raises((ValueError, OverflowError)):
        Fates().take(*event)


def test_an_unknown_step_has_no_fate() -> None:
    fates = Fates()
    assert fates.place("a") is None
    with pytest.raises(KeyError):
        fates["a"]
