"""Signals to ``gpucore map`` at random moments: the right exit code, and nothing left running."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest
from fault_hosts import FAULTS, marked, report

if TYPE_CHECKING:
    from pathlib import Path

EACH = 50 if FAULTS else 10
CASES = {
    "SIGINT": ((signal.SIGINT,), 130),
    "SIGINT twice": ((signal.SIGINT, signal.SIGINT), 130),
    "SIGTERM": ((signal.SIGTERM,), 143),
    "SIGHUP": ((signal.SIGHUP,), 129),
}

ADAPTER = """
name    = "waits"
title   = "waits: a stand-in"
program = {{ executable = "{program}", install = "it comes with the tests" }}

[gpu]
use  = "compulsory"
form = "space"

[command]
argv = ["%(EXE)s", "%(movie)s", "%(mark)s", {{ when = "gpu", args = ["%(GPU)s"] }}]

[params]
movie = {{ type = "path", item = true, help = "what is read" }}
mark  = {{ type = "string", help = "what it is found by" }}
"""


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_signal_at_a_random_moment_ends_the_run_and_all_of_its_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    signals, expected = CASES[case]
    rng = random.Random(case)
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\nsleep 1000 & (setsid sh -c "sleep 1000; :" "$@" & ) ; wait\n')
    program.chmod(0o755)
    adapter = tmp_path / "waits.toml"
    adapter.write_text(ADAPTER.format(program=program))
    movies = [tmp_path / f"{number}.mrc" for number in range(8)]
    for movie in movies:
        movie.write_text("movie")
    wrong, survivors = [], 0
    for number in range(EACH):
        mark = uuid.uuid4().hex
        words = ["map", "waits", *map(str, movies), "-o", str(tmp_path / f"out {number}")]
        words += ["--adapter", str(adapter), "--set", f"mark={mark}"]
        words += ["--gpus", "0 1", "--devices", "simulated:2", "--threads", "3"]
        run = subprocess.Popen(
            [sys.executable, "-m", "gpucore.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=dict(os.environ),
        )
        for one in signals:
            try:  # the random moment: nothing is waited for
                run.wait(rng.uniform(0.25, 0.8) if one is signals[0] else rng.uniform(0.0, 0.1))
            except subprocess.TimeoutExpired:
                run.send_signal(one)
        out, err = run.communicate(timeout=60)
        survivors += len(marked(mark))
        if run.returncode != expected or "Traceback" in err:
            wrong.append(f"{run.returncode} {err[-600:]}")
    report(capsys, f"{EACH} x {case}, {len(wrong)} ended wrongly, {survivors} programs left")
    assert wrong == []
    assert survivors == 0
