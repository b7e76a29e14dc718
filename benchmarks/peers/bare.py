"""The reference: a thread pool, `subprocess.run` and a queue of GPU numbers; no journal, no log."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from benchmarks.peers.workload import report, workload


def main() -> None:
    """Measure the workload."""
    asked = workload()
    gpus: SimpleQueue[int] = SimpleQueue()
    for gpu in range(asked.slots):
        gpus.put(gpu)

    def step(_: int) -> int:
        gpu = gpus.get()
        try:
            env = os.environ | {"CUDA_VISIBLE_DEVICES": str(gpu)}
            return subprocess.run(asked.command, env=env, check=False).returncode
        finally:
            gpus.put(gpu)

    with ThreadPoolExecutor(asked.slots) as pool:
        list(pool.map(step, range(asked.warm)))
        start = time.perf_counter()
        futures = [pool.submit(step, index) for index in range(asked.steps)]
        codes = [future.result() for future in futures]
        seconds = time.perf_counter() - start
    report(
        asked,
        peer="bare",
        version=f"Python {platform.python_version()}",
        seconds=seconds,
        failed=sum(code != 0 for code in codes),
    )


if __name__ == "__main__":
    main()
