"""A protocol of Scipion's with short GPU steps, on pyworkflow's executors or on gpucore's.

All is as in Scipion: a project, a protocol that is stored step by step, its callbacks. Only the
process is not new: ``python -m benchmarks.peers.scipion_host scipion|gpucore|records FOLDER STEPS
SLOTS NAP``; Scipion's Python runs it, and a line of JSON on standard output is the result. With
``records`` no step is run: pyworkflow only writes down that each begins and ends.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Measure one run."""
    which, place, steps, slots, nap = sys.argv[1:]
    folder = Path(place)
    os.environ |= {
        "SCIPION_HOME": place,
        "SCIPION_USER_DATA": place,
        "SCIPION_HOSTS": str(folder / "hosts.conf"),
        "SCIPION_DOMAIN": "pyworkflowtests",
        "GPUCORE_DEVICES": f"simulated:{slots}",
        "GPUCORE_SCIPION": "on" if which == "gpucore" else "off",
        "XDG_RUNTIME_DIR": place,
    }
    folder.chmod(0o700)
    # The protocol's log is no result; it goes where the harness of these benchmarks looks.
    with contextlib.redirect_stdout(sys.stderr):
        result = _measure(which, int(steps), int(slots), float(nap))
    sys.stdout.write(json.dumps(result) + "\n")


def _measure(which: str, steps: int, slots: int, nap: float) -> dict[str, Any]:
    # Names are looked up now: what they are depends on the environment.
    pyworkflow: Any = importlib.import_module("pyworkflow")
    protocols: Any = importlib.import_module("pyworkflow.protocol")
    spans: list[tuple[float, float]] = []

    def work(_: int) -> None:
        begun = time.perf_counter()
        gpus = running[0]._stepsExecutor.getGpuList()
        assert len(gpus) == 1
        time.sleep(nap)
        spans.append((begun, time.perf_counter()))

    def insert(protocol: Any) -> None:
        running.append(protocol)
        for number in range(steps):
            protocol._insertFunctionStep(work, number, prerequisites=[])

    def record(_: Any, all_steps: Any, started: Any, finished: Any, *_more: Any) -> None:
        begun = time.perf_counter()
        for step in all_steps:
            step.setRunning()
            started(step)
            step.setFinished()
            finished(step)
        spans.extend([(begun, time.perf_counter())] * steps)

    if which == "records":
        executor: Any = importlib.import_module("pyworkflow.protocol.executor")
        executor.ThreadStepExecutor.runSteps = record
    running: list[Any] = []
    protocols.HostConfig.writeBasic(os.environ["SCIPION_HOSTS"])
    domain = pyworkflow.Config.getDomain()
    kind = domain.getProtocols()["ParallelSleepingProtocol"]
    kind.stepsExecutionMode = protocols.STEPS_PARALLEL
    kind._insertAllSteps = insert
    kind._defineParams = lambda _, form: (
        form.addHidden(protocols.GPU_LIST, protocols.StringParam, default=f"0-{slots - 1}"),
        form.addParallelSection(threads=slots + 1, mpi=0),
    )
    project = importlib.import_module("pyworkflow.project").Manager().createProject("short")
    module: Any = importlib.import_module("pyworkflow.project.project").pwprot
    main_of: Any = importlib.import_module("pyworkflow.protocol.protocol").runProtocolMain
    module.launch = lambda protocol, _: main_of(
        project.path, protocol.getDbPath(), protocol.getObjId()
    )
    os.chdir(project.path)
    protocol = project.newProtocol(kind)
    project.launchProtocol(protocol, wait=True)
    seconds = max(end for _, end in spans) - min(begun for begun, _ in spans)
    return {
        "version": str(pyworkflow.__version__),
        "failed": steps - len(spans) + (not protocol.isFinished()),
        "seconds": seconds,
        "busy": sum(end - begun for begun, end in spans),
    }


if __name__ == "__main__":
    main()
