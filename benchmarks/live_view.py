"""What `gpucore top` costs while it shows eight GPUs and a run of ten steps a second.

`python -m benchmarks.live_view` is one measurement: it prints one JSON line.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from statistics import median

from benchmarks.fresh import ask
from benchmarks.table import Table

NAME = "live-view"
COLUMNS = ("what is shown", "of a core: median", "max", "steps/s meanwhile", "target")
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
GPUS = 8
SECONDS = 30.0
STEP = 0.75
"""Seconds that a step takes: with what gpucore adds to them, eight GPUs end ten a second."""
ITEMS = 1_000
SIZE = (50, 160)
NAP = f"""
name = "nap"
title = "nap: nothing, for a while"
program = {{ executable = "sleep" }}
gpu = {{ use = "compulsory", form = "none" }}
[command]
argv = ["%(EXE)s", "{STEP}"]
[params]
src = {{ type = "path", item = true, help = "a file" }}
"""


def measure(repeats: int) -> Table:
    """Measure views in fresh processes."""
    found = [ask(__name__) for _ in range(repeats)]
    row = (
        f"{GPUS} simulated GPUs and one run",
        f"{median(one['share'] for one in found):.2%}",
        f"{max(one['share'] for one in found):.2%}",
        f"{median(one['rate'] for one in found):.1f}",
        "3%",
    )
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=(row,),
        notes=(
            f"Processor time of `gpucore top` on a terminal of {SIZE[1]} columns and {SIZE[0]} "
            f"lines, a look each second, over {SECONDS:g} s; the run is another process's.",
        ),
    )


def _gpucore(*argv: str) -> list[str]:
    return [sys.executable, "-m", "gpucore.cli", *argv]


def _run(folder: Path) -> dict[str, float]:
    items = [f"m{number:04d}" for number in range(ITEMS)]
    for item in items:
        (folder / item).write_text("x")
    (folder / "nap.toml").write_text(NAP)
    devices = ("--devices", f"simulated:{GPUS}")
    run = subprocess.Popen(
        _gpucore("map", "nap", *items, "-o", "out", "--adapter", "nap.toml", *devices,
                 "--gpus", f"0-{GPUS - 1}", "--threads", str(GPUS + 1), "-q"),
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        return _watch(folder, _gpucore("top", *devices))
    finally:
        run.terminate()
        run.wait()


def _watch(folder: Path, argv: list[str]) -> dict[str, float]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
    view = subprocess.Popen(
        argv, cwd=folder, env={**os.environ, "TERM": "xterm-256color"},
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        _read(master, 5.0)  # it has started, and so has the run
        used, ended, begun = _processor(view.pid), _ended(folder), time.monotonic()
        _read(master, SECONDS)
        took = time.monotonic() - begun
        share = (_processor(view.pid) - used) / took
        rate = (_ended(folder) - ended) / took
        os.write(master, b"q")
        _read(master, 1.0)
    finally:
        view.terminate()
        view.wait()
        os.close(master)
    return {"share": share, "rate": rate}


def _read(master: int, seconds: float) -> None:
    """Be the terminal for so many seconds."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([master], [], [], left)[0]:
            try:
                os.read(master, 1 << 16)
            except OSError:
                return


def _processor(pid: int) -> float:
    """Return the seconds of processor time of a process and of the children that it waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _ended(folder: Path) -> int:
    from gpucore.standard.model import StepState  # noqa: PLC0415 - the child's
    from gpucore.system.journal import read_journal  # noqa: PLC0415

    with read_journal(folder / "out", folder) as state:
        return state.counts()[StepState.DONE]


def main() -> None:
    """Measure one view and print it."""
    # What is measured is not the disk.
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
            (Path(name) / variable).mkdir(mode=0o700)
            os.environ[variable] = str(Path(name) / variable)
        found = _run(Path(name))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
