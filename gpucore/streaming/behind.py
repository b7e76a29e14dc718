"""How far a run is behind, left in its output folder: for whoever looks from another process.

It is no record: a run that dies leaves what it said last, which counts for that run alone.
"""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

from gpucore.streaming.backlog import Pace

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["forget_pace", "leave_pace", "left_pace"]

_PLACE = ".gpucore/behind.json"


def leave_pace(output: Path, run: str, pace: Pace) -> None:
    """Leave how far a run is behind; where that cannot be written, nothing is left."""
    place = output / _PLACE
    fresh = place.with_suffix(".new")
    try:
        fresh.write_text(json.dumps({"run": run, "time": time.time(), **pace._asdict()}))
        fresh.replace(place)
    except OSError:  # a full disk is told by whoever has to write there
        forget_pace(output)


def forget_pace(output: Path) -> None:
    """Take away what was left."""
    with contextlib.suppress(OSError):
        (output / _PLACE).unlink(missing_ok=True)


def left_pace(output: Path, run: str) -> dict[str, Any] | None:
    """Return how far a run is behind, and when that was; None: it did not leave it."""
    try:
        left = json.loads((output / _PLACE).read_bytes())
        if left["run"] != run:
            return None
        return {"time": left["time"], **{key: left[key] for key in Pace._fields}}
    except (OSError, ValueError, KeyError, TypeError):
        return None
