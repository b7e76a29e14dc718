"""Who is measured, and how one driver is started and read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.install_peers import PYTHON

ROOT = Path(__file__).resolve().parent.parent


class DriverFailedError(Exception):
    """A driver that could not be run, or gave no figure."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One tool and the driver that measures it.

    Parameters
    ----------
    name
        What `--peers` and the tables call it.
    title
        The tool in words.
    module
        Driver module below `benchmarks.peers`.
    installed
        Whether it needs the peers' environment; otherwise the interpreter of this run serves.
    arguments
        Further arguments of its driver.
    most_steps
        A cap for tools so slow that the full number would take minutes; rates stay comparable.
    """

    name: str
    title: str
    module: str
    installed: bool = True
    arguments: tuple[str, ...] = ()
    most_steps: int | None = None


REFERENCE = "bare"

PEERS: tuple[Peer, ...] = (
    Peer(name="bare", title="ThreadPoolExecutor + subprocess.run", module="bare", installed=False),
    Peer(
        name="gpucore",
        title="gpucore, leases within the run, a log for each step",
        module="gpucore_driver",
        installed=False,
        arguments=("--keep", "logs"),
    ),
    Peer(
        name="gpucore-leases",
        title="gpucore, leases of the machine, a log for each step",
        module="gpucore_driver",
        installed=False,
        arguments=("--keep", "leases"),
    ),
    Peer(
        name="gpucore-journal",
        title="gpucore, leases of the machine, logs and journal",
        module="gpucore_driver",
        installed=False,
        arguments=("--keep", "journal"),
    ),
    Peer(
        name="gnu-parallel",
        title="GNU parallel, `{%}` as GPU",
        module="gnu_parallel",
        installed=False,
    ),
    Peer(name="simple-gpu-scheduler", title="simple_gpu_scheduler", module="simple_gpu_scheduler"),
    Peer(name="dask", title="Dask distributed, one worker process per GPU", module="dask"),
    Peer(
        name="dask-threads",
        title="Dask distributed, one process, a thread per GPU",
        module="dask",
        arguments=("--layout", "threads"),
    ),
    Peer(name="parsl", title="Parsl HTEX, `available_accelerators`", module="parsl"),
    Peer(name="scipion", title="Scipion ThreadStepExecutor", module="scipion", most_steps=64),
)


@dataclass(frozen=True, kw_only=True)
class Load:
    """What every peer of one measurement is asked to run."""

    command: tuple[str, ...]
    steps: int
    slots: int
    warm: int
    timeout: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one driver reported.

    Parameters
    ----------
    peer, version
        Who ran, in which version.
    steps, slots
        Steps measured and steps allowed at once.
    seconds
        From the first submission to the last end.
    """

    peer: str
    version: str
    steps: int
    slots: int
    seconds: float


def read(peer: Peer, load: Load, scratch: Path) -> Reading:
    """Run a peer's driver once; its files lie in `scratch`, and stay there.

    Raises
    ------
    DriverFailedError
        When it is not installed, fails, or does not end in time.
    """
    python = PYTHON if peer.installed else Path(sys.executable)
    if not python.exists():
        raise DriverFailedError("not installed: run python -m benchmarks.install_peers")
    steps = load.steps if peer.most_steps is None else min(load.steps, peer.most_steps)
    driver = subprocess.Popen(
        [
            str(python),
            "-m",
            f"benchmarks.peers.{peer.module}",
            "--steps",
            str(steps),
            "--slots",
            str(load.slots),
            "--warm",
            str(load.warm),
            *peer.arguments,
            "--",
            *load.command,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ
        | {
            "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "TMPDIR": str(scratch),
        },
        start_new_session=True,
    )
    try:
        out, err = driver.communicate(timeout=load.timeout)
    except subprocess.TimeoutExpired as late:
        os.killpg(driver.pid, signal.SIGKILL)
        driver.communicate()
        raise DriverFailedError(f"not done after {load.timeout:g} s") from late
    if driver.returncode != 0:
        raise DriverFailedError((err.strip().splitlines() or ["no message"])[-1])
    return _reading(peer, out)


def _reading(peer: Peer, out: str) -> Reading:
    try:
        line = json.loads(out.strip().splitlines()[-1])
        failed = int(line["failed"])
        reading = Reading(
            peer=peer.name,
            version=str(line["version"]),
            steps=int(line["steps"]),
            slots=int(line["slots"]),
            seconds=float(line["seconds"]),
        )
    except (IndexError, KeyError, TypeError, ValueError) as fault:
        raise DriverFailedError(f"its last line is no result: {out[-80:]!r}") from fault
    if failed:
        raise DriverFailedError(f"{failed} of {reading.steps} steps failed")
    return reading
