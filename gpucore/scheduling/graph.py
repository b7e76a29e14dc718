"""Which steps wait for which: prerequisites, counted down."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Graph"]


class Graph:
    """Steps that wait for others; steps that wait for nothing cost nothing here.

    Notes
    -----
    A step can only name steps that are already known, so that no cycle can be written.
    """

    def __init__(self) -> None:
        self._unmet: dict[int, int] = {}
        self._dependents: dict[int, list[int]] = {}

    def add(self, step: int, unmet: Iterable[int]) -> bool:
        """Let a step wait for those that have not ended; return whether it waits at all."""
        before = set(unmet)
        for one in before:
            self._dependents.setdefault(one, []).append(step)
        if before:
            self._unmet[step] = len(before)
        return bool(before)

    def unmet(self, step: int) -> int:
        """Return for how many steps one waits."""
        return self._unmet.get(step, 0)

    def met(self, step: int) -> list[int]:
        """Count a step as done; return the steps that wait for nothing any more, in order."""
        ready = []
        for dependent in self._dependents.pop(step, ()):
            left = self._unmet.get(dependent)
            if left is None:  # it was skipped or cancelled meanwhile
                continue
            if left == 1:
                del self._unmet[dependent]
                ready.append(dependent)
            else:
                self._unmet[dependent] = left - 1
        return ready

    def cut_off(self, step: int) -> list[int]:
        """Drop all that hangs on a step, near and far; return them, each once."""
        lost: list[int] = []
        heads = deque([step])
        while heads:
            for dependent in self._dependents.pop(heads.popleft(), ()):
                if self._unmet.pop(dependent, None) is not None:
                    lost.append(dependent)
                    heads.append(dependent)
        return lost

    def drop(self, step: int) -> None:
        """Forget that a step waits; what hangs on it stays."""
        self._unmet.pop(step, None)
