"""Protocols that Scipion launches as it does for its users: in processes of their own."""

from __future__ import annotations

import os
import select
from pathlib import Path

from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases


def _launch(lab, arguments, *, wait=True, threads=3, gpus="0 1"):
    protocol = lab.project.newProtocol(
        lab.kind("Programs"), numberOfThreads=threads, gpuList=gpus, arguments=arguments
    )
    os.chdir(lab.project.path)
    lab.project.launchProtocol(protocol, wait=wait)
    return protocol


def _log(lab, protocol):
    return Path(lab.project.path, protocol.getStdoutLog()).read_text("utf-8")


def by_entry_point(lab):
    """Nobody has said anything: gpucore is a distribution in Scipion's Python, and that is all."""
    protocol = _launch(lab, "-c 'echo on %(GPU)s'")
    log = _log(lab, protocol)
    return {
        "status": protocol.getStatus(),
        "executor": "gpucore.hosts.scipion" in log,
        "on": sorted(line for line in log.splitlines() if line.startswith("on ")),
        "error": protocol.getErrorMessage(),
    }


def stopped(lab):
    """The user stops a protocol whose program runs."""
    told = lab.folder / "told"
    os.mkfifo(told)
    protocol = _launch(
        lab, f"-c 'echo $$ > {told}; exec sleep 1000'", wait=False, threads=2, gpus="0"
    )
    pidfd = os.pidfd_open(int(told.read_text()))
    leases = Leases(find_lease_directory(os.environ))
    held = leases.holders()
    lab.project.stopProtocol(protocol)
    ended = bool(select.select([pidfd], [], [], 60)[0])
    leases.take([one.uuid for one in held], timeout=60).release()
    return {
        "held": [one.step for one in held],
        "program ended": ended,
        "status": protocol.getStatus(),
    }


CASES = (by_entry_point, stopped)
