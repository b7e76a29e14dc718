"""Measure all peers in turn, again and again, so that a busy minute hurts them alike."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.roster import DriverFailedError, Load, Peer, Reading, read

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(kw_only=True)
class Series:
    """The readings of one peer, or why there are none."""

    peer: Peer
    readings: list[Reading] = field(default_factory=list)
    fault: str = ""

    def seconds_per_step(self) -> list[float]:
        """Return one figure for each repeat."""
        return [reading.seconds / reading.steps for reading in self.readings]

    def median_per_step(self) -> float | None:
        """Return the median of the repeats, or None without readings."""
        return median(self.seconds_per_step()) if self.readings else None


def interleave(peers: Sequence[Peer], load: Load, repeats: int) -> list[Series]:
    """Run every peer once, then all again, until each ran `repeats` times.

    A peer that fails is told with its reason and not tried again; the others go on. Every second
    round goes backwards, so that no peer always follows the same neighbour.

    What they write is deleted when all have run: ext4 gives no inode out again within half a
    minute, and looks through the deleted ones for each new file, which then takes a millisecond.
    """
    series = [Series(peer=peer) for peer in peers]
    with tempfile.TemporaryDirectory() as scratch:
        for repeat in range(repeats):
            for one in series if repeat % 2 == 0 else reversed(series):
                if one.fault:
                    continue
                try:
                    one.readings.append(read(one.peer, load, Path(scratch)))
                except DriverFailedError as fault:
                    one.fault = str(fault)
                    one.readings.clear()
                sys.stderr.write(f"{repeat + 1}/{repeats} {one.peer.name}: {_talk(one)}\n")
    return series


def _talk(series: Series) -> str:
    if series.fault:
        return series.fault
    last = series.readings[-1]
    return f"{last.steps} steps in {last.seconds:.2f} s"
