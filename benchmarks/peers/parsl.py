"""Parsl's HighThroughputExecutor: a worker process for each of its `available_accelerators`.

A step is a Python app that starts the program; a bash app adds a shell for each step.
"""

from __future__ import annotations

import sys
import tempfile
import time
from importlib.metadata import version

import parsl  # type: ignore[import-not-found]  # peers' environment
from parsl.config import Config  # type: ignore[import-not-found]  # peers' environment
from parsl.executors import (  # type: ignore[import-not-found]  # peers' environment
    HighThroughputExecutor,
)
from parsl.providers import LocalProvider  # type: ignore[import-not-found]  # peers' environment

from benchmarks.peers.workload import report, workload

START_UP = 60.0


@parsl.python_app  # type: ignore[untyped-decorator]  # untyped without Parsl
def step(command: tuple[str, ...]) -> tuple[int, str]:
    """Run one program in a worker and return its exit code and the worker's GPU."""
    import os  # noqa: PLC0415 - the function's text alone travels to the worker
    import subprocess  # noqa: PLC0415 - as above

    gpu = os.environ["CUDA_VISIBLE_DEVICES"]
    return subprocess.run(command, check=False).returncode, gpu


def main() -> None:
    """Measure the workload.

    Raises
    ------
    SystemExit
        When not every worker is there after a minute.
    """
    asked = workload()
    with (
        tempfile.TemporaryDirectory() as scratch,
        parsl.load(
            Config(
                executors=[
                    HighThroughputExecutor(
                        label="gpus",
                        address="127.0.0.1",
                        available_accelerators=asked.slots,
                        max_workers_per_node=asked.slots,
                        cores_per_worker=0.1,
                        cpu_affinity="none",
                        provider=LocalProvider(init_blocks=1, max_blocks=1),
                    )
                ],
                run_dir=scratch,
                initialize_logging=False,
                strategy="none",
            )
        ),
    ):
        deadline = time.monotonic() + START_UP
        seen: set[str] = set()
        while len(seen) < asked.slots:  # warm until every worker has had a step
            if time.monotonic() > deadline:
                sys.exit(f"only {len(seen)} of {asked.slots} workers came up")
            warm = [step(asked.command) for _ in range(asked.warm)]
            seen.update(future.result()[1] for future in warm)
        start = time.perf_counter()
        futures = [step(asked.command) for _ in range(asked.steps)]
        codes = [future.result()[0] for future in futures]
        seconds = time.perf_counter() - start
    report(
        asked,
        peer="parsl",
        version=version("parsl"),
        seconds=seconds,
        failed=sum(code != 0 for code in codes),
    )


if __name__ == "__main__":
    main()
