"""How long `gpucore report` takes over 5,000 and 100,000 steps."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.fresh import ask
from benchmarks.roster import ROOT, DriverFailedError
from benchmarks.table import Table

NAME = "report"
SIZES = {5_000: "1 s", 100_000: "15 s"}
COLUMNS = ("steps", "seconds: median", "min", "max", "page, MB", "target")


def measure(repeats: int) -> Table:
    """Make a journal of each size once, and report on it in fresh processes."""
    rows = []
    with tempfile.TemporaryDirectory() as made:
        for steps, target in SIZES.items():
            folder = Path(made, str(steps))
            ask("benchmarks.journal", "make", str(folder), str(steps), "ended")
            seconds = [_report(folder) for _ in range(repeats)]
            size = (folder / "report.html").stat().st_size
            rows.append(
                (
                    f"{steps:,}",
                    f"{median(seconds):.2f}",
                    f"{min(seconds):.2f}",
                    f"{max(seconds):.2f}",
                    f"{size / 1e6:.2f}",
                    target,
                )
            )
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=tuple(rows),
        notes=(f"{repeats} fresh processes each, from their start to their end.",),
    )


def _report(folder: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "gpucore.cli", "report", str(folder)],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    taken = time.perf_counter() - start
    if done.returncode:
        raise DriverFailedError(done.stderr[-200:])
    return taken
