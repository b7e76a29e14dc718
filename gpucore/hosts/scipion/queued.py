"""What stands for pyworkflow's ``QueueStepExecutor``: each program of a step is a queue's job."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

from pyworkflow.protocol.constants import STATUS_RUNNING, UNKNOWN_JOBID
from pyworkflow.protocol.executor import QueueStepExecutor
from pyworkflow.protocol.launch import _checkJobStatus, _submit
from pyworkflow.utils import process

from gpucore.errors import ProgramError
from gpucore.hosts.scipion.commands import fill
from gpucore.hosts.scipion.executors import ParallelExecutor
from gpucore.hosts.scipion.holds import here

__all__ = ["QueueExecutor"]

_LOGGER = logging.getLogger(__name__)
_FIRST_PAUSE = 3.0
_LONGEST_PAUSE = 60.0
"""Seconds between two looks at a job; a queue does not say by itself that one has ended."""


class QueueExecutor(ParallelExecutor, QueueStepExecutor):  # type: ignore[misc] # no types there
    """Submits the programs of a protocol's steps to a queue, which gives each job its GPUs.

    The GPU list says how many steps run at once, and how many GPUs each job asks for. Inside its
    job a step's GPUs are 0, 1, …; nothing is leased here, for they are not this machine's.
    """

    queued = True

    def __init__(self, hostConfig: Any, submitDict: Any, nThreads: int, **kwargs: Any) -> None:
        ParallelExecutor.__init__(self, hostConfig, nThreads, **kwargs)
        self.submitDict = submitDict
        self.threadCommands: dict[Any, int] = {}

    def runJob(  # noqa: PLR0917 - as pyworkflow's
        self,
        log: Any,  # noqa: ARG002 - the job has a log of its own
        programName: str,
        params: Any,
        numberOfMpi: int = 1,
        numberOfThreads: int = 1,  # noqa: ARG002 - pyworkflow does not look at it either
        env: Any = None,
        cwd: str | None = None,
        executable: str | None = None,  # noqa: ARG002 - the queue's template chooses the shell
    ) -> None:
        """Submit a program to the queue, and wait for its end.

        Raises
        ------
        TemplateError
            When the command has ``%(GPU)s``, and the step no GPU.
        ProgramError
            When the queue does not take the job.
        """
        with self._held() as hold:
            programName, params = fill(programName, params, hold.devices)
        submit = self._submission()
        submit["JOB_COMMAND"] = process.buildRunCommand(
            programName, params, numberOfMpi, self.hostConfig, env, context=submit
        )
        job = self._submit(submit, cwd, env)
        self.protocol.appendJobId(job)
        self.protocol._store(self.protocol._jobId)  # noqa: SLF001 - as pyworkflow's own does
        try:
            self._wait_for(job)
        finally:
            self.protocol.removeJobId(job)
            self.protocol._store(self.protocol._jobId)  # noqa: SLF001

    def _submission(self) -> dict[str, Any]:
        """Return what the queue's template is filled with, for the step whose thread this is."""
        submit = {**self.hostConfig.getQueuesDefault(), **self.submitDict}
        hold = here()
        _, chosen = self.protocol.getQueueParams()
        if hold is not None and "GPU_COUNT" not in chosen:
            submit["GPU_COUNT"] = len(hold.devices)
        step = getattr(threading.current_thread(), "thId", None)
        self.threadCommands[step] = self.threadCommands.get(step, 0) + 1
        which = f"-{step}-{self.threadCommands[step]}"
        script = Path(submit["JOB_SCRIPT"])
        submit["JOB_NAME"] += which
        submit["JOB_SCRIPT"] = str(script.with_name(f"{script.stem}{which}.job").absolute())
        submit["JOB_LOGS"] = str(script.with_name(submit["JOB_NAME"]).absolute())
        return submit

    def _submit(self, submit: dict[str, Any], cwd: str | None, env: Any) -> Any:
        answer = _submit(self.hostConfig, submit, cwd, env)
        # Which of the two it is depends on pyworkflow's version, and 3.11.1 mixes them up.
        job, fault = answer if isinstance(answer, tuple) else (answer, None)
        if job is None or job == UNKNOWN_JOBID:
            said = "; ".join(text.strip() for text in fault or () if text.strip())
            raise ProgramError(
                f"the queue has not taken the job {submit['JOB_NAME']}: {said or 'no job number'}",
                hint=f"what was submitted: {submit['JOB_SCRIPT']}",
                code="E803",
            )
        return job

    def _wait_for(self, job: Any) -> None:
        pause = _FIRST_PAUSE
        while _checkJobStatus(self.hostConfig, job) == STATUS_RUNNING:
            time.sleep(pause)
            pause = min(pause + _FIRST_PAUSE, _LONGEST_PAUSE)
        _LOGGER.debug("the job %s has ended", job)
