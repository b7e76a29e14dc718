"""gpucore itself, through the API that a host application uses, with simulated devices.

Unlike the reference it keeps a log file for each step; with ``--keep leases`` the machine's leases
besides, with ``--keep journal`` also a journal on disk.
"""

from __future__ import annotations

import json
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.workload import Workload, report, workload
from gpucore import StepExecutor
from gpucore.config import SiteConfig

ADAPTER = "benchmark"


def adapter(asked: Workload) -> str:
    """Return the adapter of the measured command as TOML text."""
    argv = ["%(EXE)s", *asked.command[1:]]
    return "\n".join(
        [
            "schema = 1",
            f'name = "{ADAPTER}"',
            'title = "the measured command"',
            "[program]",
            f"executable = {json.dumps(asked.command[0])}",
            "[gpu]",
            'use = "compulsory"',
            'form = "none"',
            'ids = "visible"  # CUDA_VISIBLE_DEVICES is set, as for every peer',
            "[command]",
            f"argv = {json.dumps(argv)}",
            "",
        ]
    )


def main() -> None:
    """Measure the workload."""
    asked = workload()
    scratch = tempfile.mkdtemp()  # deleted by whoever measures, when all peers have run
    described = Path(scratch, f"{ADAPTER}.toml")
    described.write_text(adapter(asked), encoding="utf-8")
    with StepExecutor.open(
        gpus=f"0-{asked.slots - 1}",
        threads=asked.slots + 1,
        devices=f"simulated:{asked.slots}",
        output=str(Path(scratch, "out")),
        adapters=[str(described)],
        config=SiteConfig(leases="run" if asked.keep == "logs" else "machine"),
        journal=asked.keep == "journal",
    ) as executor:
        for future in [executor.submit(ADAPTER) for _ in range(asked.warm)]:
            future.result()
        start = time.perf_counter()
        futures = [executor.submit(ADAPTER) for _ in range(asked.steps)]
        outcomes = [future.result() for future in futures]
        seconds = time.perf_counter() - start
    report(
        asked,
        peer={"logs": "gpucore"}.get(asked.keep, f"gpucore-{asked.keep}"),
        version=version("gpucore-framework"),
        seconds=seconds,
        failed=sum(not outcome.done for outcome in outcomes),
    )


if __name__ == "__main__":
    main()
