"""Runs cases on pyworkflow, with its own executors or with gpucore's, and writes what it saw.

``python harness.py scipion|gpucore FACTS.json MODULE…``; Scipion's Python runs it.

pyworkflow's own executors sleep for three seconds between two looks, by a number that stands in
their code. So that the cases do not take minutes, the `time` that their module sees sleeps for a
fiftieth of a second instead; nothing else of theirs is changed.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import SimpleNamespace

import pyworkflow
import pyworkflow.project.project
import pyworkflow.protocol as pwprot
from pyworkflow.project import Manager
from pyworkflow.protocol.protocol import runProtocolMain

NAPS: list[float] = []
"""How often pyworkflow's executors slept."""
_NUMBERS = itertools.count(1)


def nap(seconds):
    NAPS.append(seconds)
    time.sleep(min(seconds, 0.02))


def until(holds, patience):
    """Wait until something holds, or for as long as one is patient (seconds)."""
    end = time.monotonic() + patience
    while not holds() and time.monotonic() < end:
        time.sleep(0.001)


class Lab:
    """Runs protocols in this process, the way Scipion does in one of their own.

    Attributes
    ----------
    gpucore : bool
        Whether gpucore's executors are in place.
    patience : float
        Seconds that steps wait for each other: long where they are expected to come together,
        short where the case is that they do not.
    folder : Path
        For files of a case.
    lost_an_end : bool
        Whether a protocol ended with a step that is running, as far as is on record.
    """

    def __init__(self, *, gpucore, project=None):
        self.gpucore = gpucore
        self.patience = 60.0 if gpucore else 0.3
        self.folder = Path(tempfile.mkdtemp())
        self.lost_an_end = False
        self.project = project or Manager().createProject(f"lab{next(_NUMBERS)}")

    def run(self, kind, steps=None, *, check=None, threads=1, queue=None, again=None, **params):
        """Run a protocol; return it as its project sees it, and as it was while it ran.

        With ``queue``, parameters of a queue, its programs or all of it are a queue's jobs; with
        ``again`` it is continued.
        """
        recipe = self.recipe
        recipe.steps = staticmethod(steps or (lambda protocol: None))
        recipe.check = staticmethod(check or (lambda protocol: None))
        recipe.running = None
        protocol = again or self.project.newProtocol(kind, numberOfThreads=threads, **params)
        protocol.runMode.set(pwprot.MODE_RESUME)
        if queue is not None:
            protocol._useQueue.set(True)
            protocol.setQueueParams(("lab", queue))
        with self._in_process():
            self.project.launchProtocol(protocol, wait=True)
            recorded = [step.getStatus() for step in protocol.loadSteps()]
        self.lost_an_end |= pwprot.STATUS_RUNNING in recorded
        return SimpleNamespace(
            saved=protocol,
            status=protocol.getStatus(),
            error=protocol.getErrorMessage(),
            running=recipe.running,
            recorded=recorded,
        )

    @property
    def recipe(self):
        return pyworkflow.Config.getDomain().getProtocols()["Recipe"]

    def kind(self, name):
        """Return a protocol class."""
        return pyworkflow.Config.getDomain().getProtocols()[name]

    def gate(self, wanted):
        """Return a place where steps wait for each other."""
        return importlib.import_module("lab.protocols").Gate(wanted, self.patience)

    def text(self, name):
        """Return what a program wrote into a file of the case."""
        file = self.folder / name
        return file.read_text("utf-8").strip() if file.exists() else None

    @contextlib.contextmanager
    def _in_process(self):
        module = pyworkflow.project.project.pwprot
        before, folder = module.launch, Path.cwd()

        def launch(protocol, wait=False):
            runProtocolMain(self.project.path, protocol.getDbPath(), protocol.getObjId())

        module.launch = launch
        os.chdir(self.project.path)
        try:
            yield
        finally:
            module.launch = before
            os.chdir(folder)


def run_case(case, *, gpucore):
    """Run a case; on pyworkflow's executors again where a last step's end was not seen.

    That is a fault of theirs, with a case of its own (`bug_cases.last_step_fails`), and it comes
    now and then in any case whose last step ends as soon as it has begun.
    """
    for _ in range(5):
        lab = Lab(gpucore=gpucore)
        try:
            seen = case(lab)
        except BaseException:
            seen = {"traceback": traceback.format_exc()}
        if gpucore or not lab.lost_an_end:
            break
    return seen


def main(which, out, *modules):
    # Importing the domain's plugins installs gpucore, unless a variable says no.
    pyworkflow.Config.getDomain().getProtocols()
    executors = importlib.import_module("pyworkflow.protocol.executor")
    executors.time = SimpleNamespace(sleep=nap)
    facts = {}
    for name in modules:
        module = importlib.import_module(name)
        facts |= {
            case.__name__: run_case(case, gpucore=which == "gpucore") for case in module.CASES
        }
    Path(out).write_text(json.dumps(facts), encoding="utf-8")


if __name__ == "__main__":
    # By its name, as the cases import it: there must be one of it.
    importlib.import_module("harness").main(*sys.argv[1:])
