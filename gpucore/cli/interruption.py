"""What Ctrl-C and other signals do to a run."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from gpucore.cli.endings import ENDING, heard_through

if TYPE_CHECKING:
    from gpucore.cli.progress import LinePrinter
    from gpucore.executor import StepExecutor

__all__ = ["Interruption"]


class Interruption:
    """Ends what runs on SIGINT, SIGTERM or SIGHUP; the second ends it at once.

    No handler does the work: one that raised could leave the machine in the middle of an event,
    and the kernel may give a signal to a thread that is not the main one, whose wait then goes on
    and on. The number of the signal is read from a pipe instead, by a thread of its own.

    Attributes
    ----------
    signal : int
        The first that came; 0: none did.
    """

    def __init__(self, executor: StepExecutor, display: LinePrinter) -> None:
        self.signal = 0
        self._executor = executor
        self._display = display
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._thread = threading.Thread(target=self._obey, name="gpucore-interruption")
        self._hearing = heard_through(self._writing, self._thread.start)

    def __enter__(self) -> Interruption:
        try:
            self._hearing.__enter__()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._hearing.__exit__(None, None, None)
        self._end()

    def _end(self) -> None:
        os.close(self._writing)
        if self._thread.is_alive():
            self._thread.join()
        os.close(self._reading)

    def _obey(self) -> None:
        while number := os.read(self._reading, 1):
            if number[0] not in ENDING:
                continue
            now = bool(self.signal)
            self.signal = self.signal or number[0]
            if not now:
                self._display.say(
                    "stopping: programs are asked to end (Ctrl-C again ends them at once)"
                )
            self._executor.stop(now=now)
