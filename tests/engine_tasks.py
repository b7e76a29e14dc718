"""Tasks for an engine that keep what they are told."""

from __future__ import annotations

from concurrent.futures import Future

from gpucore.plugins import EngineTask, Exit

__all__ = ["LONG", "Recorder"]

LONG = 60
"""Seconds until a test gives up waiting; nothing is measured by it."""


class Recorder:
    """A task for an engine, and what it was told of it."""

    def __init__(self, step, prepare, begun=None):
        self.calls = []
        self.exit = Future()
        self.begun = Future()
        self._prepare = prepare if callable(prepare) else lambda: prepare
        self._when_begun = begun
        self.task = EngineTask(
            step=step,
            name=f"step {step}",
            run="a-run",
            prepare=self._ready,
            begun=self._begins,
            ended=self._end,
        )

    def _ready(self):
        self.calls.append("prepare")
        return self._prepare()

    def _begins(self, prepared):
        self.calls.append("begun")
        self.begun.set_result(prepared)
        if self._when_begun:
            self._when_begun()

    def _end(self, ended):
        self.calls.append("ended")
        if not self.exit.done():
            self.exit.set_result(ended)

    def result(self) -> Exit:
        return self.exit.result(timeout=LONG)
