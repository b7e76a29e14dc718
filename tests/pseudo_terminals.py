"""A process on a pseudo-terminal: what it draws is read until something has been drawn."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["OnTerminal"]

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class OnTerminal:
    """Runs a command whose standard error is a terminal of 100 columns.

    Parameters
    ----------
    argv : sequence of str
        The command.
    cwd : Path
        Where it runs.
    env : Mapping
        Its environment.
    """

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        self.process = subprocess.Popen(
            argv, cwd=cwd, env={**env, "TERM": "xterm-256color"},
            stdin=slave, stdout=subprocess.PIPE, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self._raw = b""

    @property
    def raw(self) -> str:
        """All that was written so far."""
        return self._raw.decode(errors="replace")

    @property
    def raw_bytes(self) -> bytes:
        """The same, byte for byte."""
        return self._raw

    @property
    def text(self) -> str:
        """The same without what only moves and colours."""
        return _CONTROL.sub("", self.raw)

    def read_until(self, pattern: str) -> str:
        """Read until the text holds a pattern; return what matched."""
        while (found := re.search(pattern, self.text)) is None:
            assert self._read(), f"it ended without {pattern!r}:\n{self.text}"
        return found.group()

    def finish(self) -> int:
        """Read to the end; return the exit code."""
        while self._read():
            pass
        os.close(self._master)
        self.process.communicate()
        return self.process.returncode

    def _read(self) -> bytes:
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # Linux says EIO when the last writer is gone
            return b""
        self._raw += piece
        return piece
