"""Scipion's ThreadStepExecutor, as a protocol uses it, with function steps that start the program.

The steps' ids start above the number of slots: below it pyworkflow 3.11.7 loses a slot when it is
given back (`-id` overwrites a free one), and that would be held against its speed here.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from importlib.metadata import version

FIRST_ID = 1000


def main() -> None:
    """Measure the workload."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("SCIPION_HOME", scratch)  # read while pyworkflow is imported
        os.environ.setdefault("SCIPION_USER_DATA", scratch)
        _measure()


def _measure() -> None:
    from pyworkflow.protocol import (  # type: ignore[import-not-found]  # noqa: PLC0415 - see main
        constants,
        protocol,
    )
    from pyworkflow.protocol.executor import (  # type: ignore[import-not-found]  # noqa: PLC0415
        ThreadStepExecutor,  # - see main
    )

    from benchmarks.peers.workload import report, workload  # noqa: PLC0415 - beside the others

    asked = workload()

    def run(steps: int) -> tuple[float, int]:
        executor = ThreadStepExecutor(None, asked.slots, gpuList=list(range(asked.slots)))

        def program() -> None:
            gpus = ",".join(str(gpu) for gpu in executor.getGpuList())
            subprocess.run(
                asked.command, env=os.environ | {"CUDA_VISIBLE_DEVICES": gpus}, check=True
            )

        queue = []
        for index in range(steps):
            step = protocol.FunctionStep(program, "program")
            step.setObjId(FIRST_ID + index)
            step.setStatus(constants.STATUS_NEW)
            queue.append(step)
        ends: list[float] = []

        def ended(_: object) -> bool:
            ends.append(time.perf_counter())
            return True

        start = time.perf_counter()
        executor.runSteps(queue, lambda _: None, ended, lambda: None)
        return ends[-1] - start, steps - sum(step.isFinished() for step in queue)

    run(2)
    seconds, failed = run(asked.steps)
    report(
        asked, peer="scipion", version=version("scipion-pyworkflow"), seconds=seconds, failed=failed
    )


if __name__ == "__main__":
    main()
