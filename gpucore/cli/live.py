"""A run on a terminal: a bar for each stage, a line for each GPU, drawn again as things happen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from gpucore.cli.progress import LinePrinter, duration, ending
from gpucore.cli.terminal import clean, no_colour
from gpucore.standard.model import StepState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType
    from rich.progress import TaskID

    from gpucore.standard.model import (
        Device,
        DeviceRegarded,
        DevicesSeen,
        RunStarted,
        StepEnded,
        StepRetried,
        StepStarted,
    )
    from gpucore.standard.readings import Snapshot

__all__ = ["LiveDisplay"]

_MIB_PER_GIB = 1024
_REFRESH = 4
"""Times a second: whoever watches sees it move, and the run does not notice."""


class _Stage:
    """How far one stage has come."""

    def __init__(self, task: TaskID, total: int) -> None:
        self.task = task
        self.total = total
        self.ended = 0
        self.failed = 0
        self.retried = 0
        self.first = 0.0

    @property
    def said(self) -> str:
        parts = []
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.retried:
            parts.append(f"{self.retried} tried again")
        if self.ended and self.first:
            parts.append(f"{duration((time.monotonic() - self.first) / self.ended)}/step")
        return " · ".join(parts)


class LiveDisplay(LinePrinter):
    """A bar for each stage and a line for each device.

    Parameters
    ----------
    stages : Mapping
        Steps by the name of their stage.
    """

    def __init__(self, stages: Mapping[str, int]) -> None:
        super().__init__(sum(stages.values()))
        self._console = Console(
            stderr=True, highlight=False, color_system=None if no_colour() else "auto"
        )
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}", markup=False),
            TextColumn("about"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=self._console,
        )
        self._stages = {
            name: _Stage(self._bars.add_task(clean(name) or "steps", total=total, said=""), total)
            for name, total in stages.items()
        }
        self._devices: tuple[Device, ...] = ()
        self._running: dict[str, tuple[StepStarted, float]] = {}
        self._snapshot: Snapshot | None = None
        self._kept_off: dict[str, str] = {}
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=_REFRESH,
            transient=True,
        )
        self._live.start()

    def more(self, stages: Mapping[str, int]) -> None:
        """Make the bars of stages longer."""
        super().more(stages)
        for name, steps in stages.items():
            if (stage := self._stages.get(name)) is not None:
                stage.total += steps
                self._bars.update(stage.task, total=stage.total)

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
        now = time.monotonic()
        self._running[event.step] = (event, now)
        stage = self._stages.get(event.stage)
        if stage is not None and not stage.first:
            stage.first = now

    def step_ended(self, event: StepEnded) -> None:
        """Count a step, and show it when something is to be said of it."""
        outcome = event.outcome
        self._running.pop(outcome.step, None)
        stage = self._stages.get(event.stage)
        if stage is not None:
            stage.ended += 1
            stage.failed += outcome.state is StepState.FAILED
            self._bars.update(stage.task, completed=stage.ended, said=stage.said)
        if outcome.state is StepState.FAILED or (outcome.warnings and not outcome.earlier):
            self.say(ending(outcome))

    def step_retried(self, event: StepRetried) -> None:
        """Take a step from the lines of its devices until it runs again."""
        self._running.pop(event.outcome.step, None)
        if (stage := self._stages.get(event.stage)) is not None:
            stage.retried += 1
        super().step_retried(event)

    def devices_seen(self, event: DevicesSeen) -> None:
        """Take in what devices say of themselves."""
        self._snapshot = event.snapshot

    def device_regarded(self, event: DeviceRegarded) -> None:
        """Show what is thought of a device, and keep it on its line while it is not used."""
        if event.level in {"unknown", "quarantined", "busy"}:
            word = "quarantined" if event.level == "quarantined" else "not used"
            remedy = f" · {clean(event.remedy)}" if event.remedy else ""
            self._kept_off[event.device.uuid] = f"{word}: {clean(event.reason)}{remedy}"
        else:
            self._kept_off.pop(event.device.uuid, None)
        super().device_regarded(event)

    def _picture(self) -> RenderableType:
        lines: list[RenderableType] = [self._bars]
        running = list(self._running.values())
        now = time.monotonic()
        for device in self._devices:
            here = [
                f"{clean(one.step)} {duration(now - since)}"
                for one, since in running
                if any(held.uuid == device.uuid for held in one.devices)
            ]
            what = " · ".join(here) or self._kept_off.get(device.uuid, "free")
            mark = " (simulated)" if device.simulated else f" {clean(device.name)}"
            lines.append(Text(f" GPU {device.index}{mark}  {what}{self._facts(device)}"))
        others = [clean(one.step) for one, _ in running if not one.devices]
        if others:
            lines.append(Text(f" no GPU  {' · '.join(others)}"))
        return Group(*lines)

    def _facts(self, device: Device) -> str:
        """Return what a device says of itself: load, memory, temperature."""
        reading = self._snapshot.of.get(device.uuid) if self._snapshot is not None else None
        if reading is None:
            return ""
        facts = []
        if reading.utilisation is not None:
            facts.append(f"{reading.utilisation} %")
        if reading.memory_used_mib is not None and reading.memory_total_mib:
            used, total = reading.memory_used_mib, reading.memory_total_mib
            facts.append(f"{used / _MIB_PER_GIB:.1f}/{total / _MIB_PER_GIB:.0f} GiB")
        if reading.temperature is not None:
            facts.append(f"{reading.temperature} °C")
        return "".join(f"  {fact}" for fact in facts)
