"""What Ctrl-C and other signals do to a run."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

from gpucore.cli.endings import ENDING, refuse_ended

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
        self._before: dict[int, Any] = {}
        self._wakeup_before = -1

    def __enter__(self) -> Interruption:
        # A signal that came before the pipe was there, and whose handler was changed before Python
        # called it, would be lost: one that came already is obeyed by this call, and one that
        # comes now waits until all is in place.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        try:
            self._thread.start()
            self._wakeup_before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
            for number in ENDING:
                # `nohup`, or a job in the background: the run is to outlive it.
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, lambda *_: None)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        try:
            refuse_ended()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._writing)
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
