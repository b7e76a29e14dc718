"""What watching a run costs it: 2,000 short steps with the picture on a terminal, and without."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from benchmarks.roster import ROOT, DriverFailedError
from benchmarks.table import Table

NAME = "progress"
STEPS = 2_000
SLOTS = 8
COLUMNS = (
    "run",
    "seconds: median",
    "min",
    "max",
    "against without",
    "CPU seconds: median",
    "against without",
)
WAYS = {"without (`--quiet`)": ("--quiet",), "with the picture": ()}
ADAPTER = """
name = "true"
title = "true: nothing"
[program]
executable = "/bin/true"
[gpu]
use = "compulsory"
form = "space"
[command]
argv = ["%(EXE)s", "%(file)s", "%(GPU)s"]
[params]
file = { type = "path", item = true, help = "a file" }
"""


def measure(repeats: int) -> Table:
    """Run it in both ways in turn, every second time the other way round."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    cpu: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "true.toml").write_text(ADAPTER)
        (folder / "gpucore.toml").write_text('leases = "run"\n')  # of no other run on this machine
        (folder / "in").mkdir()
        for number in range(STEPS):
            (folder / "in" / f"{number:05d}.txt").write_text("x")
        for repeat in range(-1, repeats):  # the first round warms up
            order = list(WAYS) if repeat % 2 == 0 else list(reversed(WAYS))
            for way in order:
                took, used = _run(folder, f"out-{way[:7].strip()}-{repeat}", WAYS[way])
                if repeat >= 0:
                    seconds[way].append(took)
                    cpu[way].append(used)
    base = next(iter(WAYS))
    rows = tuple(
        (
            way,
            f"{median(times):.3f}",
            f"{min(times):.3f}",
            f"{max(times):.3f}",
            "" if way == base else _apart(times, seconds[base]),
            f"{median(cpu[way]):.3f}",
            "" if way == base else _apart(cpu[way], cpu[base]),
        )
        for way, times in seconds.items()
    )
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=rows,
        notes=(
            f"{STEPS:,} `/bin/true` by `gpucore map` on {SLOTS} simulated GPUs, whose standard "
            f"error is a terminal of 120 columns; {repeats} pairs in turn. What counts is the "
            "median of the pairs' ratios (target: under 3 %); on a machine that does other things "
            "too, that of their processor time.",
        ),
    )


def _apart(times: list[float], base: list[float]) -> str:
    return f"{median(one / other - 1 for one, other in zip(times, base, strict=True)):+.1%}"


def _run(folder: Path, output: str, options: tuple[str, ...]) -> tuple[float, float]:
    """Return how long the run took, as it says itself, and the processor time of its host."""
    master, slave = pty.openpty()
    drained = threading.Thread(target=_drain, args=(master,))
    environment = {
        **os.environ, "HOME": str(folder), "TERM": "xterm-256color", "COLUMNS": "120",
        "LINES": "40",
    }  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "gpucore.cli", "map", "true", "-o", output, "--adapter", "true.toml",
         "--devices", f"simulated:{SLOTS}", "--gpus", f"0-{SLOTS - 1}", "--threads",
         str(SLOTS + 1), "--json", *options,
         *(f"in/{number:05d}.txt" for number in range(STEPS))],
        cwd=folder, env={**environment, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        stderr=slave,
    ) as child:  # fmt: skip
        os.close(slave)
        drained.start()
        assert child.stdout is not None
        said = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    drained.join()
    os.close(master)
    if child.returncode:
        raise DriverFailedError(f"the run ended with exit code {child.returncode}")
    time.sleep(0.1)  # what it left to be written goes to the disk, and not into the next reading
    return json.loads(said)["seconds"], usage.ru_utime + usage.ru_stime


def _drain(master: int) -> None:
    while True:
        try:
            if not os.read(master, 65536):
                return
        except OSError:
            return
