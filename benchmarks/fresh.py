"""Start a fresh interpreter and read what it measured of itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.roster import ROOT, DriverFailedError


def ask(module: str, *arguments: str, timeout: float = 600.0) -> dict[str, float]:
    """Run a module of this package in a process of its own and return its JSON line.

    Raises
    ------
    DriverFailedError
        When it fails, does not end in time, or gives no such line.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=os.environ | {"PYTHONHASHSEED": "0"},
        )
    except subprocess.TimeoutExpired as late:
        raise DriverFailedError(f"not done after {timeout:g} s") from late
    if done.returncode != 0:
        raise DriverFailedError((done.stderr.strip().splitlines() or ["no message"])[-1])
    try:
        found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as fault:
        raise DriverFailedError(f"its last line is no result: {done.stdout[-80:]!r}") from fault
    return found
