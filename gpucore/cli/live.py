"""A run on a terminal: a bar for each stage, a line for each GPU, drawn again as things happen.

Events change numbers alone; a thread draws them, so often and no oftener, however fast steps are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from gpucore.cli.manner import no_colour
from gpucore.cli.picture import Lane, StageBar
from gpucore.cli.progress import LinePrinter, ending
from gpucore.cli.terminal import clean
from gpucore.standard.model import StepState
from gpucore.streaming.backlog import said_pace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import RenderableType

    from gpucore.standard.model import (
        DeviceRegarded,
        DevicesSeen,
        FilesBehind,
        RunStarted,
        StepEnded,
        StepRetried,
        StepStarted,
    )
    from gpucore.standard.readings import Snapshot

__all__ = ["LiveDisplay"]

_REFRESH = 2
"""Times a second: whoever watches sees it move, and the run does not notice."""

_UNUSED = {
    "unknown": "not used",
    "busy": "not used",
    "quarantined": "quarantined",
    "avoided": "avoided",
}


class LiveDisplay(LinePrinter):
    """A bar for each stage and a line for each device.

    Parameters
    ----------
    stages : Mapping
        Steps by the name of their stage.
    others : callable
        Returns who else holds GPUs, by UUID; asked while one of them stands idle.
    """

    def __init__(
        self, stages: Mapping[str, int], others: Callable[[], Mapping[str, str]] = dict
    ) -> None:
        super().__init__(sum(stages.values()))
        self._console = Console(
            stderr=True, highlight=False, color_system=None if no_colour() else "auto"
        )
        self._stages = {
            name: StageBar(clean(name) or "steps", total) for name, total in stages.items()
        }
        self._lanes: dict[str, Lane] = {}
        self._without = Lane(None)
        self._others = others
        self._snapshot: Snapshot | None = None
        self._behind = ""
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

    def say(self, text: str) -> None:
        """Show a line above the picture."""
        self._console.print(text, markup=False, emoji=False, soft_wrap=True)

    def close(self) -> None:
        """Take the picture away."""
        self._live.stop()

    def run_started(self, event: RunStarted) -> None:
        """Show on what the run is opened, and keep its devices."""
        self._lanes = {one.uuid: Lane(one) for one in event.devices}
        super().run_started(event)

    def step_started(self, event: StepStarted) -> None:
        """Put a step onto the lines of its devices."""
        for lane in self._lanes_of(event.devices):
            lane.begin(event.step)
        if (stage := self._stages.get(event.stage)) is not None:
            stage.begin()
        super().step_started(event)

    def step_ended(self, event: StepEnded) -> None:
        """Count a step, and show it when something is to be said of it."""
        outcome = event.outcome
        ran = self._leave(outcome.step)
        if (stage := self._stages.get(event.stage)) is not None:
            stage.end(outcome.state, ran=ran)
        if outcome.state is StepState.FAILED or (outcome.warnings and not outcome.earlier):
            self.say(ending(outcome))
            self.explain(outcome)

    def step_retried(self, event: StepRetried) -> None:
        """Take a step from the lines of its devices until it runs again."""
        ran = self._leave(event.outcome.step)
        if (stage := self._stages.get(event.stage)) is not None:
            stage.retry(ran=ran)
        super().step_retried(event)

    def devices_seen(self, event: DevicesSeen) -> None:
        """Take in what devices say of themselves."""
        self._snapshot = event.snapshot

    def device_regarded(self, event: DeviceRegarded) -> None:
        """Show what is thought of a device, and keep it on its line while it is not used."""
        if (lane := self._lanes.get(event.device.uuid)) is not None:
            word = _UNUSED.get(event.level)
            remedy = f" · {clean(event.remedy)}" if event.remedy else ""
            lane.unused = f"{word}: {clean(event.reason)}{remedy}" if word else ""
        super().device_regarded(event)

    def files_behind(self, event: FilesBehind) -> None:
        """Keep a line of how far the run is behind the files that come."""
        self._behind = said_pace(event.files, event.come, event.done, event.seconds)

    def _lanes_of(self, devices: object) -> list[Lane]:
        assert isinstance(devices, tuple)  # noqa: S101 - for the type checker
        found = [self._lanes[one.uuid] for one in devices if one.uuid in self._lanes]
        return found or [self._without]

    def _leave(self, step: str) -> bool:
        """Take a step from all lines; return whether it was on one."""
        left = [lane.end(step) for lane in (*self._lanes.values(), self._without)]
        return any(left)

    def _picture(self) -> RenderableType:
        width = self._console.width
        stages = list(self._stages.values())
        names = max((cell_len(one.name) for one in stages), default=0)
        lines = [one.line(width, names) for one in stages]
        idle = [one for one in self._lanes.values() if not one.running]
        held = self._others() if idle and any(one.ended < one.total for one in stages) else {}
        for lane in self._lanes.values():
            assert lane.device is not None  # noqa: S101 - the one without is another
            reading = self._snapshot.of.get(lane.device.uuid) if self._snapshot else None
            lines.append(lane.line(width, reading, held.get(lane.device.uuid, "")))
        if self._without.running:
            lines.append(self._without.line(width, None))
        if self._behind:
            lines.append(Text(f" {self._behind}", no_wrap=True, overflow="ellipsis"))
        return Group(*lines)
