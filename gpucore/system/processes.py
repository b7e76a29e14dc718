"""The programs of a run: started by its shepherd, told of when they end, ended with their children.

Every program has a session, and so a process group, of its own: a Ctrl-C in the terminal reaches
gpucore alone, which then ends its programs in order. Its output goes straight into a file, never
through a pipe into our memory.
"""

from __future__ import annotations

import array
import contextlib
import logging
import math
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from gpucore.errors import ProgramError
from gpucore.system import shepherd
from gpucore.system.orphans import SHEPHERD_MARK
from gpucore.system.shepherd import Frames, frame

if TYPE_CHECKING:
    from gpucore.plugins.offers import Prepared

__all__ = ["Listener", "Programs"]

_LOGGER = logging.getLogger(__name__)

# A host may have SIGPIPE end it, as command-line tools do: the end of a shepherd must not.
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)


class Listener(Protocol):
    """Who is told of programs, on a thread that has to come back soon."""

    def started(self, key: int, when: float) -> None:
        """Hear that a program runs, since then (seconds since the epoch)."""

    def failed(self, key: int, error: OSError) -> None:
        """Hear that a program could not be started."""

    def lost(self, key: int) -> None:
        """Hear that how a program ended, or whether it was started, will never be known."""

    def ended(self, key: int, code: int, *, survived: bool, started: float, when: float) -> None:
        """Hear that a program ended; its exit code is negative for a signal.

        ``survived``: processes that it started are still there, and hold its descriptors.
        """

    def look(self) -> float | None:
        """Do what is due by the clock; return the seconds until something is again."""


class Programs:
    """The programs that one shepherd starts and waits for.

    Parameters
    ----------
    run : str
        The run, for whoever looks for its shepherd when the host is gone.
    listener : Listener
        Told of programs; each key gets ``failed``, or ``started`` (if that is to be told) and then
        ``ended``; or, at any time and last, ``lost``, when the shepherd was killed.

    Raises
    ------
    ProgramError
        When the shepherd cannot be started.
    """

    def __init__(self, run: str, listener: Listener) -> None:
        self._listener = listener
        self._sending = threading.Lock()
        self._open: set[int] = set()
        self._taken: list[int] = []
        self._gone = False
        self._connection, theirs = socket.socketpair()
        with theirs:
            process = _start_shepherd(run, theirs.fileno())
        self._process: subprocess.Popen[bytes] | None = process
        self._frames = Frames(self._connection)

    def start(self, key: int, prepared: Prepared, *, tell: bool = True) -> bool:
        """Have a program started; the listener is told of what becomes of it.

        ``tell``: also of when it runs, and not only of its end.

        Returns
        -------
        bool
            False when the shepherd is gone, and nothing will be told.

        Raises
        ------
        OSError
            When the text for its standard input cannot be laid down.
        """
        environment = {_encoded(name): _encoded(text) for name, text in prepared.env.items()}
        argv = [os.fsencode(one) for one in prepared.argv]
        with contextlib.ExitStack() as opened:
            fds = list(prepared.fds)
            if prepared.stdin is not None:
                fds.insert(0, opened.enter_context(_text_file(prepared.stdin)).fileno())
            with self._sending:
                if self._gone:
                    return False
                taken, self._taken = self._taken, []
                self._open.add(key)
                program = {
                    "key": key,
                    "argv": argv,
                    "env": environment,
                    "cwd": os.fsencode(prepared.cwd),
                    "log": os.fsencode(prepared.log),
                    "status": os.fsencode(prepared.status),
                    "descriptors": len(fds),
                    "stdin": prepared.stdin is not None,
                    "tell": tell,
                    "taken": taken,
                }
                self._send(frame(("start", program)), fds)
        return True

    def stop(self, key: int, seconds: float) -> None:
        """Ask a program and its group to end, and end them after so many seconds; 0: at once."""
        with self._sending:
            self._send(frame(("stop", key, seconds)))

    def take(self, key: int) -> None:
        """Note that a program's end is on record: its exit code need not be kept any more."""
        with self._sending:
            self._taken.append(key)

    def close(self) -> None:
        """Let the shepherd go; nothing that it started is left."""
        with self._sending:
            self._send(frame(("close",)))
            with contextlib.suppress(OSError):
                self._connection.shutdown(socket.SHUT_WR)

    def _send(self, data: bytes, fds: list[int] | None = None) -> None:
        # A shepherd that is gone is noticed by whoever listens, who tells of every program.
        with contextlib.suppress(OSError):
            if fds:
                beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
                data = data[self._connection.sendmsg([data], beside, _NO_SIGNAL) :]
            if data:
                self._connection.sendall(data, _NO_SIGNAL)

    def listen(self) -> bool:
        """Wait for news of programs, and tell the listener; False: there will be no more.

        By one thread at a time.
        """
        if self._process is not None:
            self._process.wait()  # it leaves a child of its own, which is not ours to wait for
            self._process = None
        listener = self._listener
        try:
            messages = self._hear()
        except Exception:
            # Whoever is not heard of any more would be waited for without end.
            _LOGGER.exception("what became of the programs of this run cannot be heard")
            messages = None
        if messages is None:
            self._lose()
            return False
        for what, key, *more in messages:
            if what == "started":
                listener.started(key, more[1])
                continue
            self._open.discard(key)
            if what == "ended":
                code, survived, started, when = more
                listener.ended(key, code, survived=survived, started=started, when=when)
            else:
                number, file, _ = more
                listener.failed(key, OSError(number, os.strerror(number), os.fsdecode(file)))
        return True

    def _hear(self) -> list[Any] | None:
        """Wait for news, and see to limits meanwhile; None: there will be no more."""
        news = select.poll()  # `select.select` refuses descriptors from 1,024 on
        news.register(self._connection, select.POLLIN)
        while (seconds := self._listener.look()) is not None:
            if news.poll(math.ceil(seconds * 1000)):
                break
        return self._frames.read()

    def _lose(self) -> None:
        with self._sending:
            self._gone = True
            left, self._open = self._open, set()
            self._connection.close()
        for key in left:
            self._listener.lost(key)


@lru_cache(maxsize=4096)
def _encoded(text: str) -> bytes:
    """Return a text of an environment, which hardly changes from step to step, as bytes."""
    return os.fsencode(text)


def _start_shepherd(run: str, connection: int) -> subprocess.Popen[bytes]:
    python = sys.executable or str(Path(sys.base_prefix) / "bin" / "python3")
    argv = [python, "-I", "-S", shepherd.__file__, str(os.getpid()), str(connection)]
    environment = {**os.environ, SHEPHERD_MARK: run}
    # What it inherits must not look like a step's: it is not ended with the step it may run in.
    environment.pop("GPUCORE_STEP", None)
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # what the host's output goes to must not be kept open
            cwd="/",
            env=environment,
            start_new_session=True,
            pass_fds=[connection],
        )
    except OSError as error:
        raise ProgramError(
            f"no program can be started: {python} cannot be run ({error.strerror})",
            hint="run gpucore by a Python that can start itself anew",
            code="E500",
        ) from error


def _text_file(text: str) -> IO[bytes]:
    """Return an open, nameless file that holds a text, to be read from its start."""
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's ExitStack closes it
    file.write(text.encode("utf-8", "surrogateescape"))
    file.seek(0)
    return file
