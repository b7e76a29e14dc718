"""What it costs to start: import, `--help` and all plugins, each in a fresh process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from statistics import median

from benchmarks.table import Table, told

NAME = "import"
CLI = "from gpucore.cli import main; main()"  # as the installed script does
BARE = "python -c pass"
COMMANDS: dict[str, tuple[str, ...]] = {
    BARE: ("-c", "pass"),
    "import gpucore": ("-c", "import gpucore"),
    "gpucore --help": ("-c", CLI, "--help"),
    "gpucore plugins (every plugin loaded)": ("-c", CLI, "plugins"),
}
COLUMNS = ("what", "median", "min", "above bare Python (medians)")


def measure(repeats: int) -> Table:
    """Time every command in turn; the first round only warms the file cache."""
    seconds: dict[str, list[float]] = {label: [] for label in COMMANDS}
    faults: dict[str, str] = {}
    for repeat in range(repeats + 1):
        for label, arguments in COMMANDS.items():
            if label in faults:
                continue
            taken, fault = _once(arguments)
            if fault:
                faults[label] = fault
            elif repeat:
                seconds[label].append(taken)
    base = median(seconds[BARE])
    rows = tuple(
        (f"`{label}`", told(faults[label]), "", "")
        if label in faults
        else (
            f"`{label}`",
            f"{median(times) * 1e3:.1f} ms",
            f"{min(times) * 1e3:.1f} ms",
            f"{(median(times) - base) * 1e3:+.1f} ms",
        )
        for label, times in seconds.items()
    )
    return Table(
        name=NAME, columns=COLUMNS, rows=rows, notes=(f"{repeats} fresh processes each, in turn.",)
    )


def _once(arguments: tuple[str, ...]) -> tuple[float, str]:
    with tempfile.TemporaryDirectory() as elsewhere:  # so that nothing is imported from here
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments], cwd=elsewhere, capture_output=True, text=True, check=False
        )
        taken = time.perf_counter() - start
    fault = (done.stderr.strip().splitlines() or ["no message"])[-1] if done.returncode else ""
    return taken, fault
