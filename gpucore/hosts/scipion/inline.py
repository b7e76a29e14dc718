"""A protocol's steps one after another, in the thread that asks for them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from gpucore.hosts.scipion.readiness import Readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpucore.hosts.scipion.calls import Calls
    from gpucore.hosts.scipion.readiness import ScipionStep

__all__ = ["run_inline"]


def run_inline(
    steps: Sequence[ScipionStep], calls: Calls, run: Callable[[ScipionStep, int], None]
) -> None:
    """Run steps one after another, the first that can start first.

    Parameters
    ----------
    steps : sequence
        The protocol's own list; it may grow.
    calls : Calls
        Tells the protocol of what happens.
    run : callable
        Runs one step, the number of which is given too.

    Raises
    ------
    GpucoreError
        When steps are left that nothing will ever let start.
    """
    readiness = Readiness(steps)
    ready = readiness.look()
    while True:
        heapq.heapify(ready)
        if ready:
            place = heapq.heappop(ready)
            step = steps[place]
            if not readiness.can_start(place):
                readiness.put_back(place)
                continue
            step.setRunning()
            calls.started(step)
            run(step, place + 1)
            if not calls.finished(step):
                break
            ready += [*readiness.after(place), *readiness.appended()]
        elif readiness.waiting:
            calls.wait()
        else:
            ready = calls.last_look(readiness)
            if not ready:
                break
        if calls.is_due:
            calls.check()
            ready += readiness.look()
    calls.check()
