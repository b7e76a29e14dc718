"""A million queued steps against ten thousand: time and memory per step in the machine alone."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.fresh import ask
from benchmarks.table import Table

NAME = "million"
SIZES = (10_000, 1_000_000)
SHAPES = {"independent": "flat", "every second one after the one before": "pairs"}
COLUMNS = (
    "steps",
    "shape",
    "submit, µs/step",
    "run, µs/step",
    "peak memory grown, MiB",
    "bytes/step",
    "µs/step against the smaller (medians)",
)


def measure(repeats: int, sizes: tuple[int, ...] = SIZES) -> Table:
    """Measure every size and shape in fresh processes, in turn."""
    found: dict[tuple[str, int], list[dict[str, float]]] = {
        (shape, size): [] for shape in SHAPES for size in sizes
    }
    for _ in range(repeats):
        for (shape, size), readings in found.items():
            readings.append(ask("benchmarks.million", str(size), SHAPES[shape]))
    rows = []
    for (shape, size), readings in found.items():
        submit, run, grown = (
            median(reading[key] for reading in readings) for key in ("submit", "run", "grown")
        )
        first = found[shape, sizes[0]]
        base = median(reading["submit"] + reading["run"] for reading in first) / sizes[0]
        rows.append(
            (
                f"{size:,}",
                shape,
                f"{submit / size * 1e6:.2f}",
                f"{run / size * 1e6:.2f}",
                f"{grown / 2**20:,.1f}",
                f"{grown / size:,.0f}",
                f"{(submit + run) / size / base:.2f}",
            )
        )
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=tuple(rows),
        notes=(
            f"8 slots, no program is run; medians of {repeats} fresh processes each. Memory is "
            "what the peak resident size grew by after the imports; for the small number it "
            "is mostly the interpreter's own granularity.",
        ),
    )


def through_the_machine(steps: int, shape: str) -> dict[str, float]:
    """Return seconds to submit all steps, and then to launch and end them all."""
    from gpucore.scheduling import (  # noqa: PLC0415 - only the child needs gpucore
        Ended,
        Launch,
        Ledger,
        Machine,
        Submitted,
        Unit,
    )
    from gpucore.standard.model import SLOT, Device  # noqa: PLC0415 - as above

    slots = 8
    machine = Machine(
        Ledger(
            [
                Unit(number, (Device(uuid=f"GPU-{number}", index=number, simulated=True),))
                for number in range(slots)
            ]
        ),
        workers=slots,
    )
    before = peak()
    start = time.perf_counter()
    running: list[int] = []
    for step in range(steps):
        after = (step - 1,) if shape == "pairs" and step % 2 else ()
        for action in machine.handle(Submitted(step, SLOT, after)):
            assert isinstance(action, Launch)
            running.append(action.step)
    submitted = time.perf_counter()
    ended = 0
    while running:
        oldest, running = running, []
        for step in oldest:
            ended += 1
            for action in machine.handle(Ended(step, done=True)):
                assert isinstance(action, Launch)
                running.append(action.step)
    done = time.perf_counter()
    assert ended == steps
    return {"submit": submitted - start, "run": done - submitted, "grown": peak() - before}


def peak() -> float:
    """Return the peak resident size of this process in bytes.

    `getrusage` would do, but for its `ru_maxrss` a child starts with its parent's peak.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> None:
    """Measure one size and shape; this is the child."""
    through_the_machine(1000, sys.argv[2])  # warm, so that the small number is not punished
    found = through_the_machine(int(sys.argv[1]), sys.argv[2])
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
