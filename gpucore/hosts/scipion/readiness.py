"""Which of a protocol's steps can start: looked at when something has changed, not all the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Readiness", "ScipionStep"]


class ScipionStep(Protocol):
    """What is asked of a step of pyworkflow's; its numbers count from 1."""

    endTime: Any
    _prerequisites: Iterable[int]

    def isNew(self) -> bool: ...  # noqa: D102
    def isWaiting(self) -> bool: ...  # noqa: D102
    def isFinished(self) -> bool: ...  # noqa: D102
    def isFailed(self) -> bool: ...  # noqa: D102
    def isInteractive(self) -> bool: ...  # noqa: D102
    def needsGPU(self) -> bool: ...  # noqa: D102
    def setRunning(self) -> None: ...  # noqa: D102
    def setFinished(self) -> None: ...  # noqa: D102
    def setFailed(self, msg: str) -> None: ...  # noqa: D102
    def setStatus(self, value: str) -> None: ...  # noqa: D102
    def getObjId(self) -> int | None: ...  # noqa: D102
    def run(self) -> None: ...  # noqa: D102
    def _run(self) -> None: ...


class Readiness:
    """Which steps can start: those that are new, with all that they wait for finished.

    Steps are appended while a protocol runs, and change under our hands: a streaming protocol adds
    prerequisites to a step that is there, or lets go one that waited. So what is known of a step
    is only where to look: whether it can start is asked of the step itself, each time.

    Parameters
    ----------
    steps : sequence
        The protocol's own list.
    """

    def __init__(self, steps: Sequence[ScipionStep]) -> None:
        self._steps = steps
        self._seen = 0
        self._open: dict[int, None] = {}
        self._behind: dict[int, dict[int, None]] = {}

    def look(self) -> list[int]:
        """Look at every step that has not started; return the places of those that can."""
        self._see()
        return self._ready(list(self._open))

    def appended(self) -> list[int]:
        """Look at the steps that were appended since; return the places of those that can start."""
        return self._ready(self._see())

    def after(self, place: int) -> list[int]:
        """Return the places of the steps that the end of one lets start."""
        return self._ready(self._behind.pop(place, {}))

    def can_start(self, place: int) -> bool:
        """Say whether a step can start now."""
        step = self._steps[place]
        return step.isNew() and not self._unmet(step)

    def put_back(self, place: int) -> None:
        """Take up again a step that was to start, and did not."""
        self._open[place] = None

    @property
    def waiting(self) -> bool:
        """Whether a step waits to be let go by its protocol."""
        return any(self._steps[place].isWaiting() for place in self._open)

    def stuck(self) -> list[str]:
        """Return, in words, the new steps that are left and what each waits for."""
        texts = []
        for place in self._open:
            step = self._steps[place]
            if step.isNew():
                unmet = ", ".join(str(number) for number in self._unmet(step))
                texts.append(f"step {place + 1} waits for step {unmet}")
        return texts

    def _see(self) -> list[int]:
        new = list(range(self._seen, len(self._steps)))
        self._seen = len(self._steps)
        for place in new:
            step = self._steps[place]
            if step.isNew() or step.isWaiting():
                self._open[place] = None
        return new

    def _ready(self, places: Iterable[int]) -> list[int]:
        ready = []
        for place in places:
            if place not in self._open:
                continue
            if self.can_start(place):
                del self._open[place]
                ready.append(place)
            elif self._steps[place].isNew() or self._steps[place].isWaiting():
                for number in self._unmet(self._steps[place]):
                    self._behind.setdefault(number - 1, {})[place] = None
            else:  # its protocol has ended it itself
                del self._open[place]
        return ready

    def _unmet(self, step: ScipionStep) -> list[int]:
        """Return the numbers of what a step waits for; what is not there yet is not finished."""
        return [
            number
            for number in map(int, step._prerequisites)  # noqa: SLF001 - executors read it
            if not (0 < number <= len(self._steps) and self._steps[number - 1].isFinished())
        ]
