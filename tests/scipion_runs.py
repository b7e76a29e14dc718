"""Scipion's own Python, which tests start: pyworkflow and gpucore are both in it."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HERE", "Scipion"]

HERE = Path(__file__).parent / "scipion"

# The queue is the shell: a job has ended when it is submitted, and its number is made up.
HOSTS = """
[localhost]
PARALLEL_COMMAND = mpirun -np %_(JOB_NODES)d %_(COMMAND)s
NAME = LAB
MANDATORY = False
SUBMIT_COMMAND = sh %_(JOB_SCRIPT)s > /dev/null && echo 4711
CHECK_COMMAND = true
CANCEL_COMMAND = true
SUBMIT_TEMPLATE = export LAB_GPU_COUNT=%_(GPU_COUNT)s
    %_(JOB_COMMAND)s
QUEUES = {"lab": {}}
"""

CASES = {
    "scipion": ("bug_cases", "queue_cases", "parity_cases", "launch_cases"),
    "gpucore": ("bug_cases", "queue_cases", "parity_cases", "launch_cases", "gpucore_cases"),
}


class Scipion:
    """Runs Scipion's Python in a folder of its own.

    Parameters
    ----------
    python : str
        Its path.
    folder : Path
        Where projects lie, and leases.
    """

    def __init__(self, python: str, folder: Path) -> None:
        self.python = python
        self.folder = folder
        for name in ("leases", "tmp"):
            (folder / name).mkdir(mode=0o700)
        (folder / "hosts.conf").write_text(HOSTS, encoding="utf-8")
        self.seen = cache(self._seen)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment that it runs in: 16 GPUs that are made up."""
        own = {
            "HOME": self.folder,
            "TMPDIR": self.folder / "tmp",
            "XDG_RUNTIME_DIR": self.folder / "leases",
            "SCIPION_HOME": self.folder,
            "SCIPION_USER_DATA": self.folder / "user",
            "SCIPION_HOSTS": self.folder / "hosts.conf",
            "SCIPION_DOMAIN": HERE / "lab",
            "SCIPION_PYTHON": self.python,
            "GPUCORE_DEVICES": "simulated:16",
            "NO_COLOR": "1",
            **more,
        }
        left = {name: text for name, text in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
        return left | {name: str(value) for name, value in own.items()}

    def run(self, *argv: str, **more: str) -> str:
        """Run its Python to a good end; return what it prints."""
        done = subprocess.run(
            [self.python, *argv],
            cwd=self.folder,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    def start(self, *argv: str, **more: str) -> subprocess.Popen[str]:
        """Start its Python, to be listened to."""
        return subprocess.Popen(
            [self.python, *argv],
            cwd=self.folder,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _seen(self, executors: str) -> Mapping[str, Any]:
        """Return what each case saw, with the executors of ``scipion`` or of ``gpucore``."""
        out = self.folder / f"{executors}.json"
        switch = "off" if executors == "scipion" else "on"
        self.run(
            str(HERE / "harness.py"), executors, str(out), *CASES[executors],
            GPUCORE_SCIPION=switch,
        )  # fmt: skip
        seen: Mapping[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return seen
