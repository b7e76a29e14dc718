"""A run as it happens: how many steps are done, and what runs on which GPU."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

from gpucore.cli.terminal import clean, device_names, no_colour, styled, talk
from gpucore.standard.model import (
    Event,
    Noted,
    Outcome,
    RunEnded,
    RunStarted,
    StepEnded,
    StepRetried,
    StepStarted,
    StepState,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID

    from gpucore.standard.model import Device

__all__ = ["LinePrinter", "LiveDisplay", "duration", "open_display"]

_KEPT = 20
_MINUTE, _HOUR = 60, 3600


def open_display(total: int, *, quiet: bool) -> LinePrinter:
    """Return what shows a run: nothing, lines, or on a terminal a living picture."""
    if not quiet and sys.stderr.isatty():
        return LiveDisplay(total)
    return LinePrinter(total, quiet=quiet)


def duration(seconds: float) -> str:
    """Return a duration as people say it.

    Examples
    --------
    >>> duration(0.31), duration(75), duration(7384)
    ('0.3 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    if seconds < _HOUR:
        return f"{minutes} min {rest} s"
    return f"{minutes // _MINUTE} h {minutes % _MINUTE} min"


class LinePrinter:
    """One line for each step that ends: for logs, pipes and batch jobs.

    Parameters
    ----------
    total : int
        Steps of the run.
    quiet : bool
        Whether only failures and notes are told.

    Attributes
    ----------
    earlier : int
        Steps that an earlier run had done: counted, and not told one by one.
    """

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self.total = total
        self.failed: list[Outcome] = []
        self.warned: list[Outcome] = []
        self.ended = 0
        self.earlier = 0
        self._quiet = quiet
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        with self._lock:
            if isinstance(event, StepEnded):
                self.ended += 1
                self.earlier += event.outcome.earlier
                self._keep(event.outcome)
                self.step_ended(event.outcome)
            elif isinstance(event, StepRetried):
                self.step_retried(event)
            elif isinstance(event, StepStarted):
                self.step_started(event)
            elif isinstance(event, Noted):
                self.say(f"note: {clean(event.text)}")
            elif isinstance(event, RunStarted):
                self.run_started(event)
            elif isinstance(event, RunEnded):
                self.close()

    def say(self, text: str) -> None:
        """Show a line."""
        talk(text)

    def close(self) -> None:
        """End the display; a second time does nothing."""

    def run_started(self, event: RunStarted) -> None:
        """Show on what the run is opened."""
        if not self._quiet:
            self.say(_opening(event, self.total))

    def step_started(self, event: StepStarted) -> None:
        """Show that a step runs."""

    def step_ended(self, outcome: Outcome) -> None:
        """Show how a step ended."""
        if outcome.earlier:
            return
        if not self._quiet or outcome.state is StepState.FAILED:
            self.say(f"[{self.ended}/{self.total}] {_ending(outcome)}")

    def step_retried(self, event: StepRetried) -> None:
        """Show that an attempt failed and another is made."""
        if not self._quiet:
            self.say(_retrying(event))

    def _keep(self, outcome: Outcome) -> None:
        if outcome.earlier:
            return
        if outcome.state is StepState.FAILED and len(self.failed) < _KEPT:
            self.failed.append(outcome)
        if outcome.warnings and len(self.warned) < _KEPT:
            self.warned.append(outcome)


class LiveDisplay(LinePrinter):
    """A bar of steps and a line for each device, drawn again as things happen.

    Parameters
    ----------
    total : int
        Steps of the run.
    """

    def __init__(self, total: int) -> None:
        super().__init__(total)
        # rich costs 30 ms, and only whoever watches a terminal needs it.
        from rich.console import Console  # noqa: PLC0415
        from rich.live import Live  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._console: Console = Console(
            stderr=True, highlight=False, color_system=None if no_colour() else "auto"
        )
        self._bar: Progress = Progress(
            TextColumn("steps"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]}"),
            TimeElapsedColumn(),
            TextColumn("about"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self._console,
        )
        self._task: TaskID = self._bar.add_task("steps", total=total, failed="")
        self._devices: tuple[Device, ...] = ()
        self._running: dict[str, tuple[StepStarted, float]] = {}
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=4,
            transient=True,
        )
        self._live.start()

    def say(self, text: str) -> None:
        """Show a line above the picture."""
        self._console.print(text, markup=False, emoji=False, soft_wrap=True)

    def close(self) -> None:
        """Take the picture away."""
        self._live.stop()

    def run_started(self, event: RunStarted) -> None:
        """Show on what the run is opened, and keep its devices."""
        self._devices = event.devices
        super().run_started(event)

    def step_started(self, event: StepStarted) -> None:
        """Put a step onto the lines of its devices."""
        self._running[event.step] = (event, time.monotonic())

    def step_ended(self, outcome: Outcome) -> None:
        """Count a step, and show it when something is to be said of it."""
        self._running.pop(outcome.step, None)
        failed = f"{len(self.failed)} failed" if self.failed else ""
        self._bar.update(self._task, completed=self.ended, failed=failed)
        if outcome.state is StepState.FAILED or (outcome.warnings and not outcome.earlier):
            self.say(_ending(outcome))

    def step_retried(self, event: StepRetried) -> None:
        """Take a step from the lines of its devices until it runs again."""
        self._running.pop(event.outcome.step, None)
        super().step_retried(event)

    def _picture(self) -> RenderableType:
        from rich.console import Group  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        lines: list[RenderableType] = [self._bar]
        running = list(self._running.values())
        for device in self._devices:
            here = [
                f"{clean(one.step)} {duration(time.monotonic() - since)}"
                for one, since in running
                if any(held.uuid == device.uuid for held in one.devices)
            ]
            mark = " (simulated)" if device.simulated else f" {clean(device.name)}"
            lines.append(Text(f" GPU {device.index}{mark}  {' · '.join(here) or 'free'}"))
        others = [clean(one.step) for one, _ in running if not one.devices]
        if others:
            lines.append(Text(f" no GPU  {' · '.join(others)}"))
        return Group(*lines)


def _opening(event: RunStarted, total: int) -> str:
    slots = " · ".join(device_names(slot).removeprefix("GPU ") for slot in event.slots)
    simulated = " (simulated)" if any(device.simulated for device in event.devices) else ""
    on = f"GPU slots{simulated}: {slots.replace(' (simulated)', '')}" if slots else "no GPU"
    plural = "s" * (event.workers != 1)
    return f"{total} step{'s' * (total != 1)}, {event.workers} worker{plural}, {on}"


def _retrying(event: StepRetried) -> str:
    step, reason = clean(event.outcome.step), clean(event.outcome.reason)
    return f"again {step}: attempt {event.attempt} failed: {reason}"


def _ending(outcome: Outcome) -> str:
    where = f" on {device_names(outcome.devices)}" if outcome.devices else ""
    took = f" in {duration(outcome.ended - outcome.started)}" if outcome.started else ""
    text = f"{outcome.state.value} {clean(outcome.step)}{where}{took}"
    if outcome.state is StepState.FAILED:
        text = styled("failed", fg="red") + text.removeprefix("failed")
        text += f": {clean(outcome.reason)}"
    elif outcome.reason:
        text += f": {clean(outcome.reason)}"
    for warning in outcome.warnings:
        text += f"; {styled('warning', fg='yellow')}: {clean(warning)}"
    return text
