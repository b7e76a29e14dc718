"""simple_gpu_scheduler: its own manager and reading loop, called in this process.

It knows no result of a step, so failures can not be counted. Its clock stops when every GPU is
back in its manager.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import time
from importlib.metadata import version
from pathlib import Path

from simple_gpu_scheduler.scheduler import (  # type: ignore[import-not-found]  # peers' environment
    GPUManager,
    read_commands_and_run,
)

from benchmarks.peers.workload import report, workload


def main() -> None:
    """Measure the workload."""
    asked = workload()
    line = shlex.join(asked.command) + "\n"

    def run(steps: int) -> float:
        manager = GPUManager([str(gpu) for gpu in range(asked.slots)])
        sys.stdin = io.StringIO(line * steps)
        start = time.perf_counter()
        read_commands_and_run(manager)
        for _ in range(asked.slots):
            manager.get_gpu()
        return time.perf_counter() - start

    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        run(asked.warm)
        seconds = run(asked.steps)
    report(
        asked,
        peer="simple-gpu-scheduler",
        version=version("simple_gpu_scheduler"),
        seconds=seconds,
        failed=0,
    )


if __name__ == "__main__":
    main()
