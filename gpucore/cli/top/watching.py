"""The live view as it goes on: pictures come from one thread, keys and drawing are the other's."""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.cli.endings import ENDING
from gpucore.cli.top.cancelling import Cancellations
from gpucore.cli.top.layout import draw
from gpucore.cli.top.logged_aside import LoggedAside
from gpucore.cli.top.screen import Screen, Signals, TerminalGoneError
from gpucore.cli.top.tail import LogTail
from gpucore.cli.top.view import Cancel, Extent, LogOf, Mode, Quit, Redraw, Suspend, View

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.cli.top.gathering import Gatherer
    from gpucore.cli.top.picture import Picture
    from gpucore.cli.top.view import Action

__all__ = ["watch"]

_SIGNALLED = 128
_FRAME = 5
"""Lines of the screen that are never a log's, or a table's."""

_LAST_LOOK = 1.5
_ONCE_A_SECOND = 1.0


def watch(gatherer: Gatherer, interval: float) -> int:
    """Show the machine until somebody leaves; return the exit status.

    Parameters
    ----------
    gatherer : Gatherer
        Looks at it.
    interval : float
        Seconds between two looks.
    """
    cancellations = Cancellations()
    with LoggedAside() as logged, Signals() as signals:
        looking = _Looking(gatherer, interval, signals.wake)
        looking.start()
        try:
            with Screen() as screen:
                code = _Watch(screen, signals, looking, logged, cancellations).run()
        except TerminalGoneError:
            code = _SIGNALLED + signal.SIGHUP
        finally:
            looking.end()
    cancellations.finish()
    return code


class _Looking(threading.Thread):
    """Makes a picture again and again.

    A driver that hangs must neither keep the screen from being drawn, nor a person from leaving:
    so it is a thread, and one that Python does not wait for.
    """

    def __init__(self, gatherer: Gatherer, interval: float, tell: Callable[[], None]) -> None:
        super().__init__(name="gpucore-top-looking", daemon=True)
        self.picture: Picture | None = None
        self.fault: Exception | None = None
        self._gatherer = gatherer
        self._interval = interval
        self._tell = tell
        self._ended = threading.Event()

    def run(self) -> None:
        try:
            while not self._ended.is_set():
                self.picture = self._gatherer.take()
                self._tell()
                self._ended.wait(self._interval)
        except Exception as error:  # noqa: BLE001 - told by the other thread, as any fault of ours
            self.fault = error
            self._tell()

    def end(self) -> None:
        """Have it end, and wait a moment for that."""
        self._ended.set()
        self.join(_LAST_LOOK)


class _Watch:
    """What the screen shows, and what follows from keys and signals."""

    def __init__(
        self,
        screen: Screen,
        signals: Signals,
        looking: _Looking,
        logged: LoggedAside,
        cancellations: Cancellations,
    ) -> None:
        self._screen = screen
        self._signals = signals
        self._looking = looking
        self._logged = logged
        self._view = View()
        self._seen: Picture | None = None
        self._picture: Picture | None = None
        self._cancellations = cancellations
        self._log: LogTail | None = None
        self._log_of: LogOf | None = None

    def run(self) -> int:
        """Go on until somebody leaves; return the exit status."""
        while True:
            self._draw()
            for key in self._screen.wait(self._signals, _ONCE_A_SECOND):
                # Without a picture there is nothing to do but leave.
                if (ended := self._press(key)) is not None:
                    return ended
            for number in self._signals.take():
                if number in ENDING:
                    return _SIGNALLED + number
                if number == signal.SIGCONT:
                    self._screen.give_back()
                    self._screen.take()
            if self._looking.fault is not None:
                raise self._looking.fault
            if said := self._cancellations.take():
                self._view.message = said

    def _draw(self) -> None:
        if self._looking.picture is not self._seen and self._looking.picture is not None:
            self._seen = self._looking.picture
            notes = (*self._seen.notes, *self._logged.texts)
            self._picture = replace(self._seen, notes=notes)
            self._view.settle(self._picture)
        self._follow()
        width, height = self._screen.size
        lines = list(self._log.lines) if self._log is not None else []
        self._screen.draw(draw(self._picture, self._view, width, height, log=lines))

    def _press(self, key: str) -> int | None:
        if self._picture is None:
            return 0 if key == "q" else _SIGNALLED + signal.SIGINT if key == "ctrl-c" else None
        lines = len(self._log.lines) if self._log is not None else 0
        frame = 2 if self._view.mode is Mode.LOG else _FRAME
        extent = Extent(max(1, self._screen.size[1] - frame), lines)
        action = self._view.press(key, self._picture, extent)
        self._follow()
        return self._do(action)

    def _do(self, action: Action | None) -> int | None:
        if isinstance(action, Quit):
            return action.code
        if isinstance(action, Cancel):
            self._view.message = self._cancellations.begin(action)
        elif isinstance(action, Redraw):
            self._screen.give_back()
            self._screen.take()
        elif isinstance(action, Suspend):
            self._screen.give_back()
            # This thread's, so that nothing is drawn before it counts; without a shell that
            # controls jobs the kernel ignores it.
            signal.raise_signal(signal.SIGTSTP)
            self._screen.take()
        return None

    def _follow(self) -> None:
        """Look at the log that is chosen, also when its step is tried again."""
        wanted = self._view.log
        if wanted is None:
            self._log, self._log_of = None, None
            return
        wanted = self._view.log = self._latest(wanted)
        if wanted != self._log_of or self._log is None:
            self._log, self._log_of = LogTail(wanted.folder, wanted.log), wanted
        self._view.grown(self._log.look())

    def _latest(self, wanted: LogOf) -> LogOf:
        run = self._picture.run(wanted.run) if self._picture is not None else None
        for step in run.steps if run is not None else ():
            if step.step == wanted.step and step.log and step.attempt > wanted.attempt:
                return LogOf(wanted.run, wanted.folder, step.step, step.log, step.attempt)
        return wanted
