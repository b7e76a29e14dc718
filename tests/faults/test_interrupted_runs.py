"""Signals to ``gpucore map`` at random moments: the right exit code, and nothing left running."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from fault_hosts import FAULTS, of_run, report
from programs import python

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

HANGS_UP = """
import os, signal
with open(f"/proc/{os.getppid()}/cmdline") as words:
    host = int(words.read().split("\\0")[-3])  # the shepherd is told whom it works for
os.kill(host, signal.SIGHUP)
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
            env={**os.environ, "WITNESS": mark},
        )
        until_it_listens(run)
        for one in signals:
            try:  # the random moment: nothing is waited for
                run.wait(rng.uniform(0.0, 0.6 if one is signals[0] else 0.1))
            except subprocess.TimeoutExpired:
                run.send_signal(one)
        _, err = run.communicate(timeout=60)
        left = of_run(f"WITNESS={mark}")
        survivors += len(left)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        # A Ctrl-C in the middle of an import may end Python as the signal itself would.
        if run.returncode not in {expected, -signal.SIGINT} or "Traceback" in err:
            wrong.append(f"{run.returncode} {err[-600:]}")
    report(capsys, f"{EACH} x {case}, {len(wrong)} ended wrongly, {survivors} programs left")
    assert wrong == []
    assert survivors == 0


def until_it_listens(run: subprocess.Popen[str]) -> None:
    """Wait until a run obeys signals: before that they end Python itself, and nothing is begun."""
    while run.poll() is None:
        status = Path(f"/proc/{run.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        if caught & 1 << (signal.SIGHUP - 1):
            return
        os.sched_yield()


@pytest.mark.slow
def test_a_run_that_is_to_outlive_its_terminal_does_not_end_with_it(tmp_path: Path) -> None:
    # What `nohup` does: the signal is ignored already when the run begins.
    words = 'trap \'\' HUP; exec "$0" -m gpucore.cli "$@"'
    adapter = tmp_path / "hangs_up.toml"
    adapter.write_text(ADAPTER.format(program=python(tmp_path / "program", HANGS_UP)))
    (tmp_path / "a.mrc").write_text("movie")
    asked = ["map", "waits", "a.mrc", "-o", "out", "--adapter", str(adapter), "--set", "mark=x"]
    run = subprocess.run(
        ["/bin/sh", "-c", words, sys.executable, *asked, "--gpus", "0", "--devices", "simulated:1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "1 done" in run.stderr
    assert run.returncode == 0
