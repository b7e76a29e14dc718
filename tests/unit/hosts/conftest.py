"""A machine with four made-up GPUs, and runs of stand-in steps on them."""

from __future__ import annotations

import datetime
import threading
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import pytest

from gpucore.hosts.scipion.calls import Calls
from gpucore.hosts.scipion.gpus import ProtocolGpus
from gpucore.hosts.scipion.holds import holding
from gpucore.hosts.scipion.recording import Recording
from gpucore.hosts.scipion.threaded import StepEnd, ThreadedRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from scipion_steps import StandIn

    from gpucore.scheduling import Grant


@pytest.fixture(autouse=True)
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUCORE_DEVICES", "simulated:4")


class Runner:
    """Runs steps as the executor with threads does, and notes what its protocol is told."""

    def __init__(self, steps: list[StandIn], items: list[int], threads: int) -> None:
        self.steps = steps
        self.gpus = ProtocolGpus.open(items, threads)
        self.told: list[tuple[str, int]] = []
        self.checks = 0
        self.on_started: Callable[[StandIn], object] = bool
        self.on_finished: Callable[[StandIn], bool] = lambda step: step.status == "finished"
        self.on_check: Callable[[], object] = bool
        self.on_thread: Callable[[], object] = bool
        self.recording = Recording()

    def run(self) -> None:
        calls = Calls(self._started, self._finished, self._check, 60)
        wants_gpu = methodcaller("needsGPU")
        ThreadedRun(self.steps, self.gpus, calls, wants_gpu, self._begin, self.recording).run()

    @property
    def free(self) -> bool:
        """Whether every worker and slot is free again."""
        machine = self.gpus._machine
        return machine.idle == machine.workers and not machine.grants

    def _started(self, step: StandIn) -> None:
        self.told.append(("started", self.steps.index(step)))
        self.on_started(step)

    def _finished(self, step: StandIn) -> bool:
        self.told.append(("finished", self.steps.index(step)))
        return self.on_finished(step)

    def _check(self) -> None:
        self.checks += 1
        self.on_check()

    def _begin(
        self, step: Any, number: int, place: int, grant: Grant, post: Callable[[StepEnd], None]
    ) -> None:
        self.on_thread()

        def work() -> None:
            error = ""
            try:
                with holding(self.gpus.hold(grant, f"step {place + 1}")):
                    step._run()
            except Exception as fault:  # noqa: BLE001 - as a step's thread does
                error = str(fault)
            post(StepEnd(number, error, datetime.datetime.now()))

        threading.Thread(target=work, daemon=True).start()


@pytest.fixture
def runner() -> Callable[..., Runner]:
    return lambda steps, items=(0, 1), threads=3: Runner(steps, list(items), threads)
