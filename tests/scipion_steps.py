"""Stand-ins for pyworkflow's steps: what its executors ask of one, and no more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StandIn"]


class StandIn:
    """A step with a status; it counts how often somebody looked."""

    looks = 0

    def __init__(
        self, *prerequisites: int, gpu: bool = True, code: Callable[[], object] = bool
    ) -> None:
        self._prerequisites = list(prerequisites)
        self._gpu = gpu
        self._code = code
        self.status = "new"
        self.error = ""
        self.interactive = False
        self.endTime = SimpleNamespace(set=lambda _: None)

    def isNew(self) -> bool:
        StandIn.looks += 1
        return self.status == "new"

    def isWaiting(self) -> bool:
        return self.status == "waiting"

    def isFinished(self) -> bool:
        return self.status == "finished"

    def isFailed(self) -> bool:
        return self.status == "failed"

    def isInteractive(self) -> bool:
        return self.interactive

    def needsGPU(self) -> bool:
        return self._gpu

    def setRunning(self) -> None:
        self.status = "running"

    def setFinished(self) -> None:
        self.status = "finished"

    def setFailed(self, msg: str) -> None:
        self.status, self.error = "failed", msg

    def setStatus(self, value: str) -> None:
        self.status = value

    def getObjId(self) -> int:
        return 1

    def run(self) -> None:
        self._run()
        self.status = "finished"

    def _run(self) -> None:
        self._code()
