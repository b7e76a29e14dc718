"""A watched folder of 100,000 files: how soon the next one's program runs, and what waiting costs.

`python -m benchmarks.watching` is the run itself: it prints one JSON line.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.fresh import ask
from benchmarks.million import peak
from benchmarks.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.standard import Event

NAME = "watching"
COLUMNS = (
    "files",
    "from closing to start: median",
    "max",
    "of a core while nothing comes",
    "steps/s until all were done",
    "peak memory (MiB)",
)
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
FILES = 100_000
LATE = 50
IDLE = 70.0
"""Seconds in which nothing comes: the whole folder is looked through once in them."""


def measure(repeats: int) -> Table:
    """Measure runs in fresh processes."""
    found = [ask(__name__, timeout=3600) for _ in range(repeats)]
    row = (
        f"{FILES:,}",
        f"{median(one['median'] for one in found) * 1e3:,.1f} ms",
        f"{max(one['max'] for one in found) * 1e3:,.1f} ms",
        f"{median(one['idle'] for one in found):.3%}",
        f"{median(one['rate'] for one in found):,.0f}",
        f"{max(one['memory'] for one in found) / 2**20:,.0f}",
    )
    return Table(
        name=NAME,
        columns=COLUMNS,
        rows=(row,),
        notes=(
            f"A run with a journal over {FILES:,} files in memory, `/bin/true` for each on two "
            f"workers; then nothing comes for {IDLE:g} s, then {LATE} more files, one by one.",
        ),
    )


class _Watcher:
    """Knows when steps start and how many have ended."""

    def __init__(self, feed: Callable[[Event], None]) -> None:
        self.started: dict[str, float] = {}
        self.ended = 0
        self._feed = feed
        self._more = threading.Condition()

    def __call__(self, event: Event) -> None:
        from gpucore.standard import StepEnded, StepStarted  # noqa: PLC0415

        self._feed(event)
        with self._more:
            if isinstance(event, StepStarted):
                self.started[event.step] = time.monotonic()
            elif isinstance(event, StepEnded):
                self.ended += 1
            self._more.notify_all()

    def wait(self, steps: int) -> None:
        with self._more:
            self._more.wait_for(lambda: self.ended >= steps)


def _run(folder: Path) -> dict[str, float]:
    from gpucore.config import SiteConfig  # noqa: PLC0415 - the child's
    from gpucore.config.watch import WatchTable  # noqa: PLC0415
    from gpucore.settings import read_settings  # noqa: PLC0415
    from gpucore.standard import Adapter, Param, Program, Template  # noqa: PLC0415
    from gpucore.streaming.job import map_stream  # noqa: PLC0415
    from gpucore.streaming.stream import Stream  # noqa: PLC0415

    program = Adapter(
        name="true",
        title="true: nothing",
        program=Program(executable="/bin/true"),
        command=Template(argv=("%(EXE)s", "%(file)s")),
        params={"file": Param(type="path", item=True, help="a file")},
    )
    settings = read_settings({"gpus": "", "threads": 3}, config=SiteConfig(), root=folder)
    watch = WatchTable(dir="in", pattern="*.txt", marker="STOP")
    stream = Stream(map_stream(program, {}, watch, output="out", root=folder))
    watcher = _Watcher(stream.heard)
    executor = stream.executor(
        settings, settings.provide(), output="out", journal=True, on_event=watcher
    )
    begun = time.monotonic()
    running = threading.Thread(target=stream.run, args=(executor,))
    running.start()
    watcher.wait(FILES)
    rate = FILES / (time.monotonic() - begun)
    time.sleep(1.0)
    before, clock = time.process_time(), time.monotonic()
    time.sleep(IDLE)
    idle = (time.process_time() - before) / (time.monotonic() - clock)
    late: list[float] = []
    for number in range(LATE):
        with (folder / "in" / f"late{number}.txt").open("w") as file:
            file.write("x")
        closed = time.monotonic()
        watcher.wait(FILES + number + 1)
        late.append(watcher.started[f"true/late{number}"] - closed)
    (folder / "in" / "STOP").touch()
    running.join()
    executor.close()
    return {
        "median": median(late),
        "max": max(late),
        "idle": idle,
        "rate": rate,
        "memory": peak(),
    }


def main() -> None:
    """Measure one run and print it."""
    # What is measured is not the disk.
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for number in range(FILES):
            (folder / "in" / f"{number:06d}.txt").write_text("x")
        os.environ["HOME"] = name
        found = _run(folder)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
