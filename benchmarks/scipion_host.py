"""Scipion's protocols on its own executor and on gpucore's: steps a second, and lost slot time."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.roster import ROOT, DriverFailedError
from benchmarks.table import Table

NAME = "scipion-host"
PYTHON = ROOT / ".venv-scipion" / "bin" / "python"
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
STEPS, SLOTS, NAP = 200, 8, 0.02
COLUMNS = (
    "executor",
    "its project lies",
    "steps/s: median",
    "min",
    "max",
    "lost per step: median",
    "times Scipion's",
)


@dataclass(frozen=True)
class Case:
    """One executor, with its project in one place."""

    title: str
    executors: str
    where: str


CASES = (
    Case("Scipion ThreadStepExecutor", "scipion", "in memory"),
    Case("gpucore.hosts.scipion", "gpucore", "in memory"),
    Case("no executor: Scipion's records alone", "records", "in memory"),
    Case("Scipion ThreadStepExecutor", "scipion", "on disk"),
    Case("gpucore.hosts.scipion", "gpucore", "on disk"),
    Case("no executor: Scipion's records alone", "records", "on disk"),
)


def measure(repeats: int) -> Table:
    """Measure the executors in turn, each in a fresh process."""
    if not PYTHON.exists():
        raise DriverFailedError(
            "no Scipion: python3 -m venv .venv-scipion; "
            '.venv-scipion/bin/pip install -e ".[scipion]"'
        )
    found: dict[Case, list[dict[str, float]]] = {case: [] for case in CASES}
    for turn in range(repeats):
        for case in CASES if turn % 2 == 0 else reversed(CASES):
            found[case].append(_read(case))
    rates = {case: [STEPS / one["seconds"] for one in runs] for case, runs in found.items()}
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=tuple(_row(case, rates, found[case]) for case in CASES),
        notes=(
            f"A protocol of {STEPS} steps of {NAP * 1e3:g} ms over {SLOTS} slots, with all that "
            f"Scipion records of it; {repeats} repeats in turn; lost = (wall * slots - time in "
            "steps) / steps. Scipion looks for ends every 3 s, unless one has come while it "
            "was writing: on a slow disk that happens.",
        ),
    )


def _row(
    case: Case, rates: dict[Case, list[float]], runs: list[dict[str, float]]
) -> tuple[str, ...]:
    own = next(one for one in CASES if one.executors == "scipion" and one.where == case.where)
    middle = median(rates[case])
    lost = median((one["seconds"] * SLOTS - one["busy"]) / STEPS for one in runs)
    runs_steps = case.executors != "records"
    return (
        case.title,
        case.where,
        f"{middle:,.4g}",
        f"{min(rates[case]):,.4g}",
        f"{max(rates[case]):,.4g}",
        f"{lost * 1e3:,.2f} ms" if runs_steps else "",
        f"{middle / median(rates[own]):,.0f}" if runs_steps else "",
    )


def _read(case: Case) -> dict[str, float]:
    place = MEMORY if case.where == "in memory" and MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        done = subprocess.run(
            [PYTHON, "-m", "benchmarks.peers.scipion_host", case.executors, folder,
             str(STEPS), str(SLOTS), str(NAP)],
            cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
    if done.returncode:
        raise DriverFailedError((done.stderr.strip().splitlines() or ["no message"])[-1])
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    if found["failed"]:
        raise DriverFailedError(f"{found['failed']} steps failed")
    return found
