"""Dask distributed: a LocalCluster whose steps ask for the resource GPU.

The resource is only a count: the number a step gets comes from a queue that a worker plugin keeps
in each worker process. `--layout processes` (one worker process for each GPU) is how dask-cuda
lays them out; `--layout threads` has client, scheduler and worker in this one process, with a
thread for each GPU.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from importlib.metadata import version
from queue import SimpleQueue

from distributed import (  # type: ignore[import-not-found]  # peers' environment
    Client,
    LocalCluster,
    WorkerPlugin,
    get_worker,
)

from benchmarks.peers.workload import Workload, report, workload


class GpuNumbers(WorkerPlugin):  # type: ignore[misc]  # its base is unknown without Dask
    """The GPU numbers of one worker process."""

    def __init__(self, per_worker: int) -> None:
        self.per_worker = per_worker

    def setup(self, worker: object) -> None:
        """Put this worker's numbers in a queue; called by Dask when the worker starts."""
        first = int(worker.name) * self.per_worker  # type: ignore[attr-defined]  # as above
        worker.gpus = SimpleQueue()  # type: ignore[attr-defined]  # as above
        for gpu in range(first, first + self.per_worker):
            worker.gpus.put(str(gpu))  # type: ignore[attr-defined]  # as above


def step(_: int, command: tuple[str, ...]) -> int:
    """Run one program on one of the worker's GPUs."""
    gpus = get_worker().gpus
    gpu = gpus.get()
    try:
        env = os.environ | {"CUDA_VISIBLE_DEVICES": gpu}
        return subprocess.run(command, env=env, check=False).returncode
    finally:
        gpus.put(gpu)


def main() -> None:
    """Measure the workload."""
    asked = workload()
    apart = asked.layout == "processes"
    workers = asked.slots if apart else 1
    per_worker = asked.slots // workers
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=per_worker,
            resources={"GPU": per_worker},
            processes=apart,
            dashboard_address=None,
            local_directory=scratch,
            host="127.0.0.1" if apart else None,  # in one process they talk without sockets
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(workers)
        client.register_plugin(GpuNumbers(per_worker))
        _run(client, asked, asked.warm)
        start = time.perf_counter()
        codes = _run(client, asked, asked.steps)
        seconds = time.perf_counter() - start
        name = "dask" if apart else "dask-threads"
        report(
            asked,
            peer=name,
            version=version("distributed"),
            seconds=seconds,
            failed=sum(code != 0 for code in codes),
        )


def _run(client: Client, asked: Workload, steps: int) -> list[int]:
    futures = client.map(
        step, range(steps), command=asked.command, pure=False, resources={"GPU": 1}
    )
    codes: list[int] = client.gather(futures)
    return codes


if __name__ == "__main__":
    main()
