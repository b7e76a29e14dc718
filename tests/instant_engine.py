"""An engine that starts nothing: each step has ended well as soon as it is looked at."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from gpucore.plugins import EngineSpec, Exit, hookimpl

if TYPE_CHECKING:
    from gpucore.plugins import EngineTask

__all__ = ["Instant", "InstantEngine"]


class InstantEngine:
    """Ends tasks on a thread of its own, in the order in which they come."""

    def __init__(self, workers: int) -> None:
        self._tasks: queue.SimpleQueue[EngineTask | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="instant")
        self._thread.start()

    def start(self, task: EngineTask) -> None:
        """Take a task."""
        self._tasks.put(task)

    def stop(self, step: int, *, now: bool = False) -> None:
        """Do nothing: it has ended."""

    def close(self) -> None:
        """End what is left."""
        self._tasks.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task.ended(Exit(code=0, started=1.0, ended=2.0))


class Instant:
    """The plugin that offers it."""

    @hookimpl
    def gpucore_engines(self) -> list[EngineSpec]:
        """Return the engine."""
        return [EngineSpec(name="instant", title="starts nothing", open=InstantEngine)]
