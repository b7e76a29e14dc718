"""Steps per second: many `/bin/true` over simulated GPUs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.interleave import Series, interleave
from benchmarks.roster import REFERENCE, Load, Peer
from benchmarks.table import Table, told

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "throughput"
COLUMNS = ("tool", "version", "steps", "steps/s: median", "min", "max", "share of the reference")


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """How much a step costs a tool when the program itself costs nothing."""

    steps: int = 2000
    slots: int = 8

    def load(self) -> Load:
        """Return what every peer runs."""
        return Load(command=("/bin/true",), steps=self.steps, slots=self.slots, warm=2 * self.slots)

    def measure(self, peers: Sequence[Peer], repeats: int) -> Table:
        """Measure the peers in turn."""
        series = interleave(peers, self.load(), repeats)
        reference = next((one for one in series if one.peer.name == REFERENCE), None)
        base = reference.median_per_step() if reference else None
        return Table(
            name=NAME,
            columns=COLUMNS,
            rows=tuple(_row(one, base) for one in series),
            notes=(
                f"`/bin/true`, {self.slots} slots, {repeats} repeats in turn. "
                "Start-up of a tool is left out; the share is a ratio of medians.",
            ),
        )


def _row(series: Series, base: float | None) -> tuple[str, ...]:
    middle = series.median_per_step()
    if middle is None:
        return (series.peer.title, "", "", told(series.fault), "", "", "")
    each = series.seconds_per_step()
    first = series.readings[0]
    return (
        series.peer.title,
        first.version,
        str(first.steps),
        f"{1 / middle:,.4g}",
        f"{1 / max(each):,.4g}",
        f"{1 / min(each):,.4g}",
        f"{base / middle:.1%}" if base else "",
    )
