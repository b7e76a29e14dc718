"""The lines of a run's picture: each fits its terminal, whatever the names in it are."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from gpucore.cli.progress import duration
from gpucore.cli.terminal import clean
from gpucore.standard.model import StepState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpucore.standard.model import Device
    from gpucore.standard.readings import Reading

__all__ = ["Lane", "StageBar"]

_MIB_PER_GIB = 1024
_WINDOW = 200
"""Ends that the rate is taken from: a night's last movies tell more of the next than its first."""
_BAR, _LEAST_BAR = 40, 8
_NARROW = 80
_LEAST_WHAT = 16
_MINUTE, _HOUR = 60, 3600


class StageBar:
    """How far one stage has come."""

    def __init__(self, name: str, total: int) -> None:
        self.name = name
        self.total = total
        self.ended = 0
        self.done = 0
        self.failed = 0
        self.retried = 0
        self.running = 0
        self._begun = 0.0
        self._ends: deque[float] = deque(maxlen=_WINDOW)

    def begin(self) -> None:
        """Count a step that runs."""
        self.running += 1
        self._begun = self._begun or time.monotonic()

    def end(self, state: StepState, *, ran: bool) -> None:
        """Count a step that has ended; one that did not run says nothing of how long they take."""
        self.ended += 1
        self.done += state is StepState.DONE
        self.failed += state is StepState.FAILED
        if ran:
            self.running -= 1
            self._ends.append(time.monotonic())

    def retry(self, *, ran: bool) -> None:
        """Count a step that failed, and will be tried again."""
        self.retried += 1
        self.running -= ran

    @property
    def rate(self) -> float:
        """Steps a second; 0: not known yet."""
        if not self._ends:
            return 0.0
        whole = len(self._ends) == _WINDOW
        since = self._ends[0] if whole else self._begun
        seconds = time.monotonic() - since
        return (len(self._ends) - whole) / seconds if seconds > 0 else 0.0

    def facts(self) -> list[str]:
        """Return what is known of it, what is wanted most first."""
        rate = self.rate
        left = self.total - self.ended
        others = self.ended - self.done - self.failed
        return [
            f"{self.done}/{self.total} done",
            *([f"{self.running} running"] if self.running else []),
            *([f"{self.failed} failed"] if self.failed else []),
            *([f"{self.retried} tried again"] if self.retried else []),
            *([f"{others} left out"] if others else []),
            *([f"about {duration(left / rate)} left"] if rate and left else []),
            *([_rate(rate)] if rate else []),
        ]

    def line(self, width: int, name_width: int = 0) -> Text:
        """Return it as one line of a terminal, with so many cells for its name."""
        said = " · ".join(self.facts())
        most = max(width // 4, 8)
        name = _fit_middle(self.name, most)
        name += " " * (min(name_width, most) - cell_len(name))
        room = min(width - cell_len(name) - cell_len(said) - 4, _BAR)
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(f"{name}  ")
        if room >= _LEAST_BAR:
            full = room if not self.total else min(room * self.ended // self.total, room)
            text.append("━" * full, style="green" if not self.failed else "yellow")
            text.append("─" * (room - full), style="bright_black")
            text.append("  ")
        text.append(said)
        text.truncate(width, overflow="ellipsis")
        return text


class Lane:
    """What runs on one device, or on none.

    Parameters
    ----------
    device : Device or None
        None: steps without a GPU.

    Attributes
    ----------
    unused : str
        Why no step is given to it; empty: nothing speaks against it.
    """

    def __init__(self, device: Device | None) -> None:
        self.device = device
        self.unused = ""
        self.running: dict[str, float] = {}

    def begin(self, step: str) -> None:
        """Put a step onto it."""
        self.running[step] = time.monotonic()

    def end(self, step: str) -> bool:
        """Take a step from it; return whether it was there."""
        return self.running.pop(step, None) is not None

    def line(self, width: int, reading: Reading | None, held: str = "") -> Text:
        """Return it as one line of a terminal: facts stand, and what runs gets the rest.

        Parameters
        ----------
        width : int
            Cells of the terminal.
        reading : Reading or None
            What the device says of itself.
        held : str
            Who else holds it.
        """
        now = time.monotonic()
        here = [
            (f"{clean(step)}", f" {duration(now - since)}")
            for step, since in list(self.running.items())
        ]
        head = self._head(width)
        facts = list(_facts(reading)) if reading is not None else []
        room = width - cell_len(head) - 2
        while facts and room - cell_len("".join(facts)) < _LEAST_WHAT:
            facts.pop()
        room -= cell_len("".join(facts))
        what = _steps(here, room) if here else _fit(self.unused or held or "free", room)
        style = "yellow" if not here and (self.unused or held) else ""
        text = Text(head, no_wrap=True, overflow="ellipsis")
        text.append("  ").append(what, style=style).append("".join(facts))
        text.truncate(width, overflow="ellipsis")
        return text

    def _head(self, width: int) -> str:
        if self.device is None:
            return " no GPU"
        name = "(simulated)" if self.device.simulated else clean(self.device.name)
        if width < _NARROW:
            name = ""
        return f" GPU {self.device.index} {_fit(name, width // 5)}".rstrip()


def _steps(here: Sequence[tuple[str, str]], room: int) -> str:
    """Return steps with how long each runs: of names that are too long both ends are shown."""
    each = max((room - 3 * (len(here) - 1)) // len(here), 1)
    shown = [f"{_fit_middle(step, each - len(since))}{since}" for step, since in here]
    return _fit(" · ".join(shown), room)


def _facts(reading: Reading) -> Iterator[str]:
    """Yield what a device says of itself: load, memory, temperature."""
    if reading.utilisation is not None:
        yield f"  {reading.utilisation} %"
    if reading.memory_used_mib is not None and reading.memory_total_mib:
        used, total = reading.memory_used_mib, reading.memory_total_mib
        yield f"  {used / _MIB_PER_GIB:.1f}/{total / _MIB_PER_GIB:.0f} GiB"
    if reading.temperature is not None:
        yield f"  {reading.temperature} °C"


def _rate(rate: float) -> str:
    """Return a rate in the unit in which it is easiest to say.

    Examples
    --------
    >>> _rate(12.34), _rate(0.5), _rate(0.005)
    ('12.3/s', '30.0/min', '18.0/h')
    """
    for seconds, unit in ((1, "s"), (_MINUTE, "min")):
        if rate * seconds >= 1:
            return f"{rate * seconds:.1f}/{unit}"
    return f"{rate * _HOUR:.1f}/h"


def _fit(text: str, width: int) -> str:
    """Return a text that takes so many cells at most.

    Examples
    --------
    >>> _fit("a long name", 6), _fit("日本語", 4)
    ('a lon…', '日…')
    """
    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, max(width - 1, 0)).rstrip()}…" if width > 0 else ""


def _fit_middle(text: str, width: int) -> str:
    """Return a text whose middle is left out where it is too long: names differ at their ends.

    Examples
    --------
    >>> _fit_middle("align/a_very_long_movie_0071", 16)
    'align/a_…ie_0071'
    """
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return "…" if width == 1 else ""
    head = set_cell_size(text, width // 2).rstrip()
    tail = text[-(width - cell_len(head) - 1) :]
    while cell_len(head) + 1 + cell_len(tail) > width:
        tail = tail[1:]
    return f"{head}…{tail}"
