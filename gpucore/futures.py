"""How hosts are told: a future for each step, and the thread that resolves them."""

from __future__ import annotations

import contextlib
import logging
import queue
import sys
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from gpucore.errors import ParameterError, StepError
from gpucore.standard.model import Outcome, StepState

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

__all__ = ["Owner", "Reporter", "StepFuture", "check_owned", "interrupts", "resolve"]

_LOGGER = logging.getLogger(__name__)


class Owner(Protocol):
    """Whoever submits steps and numbers them."""

    def catch_up(self) -> None: ...  # noqa: D102 - numbers what was submitted


class StepFuture(Future[Outcome]):
    """The future of one step: its `Outcome`, or the `StepError` that carries it.

    It may be awaited in an asyncio program; a task that is cancelled there cancels the step.

    Attributes
    ----------
    owner : object
        Whoever submits it.
    """

    def __init__(self, owner: Owner, cancelled: Callable[[int], None]) -> None:
        super().__init__()
        self.owner = owner
        self._number = -1
        self._cancelled = cancelled

    @property
    def number(self) -> int:
        """The step's number in its run: it counts what was submitted before."""
        if self._number < 0:
            self.owner.catch_up()
        return self._number

    @number.setter
    def number(self, number: int) -> None:
        self._number = number

    def cancel(self) -> bool:
        """Cancel the step; if it runs, its program is ended. What hangs on it is skipped.

        Returns
        -------
        bool
            Whether it is cancelled now. False: it has ended, or its program is being ended, and
            the future gets the `StepError` that says so (`asyncio` cannot ask for more than this).
        """
        try:
            return super().cancel()
        finally:  # whatever a callback raises; a step that has ended minds nothing
            self._cancelled(self.number)

    def __await__(self) -> Generator[object, None, Outcome]:
        """Wait for it in an event loop."""
        import asyncio  # noqa: PLC0415 - only hosts that use it pay for it

        return (yield from asyncio.wrap_future(self).__await__())


class Reporter:
    """Tells hosts of what is on disk: on a thread of its own, which their callbacks may keep.

    The journal's thread must not wait for a host, and the engine's threads have programs to start.
    """

    def __init__(self) -> None:
        self._reports: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._is_over = False

    def put(self, report: Callable[[], None]) -> None:
        """Have a report made, after all that were put before."""
        self._reports.put(report)
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._is_over:
                    self._thread = threading.Thread(
                        target=self._work, name="gpucore-reporter", daemon=True
                    )
                    self._thread.start()
        # Whoever comes when it has ended, or in that moment, makes the report: nobody else will.
        if self._is_over:
            self._make_left()

    def close(self) -> None:
        """Make the reports that are left, and end."""
        with self._lock:
            if self._thread is None:
                self._is_over = True
                return
        self._reports.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _work(self) -> None:
        while (report := self._reports.get()) is not None:
            _make(report)
        self._is_over = True
        self._make_left()

    def _make_left(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                if (report := self._reports.get_nowait()) is not None:
                    _make(report)


def _make(report: Callable[[], None]) -> None:
    try:
        report()
    except BaseException:  # whoever raises it: the next ones are waited for
        _LOGGER.exception("a report failed")


def check_owned(steps: Sequence[StepFuture], owner: object) -> None:
    """Refuse, among the steps that another one waits for, those of somebody else.

    Raises
    ------
    ParameterError
        For what is no step of this owner's.
    """
    for one in steps:
        if not isinstance(one, StepFuture) or one.owner is not owner:
            raise ParameterError(
                f"`after` holds {one!r}, which is no step of this executor",
                hint="give the futures that this executor's own `submit` returned",
                code="E804",
            )


def resolve(future: StepFuture, outcome: Outcome) -> None:
    """Resolve a future as its step ended; one that its user cancelled stays cancelled.

    What a callback of its user raises is logged, and nothing else hears of it.
    """
    try:
        _resolve(future, outcome)
    except BaseException:
        if interrupts():
            raise
        _LOGGER.exception("a callback of %s failed", outcome.step)


def interrupts() -> bool:
    """Say whether what is being raised is the user's Ctrl-C, and not a callback's own fault."""
    ours = threading.current_thread() is threading.main_thread()
    return ours and isinstance(sys.exc_info()[1], KeyboardInterrupt)


def _resolve(future: StepFuture, outcome: Outcome) -> None:
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
