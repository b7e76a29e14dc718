"""What every driver is asked, and the one line it answers."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Steps to run: the same command `steps` times, at most `slots` at once.

    Parameters
    ----------
    command
        argv of one step.
    steps, slots
        How many are measured, and how many may run at once.
    warm
        Steps run before the clock starts.
    layout
        How a tool spreads its workers; only some drivers look at it.
    keep
        What gpucore keeps meanwhile; only its own driver looks at it.
    """

    command: tuple[str, ...]
    steps: int
    slots: int
    warm: int
    layout: str
    keep: str


def workload() -> Workload:
    """Return the workload that the command line asks for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--warm", type=int, default=16)
    parser.add_argument("--layout", choices=["processes", "threads"], default="processes")
    parser.add_argument("--keep", choices=["logs", "leases", "journal"], default="journal")
    parser.add_argument("command", nargs="+")
    asked = parser.parse_args()
    return Workload(
        command=tuple(asked.command),
        steps=asked.steps,
        slots=asked.slots,
        warm=asked.warm,
        layout=asked.layout,
        keep=asked.keep,
    )


def report(asked: Workload, *, peer: str, version: str, seconds: float, failed: int) -> None:
    """Print the result as one JSON line."""
    sys.stdout.write(
        json.dumps(
            {
                "peer": peer,
                "version": version,
                "steps": asked.steps,
                "slots": asked.slots,
                "seconds": round(seconds, 6),
                "failed": failed,
            }
        )
        + "\n"
    )
    sys.stdout.flush()
