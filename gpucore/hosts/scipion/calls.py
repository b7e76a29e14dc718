"""What a protocol is told while its steps run, and when it is asked for more of them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from gpucore.errors import NeedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.hosts.scipion.readiness import Readiness, ScipionStep

__all__ = ["Calls"]

_SHARE = 10
"""A check that takes a second is not made again for ten, however fast steps are inserted."""
_SHORTEST = 0.01


class Calls:
    """The callbacks that ``runSteps`` is given, and the clock of the check.

    Parameters
    ----------
    started, finished, check : callable
        pyworkflow's ``stepStartedCallback``, ``stepFinishedCallback``, ``stepsCheckCallback``.
    seconds : float
        Between checks; one is made sooner when a step has inserted others.
    protocol : object
        The protocol, which is as its last step is told to be.

    Attributes
    ----------
    wake : callable
        Called when another thread than the run's has inserted a step.
    """

    def __init__(
        self,
        started: Callable[[ScipionStep], object],
        finished: Callable[[ScipionStep], bool],
        check: Callable[[], object],
        seconds: float,
        protocol: object = None,
    ) -> None:
        self.started = started
        self._finished = finished
        self._protocol = protocol
        self.wake: Callable[[], object] = bool
        self._over = False
        self._check = check
        self._seconds = max(float(seconds), _SHORTEST)
        self._changed = threading.Event()
        self._earliest = time.monotonic()
        self._due = self._earliest + self._seconds
        self._thread = threading.get_ident()

    def finished(self, step: ScipionStep) -> bool:
        """Tell that a step has ended; return whether the protocol goes on.

        What ends behind the step that stopped the protocol is put on record too, so that nobody
        runs it again. The protocol stays as that step left it.
        """
        if not self._over:
            self._over = not self._finished(step)
            return not self._over
        last = getattr(self._protocol, "lastStatus", None)
        self._finished(step)
        if last is not None:
            setattr(self._protocol, "lastStatus", last)  # noqa: B010 - it is pyworkflow's
        return False

    def changed(self) -> None:
        """Note that a step was inserted."""
        if threading.get_ident() != self._thread:  # the run itself looks after each callback
            self._changed.set()
            self.wake()

    @property
    def left(self) -> float:
        """Seconds until the next check."""
        due = min(self._due, self._earliest) if self._changed.is_set() else self._due
        return max(due - time.monotonic(), 0.0)

    @property
    def is_due(self) -> bool:
        """Whether it is time for a check."""
        return not self.left

    def check(self) -> None:
        """Ask the protocol whether there are more steps."""
        self._changed.clear()
        begun = time.monotonic()
        self._check()
        now = time.monotonic()
        self._earliest = now + _SHARE * (now - begun)
        self._due = now + self._seconds

    def wait(self) -> None:
        """Wait for the next check, or until a step is inserted."""
        self._changed.wait(self.left)

    def last_look(self, readiness: Readiness) -> list[int]:
        """Ask once more whether any step can start, when none runs and none waits.

        Raises
        ------
        NeedError
            When there are new steps that nothing will ever let start.
        """
        if not readiness.stuck():
            return []
        self.check()
        ready = readiness.look()
        if not ready and not readiness.waiting and (stuck := readiness.stuck()):
            raise NeedError(
                f"{len(stuck)} steps can never start: {'; '.join(stuck[:3])}",
                hint="prerequisites are numbers of steps of the same protocol, and go in no circle",
                code="E802",
            )
        return ready
