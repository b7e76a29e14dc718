"""How hosts are told: a future for each step, and the thread that resolves them."""

from __future__ import annotations

import logging
import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from gpucore.errors import StepError
from gpucore.standard.model import Outcome, StepState

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Reporter", "StepFuture", "resolve"]

_LOGGER = logging.getLogger(__name__)


class StepFuture(Future[Outcome]):
    """The future of one step: its `Outcome`, or the `StepError` that carries it.

    Attributes
    ----------
    number : int
        The step's number in its run.
    owner : object
        Whoever submits it.
    """

    def __init__(self, owner: object, cancelled: Callable[[int], None]) -> None:
        super().__init__()
        self.number = -1
        self.owner = owner
        self._cancelled = cancelled

    def cancel(self) -> bool:
        """Cancel the step if it does not run yet; what hangs on it is skipped."""
        cancelled = super().cancel()
        if cancelled:
            self._cancelled(self.number)
        return cancelled


class Reporter:
    """Tells hosts of what is on disk: on a thread of its own, which their callbacks may keep.

    The journal's thread must not wait for a host, and the engine's threads have programs to start.
    """

    def __init__(self) -> None:
        self._reports: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def put(self, report: Callable[[], None]) -> None:
        """Have a report made, after all that were put before."""
        self._reports.put(report)
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(
                        target=self._work, name="gpucore-reporter", daemon=True
                    )
                    self._thread.start()

    def close(self) -> None:
        """Make the reports that are left, and end."""
        if self._thread is not None:
            self._reports.put(None)
            if self._thread is not threading.current_thread():
                self._thread.join()

    def _work(self) -> None:
        while (report := self._reports.get()) is not None:
            try:
                report()
            except Exception:
                _LOGGER.exception("a report failed")


def resolve(future: StepFuture, outcome: Outcome) -> None:
    """Resolve a future as its step ended; one that its user cancelled stays cancelled."""
    if not future.running():
        if outcome.state is StepState.CANCELLED:
            Future.cancel(future)
        # Its user may cancel it in the moment in which it is refused or skipped.
        if not future.set_running_or_notify_cancel():
            return
    if outcome.done:
        future.set_result(outcome)
    else:
        future.set_exception(
            StepError(
                f"{outcome.step} {outcome.state.value}: {outcome.reason}",
                hint=outcome.hint or (f"its log: {outcome.log}" if outcome.log else ""),
                outcome=outcome,
            )
        )
