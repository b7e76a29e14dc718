"""Protocols whose steps are written by whoever runs them: `Recipe.steps`."""

from __future__ import annotations

import threading
from typing import ClassVar

import pyworkflow.protocol as pwprot
from pyworkflow.protocol.protocol import ProtStreamingBase


class Recipe(pwprot.Protocol):
    """A protocol without GPU parameters."""

    _label = "recipe"
    stepsExecutionMode = pwprot.STEPS_PARALLEL
    _stepsCheckSecs = 0.05

    steps: ClassVar = staticmethod(lambda protocol: None)
    check: ClassVar = staticmethod(lambda protocol: None)
    problems: ClassVar = staticmethod(lambda protocol: [])
    running: ClassVar = None

    def _defineParams(self, form):
        self._defineGpus(form)
        form.addParallelSection(threads=1, mpi=0)

    def _defineGpus(self, form):
        pass

    def _insertAllSteps(self):
        Recipe.running = self
        Recipe.steps(self)

    def _stepsCheck(self):
        Recipe.check(self)

    def _validate(self):
        return Recipe.problems(self)


class Optional(Recipe):
    """A protocol for which the GPU is optional: it has both parameters."""

    _label = "optional"

    def _defineGpus(self, form):
        form.addHidden(pwprot.USE_GPU, pwprot.BooleanParam, default=True, label="Use GPU?")
        form.addHidden(pwprot.GPU_LIST, pwprot.StringParam, default="0", label="GPU ids")


class Compulsory(Recipe):
    """A protocol that needs a GPU."""

    _label = "compulsory"

    def _defineGpus(self, form):
        form.addHidden(pwprot.GPU_LIST, pwprot.StringParam, default="0", label="GPU ids")


class Serial(Compulsory):
    """One that runs its steps one after another."""

    _label = "serial"
    stepsExecutionMode = pwprot.STEPS_SERIAL


class Programs(Compulsory):
    """Two steps at once that run the shell: all that a process of its own can be told."""

    _label = "programs"

    def _defineGpus(self, form):
        super()._defineGpus(form)
        form.addHidden("arguments", pwprot.StringParam, default="", label="arguments")

    def _insertAllSteps(self):
        for _ in range(2):
            self._insertFunctionStep(self.programStep, prerequisites=[])

    def programStep(self):
        self.runJob("sh", self.arguments.get())


class Streaming(ProtStreamingBase):
    """One whose first step inserts the others, as Scipion's streaming protocols do."""

    _label = "streaming"
    _stepsCheckSecs = 0.05
    generate: ClassVar = staticmethod(lambda protocol: None)

    def _defineParams(self, form):
        form.addHidden(pwprot.GPU_LIST, pwprot.StringParam, default="0", label="GPU ids")
        form.addParallelSection(threads=3, mpi=0)

    def stepsGeneratorStep(self):
        Recipe.running = self
        Streaming.generate(self)


class Gate:
    """A place where steps wait for each other, and which counts how many were there at once."""

    def __init__(self, wanted, patience):
        self.wanted = wanted
        self.patience = patience
        self.most = 0
        self._inside = 0
        self._changed = threading.Condition()

    def meet(self):
        """Wait until as many as are wanted are here, or for as long as one is patient."""
        with self._changed:
            self._inside += 1
            self.most = max(self.most, self._inside)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self.wanted, self.patience)
            self._inside -= 1
