"""A run as it happens: how many steps are done, and what runs on which GPU."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from gpucore.cli.manner import manner
from gpucore.cli.terminal import clean, device_names, styled, talk
from gpucore.standard.model import (
    DeviceRegarded,
    DevicesSeen,
    Event,
    FilesBehind,
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
    from collections.abc import Callable, Mapping

__all__ = ["LinePrinter", "duration", "ending", "open_display", "regarded"]

_KEPT = 20
_EXPLAINED = 3
"""Failures that are told with what may mend them, and their logs; `explain` tells of the others."""
_MINUTE, _HOUR = 60, 3600


def open_display(
    stages: Mapping[str, int], others: Callable[[], Mapping[str, str]] = dict
) -> LinePrinter:
    """Return what shows a run: nothing, lines, or on a terminal a living picture.

    Parameters
    ----------
    stages : Mapping
        Steps by the name of their stage.
    others : callable
        Returns who else holds GPUs, by UUID.
    """
    if not manner.quiet and sys.stderr.isatty():
        # rich costs 30 ms, and only whoever watches a terminal needs it.
        from gpucore.cli.live import LiveDisplay  # noqa: PLC0415

        return LiveDisplay(stages, others)
    return LinePrinter(sum(stages.values()), quiet=manner.quiet)


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
                self.step_ended(event)
            elif isinstance(event, StepRetried):
                self.step_retried(event)
            elif isinstance(event, StepStarted):
                self.step_started(event)
            elif isinstance(event, DevicesSeen):
                self.devices_seen(event)
            elif isinstance(event, DeviceRegarded):
                self.device_regarded(event)
            elif isinstance(event, FilesBehind):
                self.files_behind(event)
            elif isinstance(event, Noted):
                self.say(f"note: {clean(event.text)}")
            elif isinstance(event, RunStarted):
                self.run_started(event)
            elif isinstance(event, RunEnded):
                self.close()

    def more(self, stages: Mapping[str, int]) -> None:
        """Take in that more steps were submitted, by the name of their stage."""
        self.total += sum(stages.values())

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
        """Show that a step runs, to whoever wants to know more."""
        if manner.verbose:
            self.say(f"start {clean(event.step)} on {device_names(event.devices)}")

    def step_ended(self, event: StepEnded) -> None:
        """Show how a step ended."""
        outcome = event.outcome
        if outcome.earlier:
            return
        if not self._quiet or outcome.state is StepState.FAILED:
            self.say(f"[{self.ended}/{self.total}] {ending(outcome)}")
            self.explain(outcome)

    def explain(self, outcome: Outcome) -> None:
        """Say of the first that fail what may mend them, and where their logs are."""
        if outcome.state is not StepState.FAILED or len(self.failed) > _EXPLAINED:
            return
        if outcome.hint:
            self.say(f"  {clean(outcome.hint)}")
        if outcome.log:
            self.say(f"  log: {clean(outcome.log)}")

    def step_retried(self, event: StepRetried) -> None:
        """Show that an attempt failed and another is made."""
        if not self._quiet:
            self.say(_retrying(event))

    def devices_seen(self, event: DevicesSeen) -> None:
        """Take in what devices say of themselves."""

    def device_regarded(self, event: DeviceRegarded) -> None:
        """Show what is thought of a device from now on."""
        self.say(regarded(event))

    def files_behind(self, event: FilesBehind) -> None:
        """Take in how far the run is behind the files that come."""

    def _keep(self, outcome: Outcome) -> None:
        if outcome.earlier:
            return
        if outcome.state is StepState.FAILED and len(self.failed) < _KEPT:
            self.failed.append(outcome)
        if outcome.warnings and len(self.warned) < _KEPT:
            self.warned.append(outcome)


def _opening(event: RunStarted, total: int) -> str:
    slots = " · ".join(device_names(slot).removeprefix("GPU ") for slot in event.slots)
    simulated = " (simulated)" if any(device.simulated for device in event.devices) else ""
    on = f"GPU slots{simulated}: {slots.replace(' (simulated)', '')}" if slots else "no GPU"
    plural = "s" * (event.workers != 1)
    steps = f"{total} step{'s' * (total != 1)}" if total else "files as they come"
    return f"{steps}, {event.workers} worker{plural}, {on}"


def _retrying(event: StepRetried) -> str:
    step, reason = clean(event.outcome.step), clean(event.outcome.reason)
    return f"again {step}: attempt {event.attempt} failed: {reason}"


def regarded(event: DeviceRegarded) -> str:
    """Return what is thought of a device from now on, as a line."""
    name = f" {clean(event.device.name)}" if event.device.name else ""
    text = f"GPU {event.device.index}{name}: "
    if event.level == "good":
        return f"{text}in use again"
    text += {"noted": "", "avoided": "", "unknown": "not used: ", "busy": "not used: "}.get(
        event.level, styled(event.level, fg="red") + ": "
    )
    text += clean(event.reason)
    return f"{text} · {clean(event.remedy)}" if event.remedy else text


def ending(outcome: Outcome) -> str:
    """Return how a step ended, as a line."""
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
