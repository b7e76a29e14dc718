"""A program on a pseudo-terminal, and the screen as a person sees it: emulated by pyte."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, Any

import pyte

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["OnScreen"]

_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # it is to be told when the terminal goes
os.execvp(sys.argv[1], sys.argv[1:])
"""
_MOST_READS = 300
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


class OnScreen:
    """Runs a command whose standard streams are a terminal.

    Parameters
    ----------
    argv : sequence of str
        The command.
    cwd : Path
        Where it runs.
    env : Mapping
        Its environment.
    columns, lines : int
        The size of the terminal.
    """

    def __init__(
        self,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        *,
        columns: int = 100,
        lines: int = 30,
    ) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._master, self._slave = pty.openpty()
        self._set_size(columns, lines)
        self.modes = self._modes()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_TERMINAL, *argv], cwd=cwd,
            env={"TERM": "xterm-256color", **env},
            stdin=self._slave, stdout=self._slave, stderr=self._slave, start_new_session=True,
        )  # fmt: skip
        self.raw = b""

    @property
    def lines(self) -> list[str]:
        """The screen, line by line."""
        return [line.rstrip() for line in self._screen.display]

    @property
    def text(self) -> str:
        """The screen."""
        return "\n".join(self.lines)

    def read_until(self, pattern: str) -> str:
        """Read until the screen holds a pattern; return what matched."""
        for _ in range(_MOST_READS):
            if (found := re.search(pattern, self.text, re.MULTILINE)) is not None:
                return found.group()
            assert self._read(), f"it ended without {pattern!r}:\n{self.text}"
        raise AssertionError(f"it never showed {pattern!r}:\n{self.text}")

    def type(self, keys: str) -> None:
        """Type something."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Make the terminal another size, as dragging at its window does."""
        self._screen.resize(lines, columns)
        self._set_size(columns, lines)

    def finish(self) -> int:
        """Read to the end; return the exit code. The terminal must have been given back."""
        while self.process.poll() is None or select.select([self._master], [], [], 0)[0]:
            if select.select([self._master], [], [], 0.05)[0]:
                self._read()
        assert self._modes() == self.modes, "the terminal was not given back"
        assert self.raw.rfind(LEAVE) >= self.raw.rfind(ENTER)
        assert self.raw.rfind(SHOW) >= self.raw.rfind(HIDE)
        self.close()
        return self.process.returncode

    def hang_up(self) -> int:
        """Close the terminal; return the exit code."""
        self.close()
        return self.process.wait()

    def close(self) -> None:
        """Let go of the terminal."""
        for end in (self._slave, self._master):
            with contextlib.suppress(OSError):
                os.close(end)

    def _read(self) -> bytes:
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # Linux says EIO when the last writer is gone
            return b""
        self.raw += piece
        self._stream.feed(piece)
        return piece

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _modes(self) -> list[Any]:
        return termios.tcgetattr(self._slave)
