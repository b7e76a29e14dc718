"""Devices read in a child process, each question with a deadline.

A sick driver can keep its caller for minutes (NVIDIA/go-nvml issue 152, leptonai/gpud PR 117), and
a thread that it keeps cannot be ended: so the answer never comes from a thread of ours.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DeviceReader", "ReaderEndedError"]

_CHILD = Path(__file__).absolute().with_name("device_child.py")
_LAST_SECONDS = 0.9
_LAST_WORDS = 4096
# A host may have SIGPIPE end it, as command-line tools do: the end of a child must not.
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)

_LEFT: list[subprocess.Popen[bytes]] = []
"""Children that a driver keeps from being ended: looked at again when another is ended."""


class ReaderEndedError(Exception):
    """The child process ended without an answer; its text is what it said last."""


class DeviceReader:
    """A child process that reads devices; used by one thread.

    Parameters
    ----------
    module : str
        What it reads with: ``nvml_child``, ``amd_child``.
    environment : Mapping
        What it runs in.

    Raises
    ------
    DeviceError
        When it cannot be started.
    """

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        python = sys.executable or str(Path(sys.base_prefix) / "bin" / "python3")
        self._connection, theirs = socket.socketpair()
        self._asked = ""
        self._asked_at = 0.0
        self._answer = bytearray()
        self._said = bytearray()
        try:
            # Not in a `with` block: that would wait for a child that the driver does not let go.
            self._child = subprocess.Popen(
                [python, str(_CHILD), module],
                env=dict(environment),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                cwd="/",
                start_new_session=True,  # a Ctrl-C in the terminal is not meant for it
            )
        except OSError as error:
            self._connection.close()
            raise DeviceError(
                f"devices cannot be read: {python} cannot be started ({error.strerror})",
                hint="look at the limits of this user (`ulimit -a`), and at the Python in use",
                code="E607",
            ) from error
        finally:
            theirs.close()

    @property
    def waits(self) -> float:
        """Seconds since the question that has no answer yet; 0 when there is none."""
        return time.monotonic() - self._asked_at if self._asked else 0.0

    def ask(self, question: str, timeout: float) -> dict[str, object]:
        """Return the answer to ``devices`` or ``snapshot``, see `gpucore.system.device_child`.

        Parameters
        ----------
        question : str
            The one that a `TimeoutError` left without an answer is not asked a second time.
        timeout : float
            Seconds to wait.

        Raises
        ------
        TimeoutError
            When there is no answer in that time.
        ReaderEndedError
            When there will be none.
        """
        deadline = time.monotonic() + timeout
        while True:
            if not self._asked:
                self._send(question)
            while b"\n" not in self._answer:
                self._listen(deadline)
            line, _, rest = bytes(self._answer).partition(b"\n")
            self._answer = bytearray(rest)
            asked, self._asked = self._asked, ""
            if asked == question:
                answer: dict[str, object] = json.loads(line)
                return answer

    def kill(self) -> None:
        """Have the child end, if the driver lets it; then `ask` raises `ReaderEndedError`."""
        self._child.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """End the child; leave it alone when even that does not end it."""
        self.kill()
        self._connection.close()
        if self._child.stderr is not None:
            self._child.stderr.close()
        _LEFT[:] = [one for one in _LEFT if one.poll() is None]
        try:
            self._child.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            _LEFT.append(self._child)

    def _send(self, question: str) -> None:
        self._asked, self._asked_at = question, time.monotonic()
        # One that has ended is noticed when it is listened to, with what it said.
        with contextlib.suppress(OSError):
            line = json.dumps({"ask": question}).encode("ascii") + b"\n"
            self._connection.sendall(line, _NO_SIGNAL)

    def _listen(self, deadline: float) -> None:
        """Take in something that the child says."""
        said = self._child.stderr
        assert said is not None  # noqa: S101 - it was started with a pipe
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        poll.register(said, select.POLLIN)
        left = max(deadline - time.monotonic(), 0.0)
        ready = [descriptor for descriptor, _ in poll.poll(left * 1000)]
        if not ready:
            raise TimeoutError(f"no answer of the child process {self._child.pid}")
        if said.fileno() in ready:
            self._said += os.read(said.fileno(), _LAST_WORDS)
            del self._said[:-_LAST_WORDS]
        if self._connection.fileno() in ready:
            received = self._received()
            if not received:
                raise ReaderEndedError(self._last_words())
            self._answer += received

    def _received(self) -> bytes:
        try:
            return self._connection.recv(1 << 16)
        except ConnectionError:
            return b""

    def _last_words(self) -> str:
        """Return the last line that an ended child said, or how it ended."""
        try:
            _, rest = self._child.communicate(timeout=_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            return "it does not end"
        lines = bytes(self._said + rest).decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._child.returncode}"
