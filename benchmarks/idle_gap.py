"""Lost slot time: what lies idle between two steps of 100 ms on the same GPU."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.interleave import Series, interleave
from benchmarks.roster import REFERENCE, Load, Peer, Reading
from benchmarks.table import Table, told

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "idle-gap"
COLUMNS = (
    "tool",
    "version",
    "steps",
    "lost per step: median",
    "min",
    "max",
    "slots in use",
    "times the reference",
)


@dataclass(frozen=True, kw_only=True)
class IdleGap:
    """How long a GPU waits for its next step.

    Parameters
    ----------
    steps, slots
        How many steps, and how many at once.
    nap
        Seconds that a program sleeps. It counts as the program's own duration, so what starting
        `sleep` itself costs is in everybody's gap alike.
    """

    steps: int = 400
    slots: int = 8
    nap: float = 0.1

    def load(self) -> Load:
        """Return what every peer runs."""
        return Load(
            command=("/bin/sleep", f"{self.nap:g}"),
            steps=self.steps,
            slots=self.slots,
            warm=2 * self.slots,
        )

    def lost(self, reading: Reading) -> float:
        """Return the seconds of slot time per step in which no program ran."""
        return (reading.seconds * reading.slots - reading.steps * self.nap) / reading.steps

    def measure(self, peers: Sequence[Peer], repeats: int) -> Table:
        """Measure the peers in turn."""
        series = interleave(peers, self.load(), repeats)
        reference = next((one for one in series if one.peer.name == REFERENCE), None)
        base = (
            median(map(self.lost, reference.readings)) if reference and reference.readings else None
        )
        return Table(
            name=NAME,
            columns=COLUMNS,
            rows=tuple(self._row(one, base) for one in series),
            notes=(
                f"`sleep {self.nap:g}`, {self.slots} slots, {repeats} repeats in turn; "
                "lost = (wall * slots - steps * duration) / steps.",
            ),
        )

    def _row(self, series: Series, base: float | None) -> tuple[str, ...]:
        if not series.readings:
            return (series.peer.title, "", "", told(series.fault), "", "", "", "")
        lost = [self.lost(reading) for reading in series.readings]
        middle = median(lost)
        first = series.readings[0]
        return (
            series.peer.title,
            first.version,
            str(first.steps),
            f"{middle * 1e3:,.2f} ms",
            f"{min(lost) * 1e3:,.2f}",
            f"{max(lost) * 1e3:,.2f}",
            f"{self.nap / (self.nap + middle):.1%}",
            f"{middle / base:,.2f}" if base else "",
        )
