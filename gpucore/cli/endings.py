"""Signals that end the command line: before a run obeys them in its own way, and after."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "ENDING",
    "Ended",
    "heard_through",
    "hide_lost",
    "ignore",
    "listen",
    "listening",
    "refuse_ended",
    "status",
    "status_of_signal",
]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 128

_came: list[int] = []


class Ended(KeyboardInterrupt):
    """A signal came: what lets a Ctrl-C pass lets it pass, too.

    A SystemExit would be taken for that of a plugin that is being loaded.

    Parameters
    ----------
    number : int
        Which signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def status(error: BaseException) -> int:
    """Return the exit status after an interruption, which click may have wrapped."""
    ended = error if isinstance(error, Ended) else error.__cause__
    return _INTERRUPTED + (ended.number if isinstance(ended, Ended) else signal.SIGINT)


def status_of_signal() -> int | None:
    """Return the exit status after a signal that came before; None when none did.

    What a handler raises may come out as a fault of whatever it broke into: pydantic makes a
    SchemaError of it.
    """
    return _INTERRUPTED + _came[0] if _came else None


def listen() -> dict[int, Any]:
    """Let each of the signals unwind as Ctrl-C does; return the handlers there were.

    One that is ignored already stays so: `nohup`, or a job in the background.
    """
    _came.clear()
    before: dict[int, Any] = {}
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            before[number] = signal.signal(number, _end)
    return before


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Listen, and give the handlers back to whoever had others."""
    before = listen()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def refuse_ended() -> None:
    """Raise for a signal that came before, and that nobody heard.

    What a handler raises is lost when it comes in a weak reference's callback, of which importing
    has many, or in a finalizer: Python goes on.
    """
    if _came:
        raise Ended(_came[0])


@contextlib.contextmanager
def heard_through(pipe: int, begin: Callable[[], object] = bool, *others: int) -> Iterator[None]:
    """Have the numbers of signals written into a pipe, and nothing be broken into meanwhile.

    Parameters
    ----------
    pipe : int
        Its end to write to, which never blocks.
    begin : callable
        Called when no signal can come: what hears of them begins.
    *others : int
        Signals that are heard of beside those that end the command line.

    Raises
    ------
    Ended
        For a signal that came before, and that nobody heard.
    """
    before: dict[int, Any] = {}
    # A signal that came before the pipe was there, and whose handler was changed before Python
    # called it, would be lost: one that came already is obeyed by this call, and one that comes
    # now waits until all is in place.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    wakeup = -1
    try:
        try:
            begin()
            wakeup = signal.set_wakeup_fd(pipe, warn_on_full_buffer=False)
            for number in (*ENDING, *others):
                # `nohup`, or a job in the background: it is to go on.
                if number in others or signal.getsignal(number) != signal.SIG_IGN:
                    before[number] = signal.signal(number, lambda *_: None)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
        refuse_ended()
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)


def hide_lost() -> None:
    """Keep Python from printing a traceback of what it loses there; for a process of our own."""
    before = sys.unraisablehook

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if not isinstance(lost.exc_value, Ended):
            before(lost)

    sys.unraisablehook = hook


def ignore() -> None:
    """Let nothing break into the end of a process that has done its work."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, _frame: object) -> None:
    _came.append(number)
    if len(_came) > 1:
        # The first was lost, or is still unwinding: nothing was begun that has to be ended.
        os._exit(_INTERRUPTED + number)
    raise Ended(number)
