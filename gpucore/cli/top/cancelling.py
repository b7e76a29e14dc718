"""The cancelling of runs and steps, while the view goes on."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING

from gpucore.cli.terminal import clean, talk
from gpucore.system.orphans import end_all

if TYPE_CHECKING:
    from gpucore.cli.top.picture import StepNow
    from gpucore.cli.top.view import Cancel

__all__ = ["Cancellations"]


class Cancellations:
    """What is being cancelled."""

    def __init__(self) -> None:
        self._runs: list[tuple[str, subprocess.Popen[bytes], IO[bytes]]] = []
        self._steps: list[threading.Thread] = []
        self._said: queue.SimpleQueue[str] = queue.SimpleQueue()

    def begin(self, wanted: Cancel) -> str:
        """Begin to cancel something; return what is to be said of it."""
        if wanted.step is not None:
            name = clean(wanted.step.step)
            thread = threading.Thread(target=self._end, args=(wanted.step, name), name=name)
            thread.start()
            self._steps.append(thread)
            return f"ending {name} …"
        return self._cancel(wanted.run.folder)

    def take(self) -> str:
        """Return what was said since the last call; empty when nothing was."""
        for one in [one for one in self._runs if one[1].poll() is not None]:
            folder, process, told = one
            self._runs.remove(one)
            with told:
                told.seek(0)
                lines = told.read(4096).decode("utf-8", "replace").strip().splitlines()
            last = f": {clean(lines[-1])}" if lines else ""
            how = "" if process.returncode == 0 else f" (exit code {process.returncode})"
            self._said.put(f"{clean(folder)}{last}{how}")
        said = []
        with contextlib.suppress(queue.Empty):
            while True:
                said.append(self._said.get_nowait())
        return " · ".join(said)

    def finish(self) -> None:
        """Wait for steps: a program that does not end when it is asked is killed after that."""
        for thread in self._steps:
            if thread.is_alive():
                with contextlib.suppress(OSError):  # the terminal may be gone
                    talk(f"waiting until {thread.name} has ended")
                thread.join()

    def _cancel(self, folder: str) -> str:
        """Call `gpucore cancel`, which goes on when the view is left."""
        try:
            told: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it has ended
        except OSError as error:
            return f"it cannot be cancelled ({error.strerror})"
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "gpucore.cli", "cancel", "--", folder],
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                start_new_session=True,
                # Python takes modules from there first: of this folder anybody may be the owner.
                cwd="/",
            )
        except OSError as error:
            told.close()
            return f"it cannot be cancelled ({error.strerror})"
        self._runs.append((folder, process, told))
        return f"cancelling {clean(folder)} …"

    def _end(self, step: StepNow, name: str) -> None:
        try:
            count = end_all((step.mark,), step.step)
        except OSError as error:
            self._said.put(f"{name} cannot be ended ({error.strerror})")
            return
        self._said.put(f"{name} was ended" if count else f"nothing of {name} runs any more")
