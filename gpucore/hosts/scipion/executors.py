"""What stands for pyworkflow's ``StepExecutor`` and ``ThreadStepExecutor``: nothing polls."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any

from pyworkflow.protocol.executor import StepExecutor, ThreadStepExecutor

from gpucore.hosts.scipion.holds import Hold, here
from gpucore.hosts.scipion.recording import Recording, watched
from gpucore.hosts.scipion.step_threads import StepThreads
from gpucore.hosts.scipion.stepping import GpuStepping
from gpucore.hosts.scipion.threaded import ThreadedRun
from gpucore.scheduling import Grant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpucore.hosts.scipion.gpus import ProtocolGpus
    from gpucore.hosts.scipion.readiness import ScipionStep
    from gpucore.hosts.scipion.threaded import StepEnd

__all__ = ["ParallelExecutor", "SerialExecutor"]

_MASK = "CUDA_VISIBLE_DEVICES"


class SerialExecutor(GpuStepping, StepExecutor):  # type: ignore[misc] # pyworkflow has no types
    """Runs a protocol's steps one after another; each may use the whole GPU list."""

    def __init__(self, hostConfig: Any, **kwargs: Any) -> None:
        StepExecutor.__init__(self, hostConfig, **kwargs)
        self._take_list()

    def setCudaVisibleDevices(self) -> None:
        """Let the programs of the step see its GPUs alone; also those that it starts itself."""
        hold = here()
        if hold is not None:
            # One step runs at a time, and its end puts this back.
            os.environ[_MASK] = hold.show_these_alone()

    def runSteps(
        self,
        steps: list[Any],
        stepStartedCallback: Any,
        stepFinishedCallback: Any,
        stepsCheckCallback: Any,
        stepsCheckSecs: float = 3,
    ) -> None:
        """Run steps until none is left; see `run_inline`."""
        calls = self._calls(
            stepStartedCallback, stepFinishedCallback, stepsCheckCallback, stepsCheckSecs
        )
        with self._opened_here():
            self._run_inline(steps, calls, self._hold)

    def _list_outside(self) -> list[int]:
        """Return the whole list: whoever asks in a run with one thread may use it."""
        return list(dict.fromkeys(self.gpuList)) if self._uses_gpus else []

    @contextlib.contextmanager
    def _held(self) -> Iterator[Hold]:
        hold = here()
        if hold is not None:
            yield hold
            return
        with self._given_back(self._hold_of(self.gpus.whole, 0)) as hold:
            yield hold

    @contextlib.contextmanager
    def _hold(self, step: ScipionStep, number: int) -> Iterator[Hold]:
        outer = here()
        if outer is not None:  # a protocol that another one runs uses what that one's step has
            yield outer if self._wants_gpu(step) else Hold(hides=self._is_standard)
            return
        grant = self.gpus.whole if self._wants_gpu(step) else Grant()
        with self._given_back(self._hold_of(grant, number)) as hold:
            yield hold

    @staticmethod
    @contextlib.contextmanager
    def _given_back(hold: Hold) -> Iterator[Hold]:
        before = os.environ.get(_MASK)
        try:
            yield hold
        finally:
            hold.give_back()
            if hold.mask and os.environ.get(_MASK) == hold.mask:
                del os.environ[_MASK]
                os.environ.update({} if before is None else {_MASK: before})


class ParallelExecutor(GpuStepping, ThreadStepExecutor):  # type: ignore[misc] # as above
    """Runs a protocol's steps side by side, each that needs GPUs on a slot of its own."""

    def __init__(self, hostConfig: Any, nThreads: int, **kwargs: Any) -> None:
        ThreadStepExecutor.__init__(self, hostConfig, nThreads, **kwargs)
        self.threads = nThreads + 1
        self._booked: dict[int, tuple[ProtocolGpus, int, Hold]] = {}
        self._take_list()

    def getFreeGpuSlot(self, stepId: int | None = None) -> list[int] | None:
        """Return a slot that is free now, or None; booked for a caller that gives its number."""
        gpus = self.gpus
        if not gpus.has_some:
            return None
        grants: list[Grant] = []
        number = gpus.ask(lambda _, grant: grants.append(grant), gpu=True, worker=False)
        if gpus.withdraw(number):
            return None
        hold = self._hold_of(grants[0], stepId or 0)
        if stepId is None:
            gpus.give(number)
        else:
            self._booked[stepId] = (gpus, number, hold)
        return hold.indexes

    def freeGpusSlot(self, node: int) -> None:
        """Give back a slot that was booked."""
        if node in self._booked:
            gpus, number, hold = self._booked.pop(node)
            hold.give_back()
            gpus.give(number)

    def runSteps(
        self,
        steps: list[Any],
        stepStartedCallback: Any,
        stepFinishedCallback: Any,
        stepsCheckCallback: Any,
        stepsCheckSecs: float = 5,
    ) -> None:
        """Run steps until none is left; see `ThreadedRun`."""
        calls = self._calls(
            stepStartedCallback, stepFinishedCallback, stepsCheckCallback, stepsCheckSecs
        )
        if here() is not None:  # a protocol that a step runs: it must not wait for its own slot
            self._run_inline(steps, calls, self._hold)
            return

        threads = StepThreads()

        def begin(
            step: ScipionStep,
            number: int,
            place: int,
            grant: Grant,
            post: Callable[[StepEnd], None],
        ) -> None:
            threads.begin(step, number, self._hold_of(grant, place + 1), post)

        with (
            self._opened_here(),
            watched(self.protocol, steps, calls.changed) as list_,
            contextlib.closing(threads),
        ):
            ThreadedRun(
                list_, self.gpus, calls, self._wants_gpu, begin, Recording(self.protocol)
            ).run()

    def _assignGPUperNode(self) -> None:
        """Leave the cutting to gpucore: here pyworkflow would do it, and keep what is free."""

    def _list_outside(self) -> list[int]:
        """Return what a thread that is none of ours has booked, by pyworkflow's own ways."""
        thread: Any = threading.current_thread()
        if not hasattr(thread, "thId") or not thread.needsGPU():
            return []
        if thread.thId in self._booked:
            return self._booked[thread.thId][2].indexes
        return self.getFreeGpuSlot(thread.thId) or []

    @contextlib.contextmanager
    def _hold(self, step: ScipionStep, number: int) -> Iterator[Hold]:
        """Give what a step holds that runs in the thread of another."""
        outer = here()
        if not self._wants_gpu(step):
            yield Hold(hides=self._is_standard)
        elif outer is not None and outer.devices:
            yield outer
        else:
            with self.gpus.slot(self._who(number)) as hold:
                yield hold
