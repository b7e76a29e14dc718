"""How far each step has come: events in, fates out, in columns that take few bytes a step."""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

from gpucore.standard.model import StepState
from gpucore.system.journal_coding import KIND, decode, ending
from gpucore.system.journal_records import (
    Began,
    Finished,
    Mended,
    Planned,
    RunBegan,
    RunFinished,
    Spawned,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OF_RUNS", "STATES", "Fates", "StepFate"]

STATES = (
    StepState.WAITING,
    StepState.RUNNING,
    StepState.DONE,
    StepState.FAILED,
    StepState.SKIPPED,
    StepState.CANCELLED,
)
"""A state is kept as the byte that is its place here; never changed, only added to."""

OF_RUNS = frozenset({KIND[RunBegan], KIND[RunFinished], KIND[Mended]})
"""Kinds of events that say what runs there were, and what was lost of them."""

_CODES = {state: code for code, state in enumerate(STATES)}
_RUNNING = _CODES[StepState.RUNNING]
_BEGAN, _SPAWNED = KIND[Began], KIND[Spawned]
_FINISHED, _PLANNED = KIND[Finished], KIND[Planned]

_ENDING = re.compile(rb'\{"time":[-+.0-9e]+,"state":"([a-z]+)"')
_ENDS = {state.value.encode(): code for state, code in _CODES.items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFate:
    """How far a step has come.

    Parameters
    ----------
    stage, adapter : str
        As planned.
    state : StepState
        WAITING: planned; RUNNING: begun and without an end; else how it ended last.
    attempts : int
        How often it was begun.
    began, spawned, finished : int
        Numbers of the events that say so; 0: there is none.
    """

    stage: str = ""
    adapter: str = ""
    state: StepState = StepState.WAITING
    attempts: int = 0
    began: int = 0
    spawned: int = 0
    finished: int = 0


class Fates(Mapping[str, StepFate]):
    """The fate of each step by its name, in the order in which they were planned.

    Attributes
    ----------
    places : dict of bytes to int
        A step's place in the columns, by its name as the journal has it.
    states : bytearray
        See `STATES`.
    attempts, began, spawned, finished : array
        See `StepFate`.
    plans : array
        Places in ``planned``.
    planned : list of (str, str)
        Stages and their adapters; the first is that of steps that nobody planned.
    of_runs : array
        Numbers of the events of `OF_RUNS`.
    """

    def __init__(self) -> None:
        self.places: dict[bytes, int] = {}
        self.states = bytearray()
        self.attempts, self.plans = array("I"), array("I")
        self.began, self.spawned, self.finished = array("I"), array("I"), array("I")
        self.planned: list[tuple[str, str]] = [("", "")]
        self.of_runs = array("I")
        self._bodies: dict[bytes, int] = {}

    def copy(self) -> Fates:
        """Return one that takes in more events while this one stays as it is."""
        other = Fates()
        other.places, other.states = self.places.copy(), self.states.copy()
        other.attempts, other.plans = self.attempts[:], self.plans[:]
        other.began, other.spawned = self.began[:], self.spawned[:]
        other.finished, other.of_runs = self.finished[:], self.of_runs[:]
        other.planned = self.planned.copy()
        return other

    def take(self, n: int, kind: int, step: bytes, attempt: int, body: bytes) -> bool:
        """Take an event in, unless it is that of no step; return whether it was taken.

        Raises
        ------
        ValueError, OverflowError
            When this version of gpucore cannot have written it.
        """
        if kind == _BEGAN:
            # Most of a journal's bytes: not looked into until someone asks.
            place = self._place(step)
            self.began[place] = n
            self.attempts[place] = max(self.attempts[place], attempt)
            self.states[place] = _RUNNING
        elif kind == _FINISHED:
            self._end(self._place(step), n, attempt, _code_of(body))
        elif kind == _PLANNED:
            # All steps of a stage have the same body.
            plan = self._bodies.get(body)
            if plan is None:
                plan = self._plan(decode(kind, step, attempt, body), body)
            self.plans[self._place(step)] = plan
        elif kind == _SPAWNED:
            self.spawned[self._place(step)] = n
        else:
            return False
        return True

    def place(self, name: str) -> int | None:
        """Return a step's place in the columns; None when nothing is known of it."""
        return self.places.get(name.encode("utf-8", "surrogatepass"))

    def state(self, place: int) -> StepState:
        """Return how far the step in a place has come."""
        return STATES[self.states[place]]

    def named(self, state: StepState) -> Iterator[str]:
        """Yield the names of the steps in a state."""
        code = _CODES[state]
        for name in compress(self.places, map(code.__eq__, self.states)):
            yield name.decode("utf-8", "surrogatepass")

    def counts(self) -> dict[StepState, int]:
        """Return the number of steps in each state."""
        return {state: self.states.count(code) for state, code in _CODES.items()}

    def __getitem__(self, name: str) -> StepFate:
        place = self.place(name)
        if place is None:
            raise KeyError(name)
        stage, adapter = self.planned[self.plans[place]]
        return StepFate(
            stage=stage,
            adapter=adapter,
            state=self.state(place),
            attempts=self.attempts[place],
            began=self.began[place],
            spawned=self.spawned[place],
            finished=self.finished[place],
        )

    def __iter__(self) -> Iterator[str]:
        return (name.decode("utf-8", "surrogatepass") for name in self.places)

    def __len__(self) -> int:
        return len(self.places)

    def _place(self, step: bytes) -> int:
        place = self.places.get(step)
        if place is None:
            step.decode("utf-8", "surrogatepass")  # what is no name is refused now
            place = self.places[step] = len(self.states)
            self.states.append(0)
            for column in (self.attempts, self.plans, self.began, self.spawned, self.finished):
                column.append(0)
        return place

    def _plan(self, record: object, body: bytes) -> int:
        if not isinstance(record, Planned):
            raise TypeError(record)
        place = self._bodies[body] = len(self.planned)
        self.planned.append((record.stage, record.adapter))
        return place

    def _end(self, place: int, n: int, attempt: int, code: int) -> None:
        """Take an end in: the first told of an attempt counts, and only the last attempt's."""
        running, attempts = self.states[place] == _RUNNING, self.attempts[place]
        if running and attempt != attempts:
            return
        if not running and attempt and attempt <= attempts:
            return
        self.finished[place] = n
        if attempt > attempts:
            self.attempts[place] = attempt
        self.states[place] = code


def _code_of(body: bytes) -> int:
    """Return how a step ended, without making a record of it: a third of all events are ends."""
    found = _ENDING.match(body)
    code = _ENDS.get(found[1]) if found is not None else None
    return _CODES[ending(body)] if code is None else code
