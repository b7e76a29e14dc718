"""A terminal taken over and given back: keys are read one by one, and a whole screen is drawn."""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import sys
import termios
import threading
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.segment import Segment
from rich.style import Style

from gpucore.cli.endings import heard_through
from gpucore.cli.manner import no_colour
from gpucore.cli.top.keys import KeyDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import ConsoleOptions, RenderResult

    from gpucore.cli.top.layout import Line

__all__ = ["Screen", "Signals", "TerminalGoneError", "can_draw"]

_STYLES = {
    "": Style.null(),
    "title": Style.parse("bold reverse"),
    "head": Style.parse("bold"),
    "focus": Style.parse("bold underline"),
    "chosen": Style.parse("reverse"),
    "bad": Style.parse("red"),
    "odd": Style.parse("yellow"),
    "dim": Style.parse("dim"),
}
_ESCAPE_WAIT = 0.05
"""Seconds after which an escape is the key itself, and not the beginning of another's bytes."""


class TerminalGoneError(Exception):
    """Nobody is at the terminal any more."""


def can_draw() -> bool:
    """Return whether there is a terminal that a picture can be drawn on, and keys come from."""
    dumb = os.environ.get("TERM", "") in {"", "dumb", "unknown"}
    # A stream that was closed before Python began is None.
    streams = (sys.stdin, sys.stdout)
    return all(one is not None and one.isatty() for one in streams) and not dumb


class _Lines:
    """Lines as rich draws them."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        last = len(self._lines) - 1
        for place, line in enumerate(self._lines):
            yield Segment(line.text, _STYLES[line.style])
            if place < last:
                yield Segment.line()


class Signals:
    """Hears of signals without being broken into: their numbers come out of a pipe.

    A handler that raised could leave an escape sequence half written. A zero in the pipe is no
    signal, but another thread's word that there is something new.
    """

    def __init__(self) -> None:
        self.reading, self._writing = os.pipe()
        for end in (self.reading, self._writing):
            os.set_blocking(end, False)
        self._hearing = heard_through(self._writing, bool, signal.SIGWINCH, signal.SIGCONT)
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Signals:
        try:
            self._hearing.__enter__()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._hearing.__exit__(None, None, None)
        self._close()

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            os.close(self._writing)
            os.close(self.reading)

    def wake(self) -> None:
        """Say that there is something new; for other threads."""
        # Closed, the number of the pipe may be another file's.
        with self._lock, contextlib.suppress(BlockingIOError):
            if not self._closed:
                os.write(self._writing, b"\0")

    def take(self) -> list[int]:
        """Return the numbers that came."""
        try:
            return list(os.read(self.reading, 4096))
        except BlockingIOError:
            return []


class Screen:
    """The terminal on standard input and output, as long as it is ours.

    Raises
    ------
    TerminalGoneError
        By every call, when the terminal was closed.
    """

    def __init__(self) -> None:
        self._input = sys.stdin.fileno()
        self._before: list[Any] = []
        self._decoder = KeyDecoder()
        # A stream of our own: what the terminal's encoding cannot write must not end the view.
        self._stream = open(  # noqa: PTH123, SIM115 - closed in __exit__
            os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors="replace"
        )
        self._console = Console(
            file=self._stream, force_terminal=True, highlight=False, no_color=no_colour()
        )
        self._live: Live | None = None

    def __enter__(self) -> Screen:
        self.take()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(TerminalGoneError):
            self.give_back()
        with contextlib.suppress(OSError):
            self._stream.close()

    @property
    def size(self) -> tuple[int, int]:
        """Its width and height in cells, as they are now."""
        try:
            size = os.get_terminal_size(self._stream.fileno())
        except OSError:
            raise TerminalGoneError from None
        # One that does not say has none.
        return (size.columns, size.lines) if size.columns and size.lines else (80, 24)

    def take(self) -> None:
        """Take it over: keys come as they are typed, and the other screen is shown."""
        try:
            if not self._before:
                self._before = termios.tcgetattr(self._input)
            raw = self._before.copy()
            raw[6] = raw[6].copy()
            raw[0] &= ~(termios.IXON | termios.ICRNL | termios.INLCR | termios.IGNCR)
            # Ctrl-C is a key like others: a signal could come in the middle of a sequence.
            raw[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN)
            raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._input, termios.TCSANOW, raw)
            self._live = Live(
                console=self._console,
                screen=True,
                auto_refresh=False,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        except (OSError, termios.error):
            self.give_back()
            raise TerminalGoneError from None

    def give_back(self) -> None:
        """Leave it as it was found; a second time does nothing."""
        live, self._live = self._live, None
        try:
            if live is not None:
                live.stop()
                self._stream.flush()
        except OSError:
            raise TerminalGoneError from None
        finally:
            if self._before:
                with contextlib.suppress(OSError, termios.error):
                    termios.tcsetattr(self._input, termios.TCSANOW, self._before)
                    # What was typed for the view is not meant for the shell.
                    termios.tcflush(self._input, termios.TCIFLUSH)
                self._before = []

    def draw(self, lines: Sequence[Line]) -> None:
        """Show lines, as many as the screen has."""
        if self._live is None:
            return
        width, height = self.size
        try:
            self._console.size = (width, height)
            self._live.update(_Lines(lines), refresh=True)
        except OSError:
            raise TerminalGoneError from None

    def wait(self, signals: Signals, seconds: float) -> list[str]:
        """Wait for keys, or for a signal; return the keys."""
        if self._decoder.waits:
            seconds = min(seconds, _ESCAPE_WAIT)
        events = select.poll()  # `select.select` refuses descriptors from 1,024 on
        events.register(self._input, select.POLLIN)
        events.register(signals.reading, select.POLLIN)
        ready = [descriptor for descriptor, _ in events.poll(math.ceil(seconds * 1000))]
        if self._input not in ready:
            return self._decoder.flush() if self._decoder.waits and not ready else []
        try:
            data = os.read(self._input, 1024)
        except OSError:
            raise TerminalGoneError from None
        if not data:
            raise TerminalGoneError
        return self._decoder.feed(data)
