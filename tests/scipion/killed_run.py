"""Runs a protocol of many short steps, which is killed; or goes on with it.

``python killed_run.py first|again WHERE HIT``: WHERE is a method of gpucore's `Recording`; when it
is called for the HIT-th time the process is killed, before it is carried out or (``after:WHERE``)
after. Steps tell on standard output that they begin and end; whoever goes on tells first what is on
record.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys

import pyworkflow
from pyworkflow.project import Manager

from gpucore.hosts.scipion.recording import Recording

STEPS = 40


def say(*words):
    os.write(1, f"{' '.join(map(str, words))}\n".encode())


def work(number):
    say("begun", number)
    say("ended", number)


def steps(protocol):
    for number in range(STEPS):
        before = [number - 9] if number > 9 and number % 2 else []
        protocol._insertFunctionStep(work, number, prerequisites=before)


def kill_at(where, hit):
    """Have this process killed when a method is called for the hit-th time."""
    after, _, name = where.rpartition(":")
    method, calls = getattr(Recording, name), []

    def called(self):
        calls.append(name)
        if len(calls) == hit and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(self)
        if len(calls) == hit:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(Recording, name, called)


def main(which, where, hit):
    kinds = pyworkflow.Config.getDomain().getProtocols()
    harness = importlib.import_module("harness")
    project = Manager().loadProject("lab1") if which == "again" else None
    lab = harness.Lab(gpucore=True, project=project)
    if which == "first":
        kill_at(where, int(hit))
        protocol = None
    else:
        (protocol,) = lab.project.getRuns()
        for number, step in enumerate(protocol.loadSteps()):
            say("recorded", number, step.getStatus())
    done = lab.run(kinds["Compulsory"], steps, again=protocol, threads=5, gpuList="0-3")
    say("protocol", done.status)


if __name__ == "__main__":
    main(*sys.argv[1:])
