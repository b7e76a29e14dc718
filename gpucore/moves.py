"""Steps that wait for a GPU which another run has, while one that nobody has is free."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.scheduling import Ended

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from gpucore.running import RunningStep
    from gpucore.scheduling import Machine

__all__ = ["Moves"]


class Moves:
    """Has steps give back what they would wait for, when they could have something else.

    The machine knows its own run alone. What it gives a step may be leased by another run, and the
    step waits for that; it must not do so beside a GPU that no step of its run can use.

    Parameters
    ----------
    machine : Machine
        Knows what is free.
    held : callable
        Holds the machine's lock for a ``with`` block.
    handle : callable
        Gives the machine an event.
    """

    def __init__(
        self,
        machine: Machine,
        held: Callable[[], AbstractContextManager[None]],
        handle: Callable[[Ended], None],
    ) -> None:
        self._machine = machine
        self._held = held
        self._handle = handle
        self._waiting: dict[int, RunningStep] = {}

    def waits(self, running: RunningStep) -> bool:
        """Hear that a step is about to wait; say whether it is to have something else instead."""
        with self._held():
            if self._machine.could_move(running.number):
                return True
            self._waiting[running.number] = running
            return False

    def waited(self, running: RunningStep) -> None:
        """Hear that a step waits no more."""
        with self._held():
            self._waiting.pop(running.number, None)

    def due(self) -> list[Callable[[], None]]:
        """Return what moves a step that could have something else now; under the lock.

        One at a time: what is free for it may be free for another, too.
        """
        for number, running in self._waiting.items():
            if self._machine.could_move(number):
                del self._waiting[number]
                return [running.move]
        return []

    def move(self, running: RunningStep) -> None:
        """Let a step that did not begin ask again, and keep off what it would have waited for."""
        number, need = running.number, self._machine.need(running.number)
        wish = replace(need, avoid=need.avoid.union(running.uuids))
        self._handle(Ended(number, done=False, again=True, need=wish))
