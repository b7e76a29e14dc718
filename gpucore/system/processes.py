"""Starting a program, waiting for it, and ending it with all of its children.

Every program has a session, and so a process group, of its own: a Ctrl-C in the terminal reaches
gpucore alone, which then ends its programs in order. Its output goes straight into a file, never
through a pipe into our memory.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from typing import IO, TYPE_CHECKING

from gpucore.errors import ProgramError

if TYPE_CHECKING:
    from gpucore.plugins.offers import Prepared

__all__ = ["GRACE", "RunningProgram"]

GRACE = 10.0
"""Seconds between asking a program to end (TERM) and ending it (KILL)."""


class RunningProgram:
    """A program that was started, until it is waited for.

    Parameters
    ----------
    prepared : Prepared
        What to start.

    Raises
    ------
    OSError
        When it cannot be started, or its log cannot be written.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._lock = threading.Lock()
        self._reaped = False
        self._killer: threading.Timer | None = None
        with contextlib.ExitStack() as opened:
            log = opened.enter_context(open(prepared.log, "ab", 0))  # noqa: PTH123 - twice as fast
            stdin: int = subprocess.DEVNULL
            if prepared.stdin is not None:
                stdin = opened.enter_context(_text_file(prepared.stdin)).fileno()
            self._process = subprocess.Popen(
                prepared.argv,
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=prepared.cwd,
                env=prepared.env,
                start_new_session=True,
                pass_fds=prepared.fds,
            )
        self.pid = self._process.pid

    def wait(self) -> int:
        """Wait for the program, end what it left in its process group, return its exit code.

        Returns
        -------
        int
            Negative for the signal that ended it.

        Raises
        ------
        ProgramError
            When the host took its exit code: it ignores SIGCHLD, or waits for every child.
        """
        # Not reaped yet: its number, which is its group's, cannot be another's meanwhile.
        try:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            with self._lock:
                self._reaped = True
                self._process.wait()  # it cannot block, and says 0 whatever the program said
            raise ProgramError(
                "the program ended, but its exit code is lost",
                hint="do not ignore SIGCHLD, nor wait for children of others, in the host process",
            ) from None
        with self._lock:
            self._signal(signal.SIGKILL)
            code = self._process.wait()
            self._reaped = True
            if self._killer is not None:
                self._killer.cancel()
        return code

    def over_limit(self, wall: float | None, quiet: float | None, log: str) -> str:
        """Wait until the program ends or breaks a limit; return which, empty when it ended.

        Parameters
        ----------
        wall, quiet : float or None
            Seconds that it may take, and that it may print nothing new.
        log : str
            Where it prints.
        """
        begun = heard = time.monotonic()
        size = 0
        with contextlib.closing(_ProcessDescriptor(self.pid)) as descriptor:
            while True:
                now = time.monotonic()
                if wall is not None and now >= begun + wall:
                    return f"it ran for {wall:g} seconds"
                if quiet is not None and now >= heard + quiet:
                    return f"it printed nothing for {quiet:g} seconds"
                ends = [] if wall is None else [begun + wall - now]
                if quiet is not None:
                    # Looked at twice in the time, so that the limit is met within half of it.
                    ends.append(min(quiet / 2, heard + quiet - now))
                if descriptor.ended_within(min(ends)):
                    return ""
                if quiet is not None and (grown := _size(log)) != size:
                    size, heard = grown, time.monotonic()

    def stop(self) -> None:
        """Ask the program and its children to end, and end them after `GRACE` seconds."""
        with self._lock:
            if self._reaped or self._killer is not None:
                return
            self._signal(signal.SIGTERM)
            self._killer = threading.Timer(GRACE, self.kill)
            self._killer.daemon = True
            self._killer.name = f"gpucore-kill-{self.pid}"
            self._killer.start()

    def kill(self) -> None:
        """End the program and its children at once."""
        with self._lock:
            if not self._reaped:
                self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


class _ProcessDescriptor:
    """Tells when a process has ended, without reaping it."""

    def __init__(self, pid: int) -> None:
        self._descriptor = os.pidfd_open(pid)

    def ended_within(self, seconds: float) -> bool:
        """Wait for its end, but no longer than this."""
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._descriptor)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116 - a string is what there is
    except OSError:
        return 0


def _text_file(text: str) -> IO[bytes]:
    """Return an open, nameless file that holds a text, to be read from its start."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's ExitStack closes it
    file.write(text.encode("utf-8", "surrogateescape"))
    file.seek(0)
    return file
