"""What gpucore's executors for pyworkflow have in common: a step's GPUs, and its programs."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from pyworkflow.protocol.constants import VOID_GPU
from pyworkflow.utils import greenStr, process

from gpucore.errors import DeviceError
from gpucore.hosts.scipion.calls import Calls
from gpucore.hosts.scipion.commands import child_environment, fill
from gpucore.hosts.scipion.gpus import OUTER_MASK, ProtocolGpus
from gpucore.hosts.scipion.holds import Hold, here, holding
from gpucore.hosts.scipion.inline import run_inline
from gpucore.hosts.scipion.recording import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpucore.hosts.scipion.readiness import ScipionStep
    from gpucore.scheduling import Grant

__all__ = ["GpuStepping"]

_LOGGER = logging.getLogger(__name__)


class GpuStepping:
    """A step's GPUs, and the programs that it starts.

    It is mixed into pyworkflow's executors, which plugins know: names and arguments are theirs.
    """

    hostConfig: Any
    gpuList: Any
    protocol: Any
    threads = 1
    queued = False

    def _take_list(self) -> None:
        """Take the GPU list that the constructor was given."""
        self._items = list(self.gpuList or ())
        self.gpuList = [item for item in self._items if item != VOID_GPU]
        self._opened: dict[bool, ProtocolGpus] = {}

    @property
    def gpus(self) -> ProtocolGpus:
        """What gives the protocol's steps their GPUs; it has none when they are to use none."""
        uses = self._uses_gpus
        if uses not in self._opened:
            items = self._items if uses else []
            self._opened[uses] = ProtocolGpus.open(items, self.threads, queued=self.queued)
        return self._opened[uses]

    def getGpuList(self) -> list[int]:
        """Return the numbers of the step's GPUs; it waits until no other run uses them."""
        hold = here()
        if hold is None:
            return self._list_outside()
        hold.use()
        return hold.indexes

    def getGpuListStr(self, sep: str = " ") -> str:
        """Return the numbers of the step's GPUs as a text."""
        return sep.join(map(str, self.getGpuList()))

    def setCudaVisibleDevices(self) -> None:
        """Let the programs that the step starts from now on by ``runJob`` see its GPUs alone."""
        hold = here()
        if hold is not None:
            hold.show_these_alone()

    def runJob(  # noqa: PLR0917 - as pyworkflow's
        self,
        log: Any,
        programName: str,
        params: Any,
        numberOfMpi: int = 1,
        numberOfThreads: int = 1,  # noqa: ARG002 - pyworkflow does not look at it either
        env: Any = None,
        cwd: str | None = None,
        executable: str | None = None,
    ) -> None:
        """Run a program on the step's GPUs and wait for it.

        Raises
        ------
        TemplateError
            When the command has ``%(GPU)s``, and the step no GPU.
        subprocess.CalledProcessError
            When it ends with an exit code other than 0.
        """
        with self._held() as hold:
            fds = hold.use()
            programName, params = fill(programName, params, hold.devices)
            command = process.buildRunCommand(
                programName,
                params,
                numberOfMpi,
                self.hostConfig,
                env,
                context=self.protocol.getSubmitDict(),
            )
            (log or _LOGGER).info("** Running command: **")
            (log or _LOGGER).info(greenStr(command))
            subprocess.check_call(  # noqa: S602 - plugins write their commands for a shell
                command,
                shell=True,
                stdout=sys.stdout,
                stderr=sys.stderr,
                env=child_environment(os.environ if env is None else env, hold, OUTER_MASK),
                cwd=cwd,
                executable=executable,
                # A program that outlives its protocol keeps its GPUs.
                pass_fds=fds,
            )

    @contextlib.contextmanager
    def _opened_here(self) -> Iterator[None]:
        """Give back what was opened for a run's leases, at its end; not while steps still run."""
        try:
            yield
        except Exception:
            self._close()
            raise
        self._close()

    def _close(self) -> None:
        if here() is None:
            for gpus in self._opened.values():
                gpus.close()
            self._opened.clear()

    def _list_outside(self) -> list[int]:
        """Return the GPUs for a caller that is no step."""
        return []

    @contextlib.contextmanager
    def _held(self) -> Iterator[Hold]:
        """Give what the step holds; outside steps, what a command may use there."""
        yield here() or Hold()

    @property
    def _is_standard(self) -> bool:
        """Whether the protocol names its GPUs by Scipion's standard, and not by ways of its own."""
        return self.protocol is not None and bool(self.protocol.allowsGpu())

    @property
    def _uses_gpus(self) -> bool:
        """Whether the protocol is to use GPUs: not where its user has said no."""
        return not self._is_standard or bool(self.protocol.usesGpu())

    def _wants_gpu(self, step: ScipionStep) -> bool:
        if not (step.needsGPU() and self._uses_gpus):
            return False
        if not self.gpus.has_some and self._is_standard and self.protocol.requiresGpu():
            raise DeviceError(
                f"{self.protocol.getRunName()} needs a GPU, and its GPU list is empty",
                hint="name the GPUs that it may use in its form, as in `0 1`",
                code="E108",
            )
        return self.gpus.has_some

    def _hold_of(self, grant: Grant, number: int) -> Hold:
        return self.gpus.hold(grant, self._who(number), hides=self._is_standard)

    def _who(self, number: int) -> str:
        """Return what other people are told of a step that keeps a GPU from them."""
        project = self.protocol.getProject() if self.protocol is not None else None
        name = project.getShortName() if project is not None else "Scipion"
        run = f"{self.protocol.getRunName()}, " if self.protocol is not None else ""
        return f"{name}: {run}step {number}"

    def _calls(self, started: Any, finished: Any, check: Any, seconds: float) -> Calls:
        def checked() -> None:
            check()
            # A step inserted while pyworkflow stored the others would never be stored.
            steps = getattr(self.protocol, "_steps", None)
            if steps and steps[-1].getObjId() is None and hasattr(self.protocol, "_newSteps"):
                self.protocol._newSteps = True  # noqa: SLF001

        return Calls(started, finished, checked, seconds, protocol=self.protocol)

    def _run_inline(
        self,
        steps: list[Any],
        calls: Calls,
        hold: Callable[[ScipionStep, int], contextlib.AbstractContextManager[Hold]],
    ) -> None:
        def run(step: ScipionStep, number: int) -> None:
            with hold(step, number) as held, holding(held):
                step.run()

        with watched(self.protocol, steps, calls.changed) as list_:
            run_inline(list_, calls, run)
