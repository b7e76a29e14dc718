"""The engine ``local``: this machine, a thread for each program that runs."""

from __future__ import annotations

import contextlib
import queue
import threading
import time

from gpucore.plugins.offers import EngineSpec, EngineTask, Exit, Prepared
from gpucore.system.orphans import end_marked
from gpucore.system.processes import RunningProgram

__all__ = ["LOCAL", "LocalEngine"]


class LocalEngine:
    """Runs programs on this machine.

    Parameters
    ----------
    workers : int
        Programs at once. A thread is started when there is work for it, and kept.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._tasks: queue.SimpleQueue[EngineTask | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._waiting = 0  # tasks taken and not ended: a thread is there for each
        self._running: dict[int, RunningProgram] = {}
        self._stopped: dict[int, bool] = {}  # by step: whether it is to be ended at once
        self._closed = False

    def start(self, task: EngineTask) -> None:
        """Run a task as soon as a thread is there for it."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            self._waiting += 1
            if self._waiting > len(self._threads) and len(self._threads) < self._workers:
                # Daemon threads: a host that never closes its executor can still end.
                thread = threading.Thread(
                    target=self._work, name=f"gpucore-local-{len(self._threads)}", daemon=True
                )
                self._threads.append(thread)
                thread.start()
        self._tasks.put(task)

    def stop(self, step: int, *, now: bool = False) -> None:
        """End a task's program and its children, or keep it from being started."""
        with self._lock:
            self._stopped[step] = now
            program = self._running.get(step)
        if program is not None:
            _end(program, now=now)

    def close(self) -> None:
        """Wait for what runs, and let the threads go."""
        with self._lock:
            self._closed = True
            threads = self._threads
        for _ in threads:
            self._tasks.put(None)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            ended = self._run(task)
            with self._lock:
                self._waiting -= 1
                self._stopped.pop(task.step, None)
            task.ended(ended)

    def _run(self, task: EngineTask) -> Exit:
        started = time.time()
        prepared: Prepared | None = None
        code: int | None = None
        limit = ""
        fault: Exception | None = None
        try:
            if task.step not in self._stopped:
                prepared = task.prepare()
            if prepared is not None and task.step not in self._stopped:
                code, limit = self._run_program(task, prepared)
        except Exception as error:  # noqa: BLE001 - whatever it is, the step must end with it
            fault = error
        with self._lock:
            self._running.pop(task.step, None)
            stopped = task.step in self._stopped
        return Exit(
            code=code,
            started=started,
            ended=time.time(),
            error=fault,
            stopped=stopped,
            limit=limit,
            prepared=prepared,
        )

    def _run_program(self, task: EngineTask, prepared: Prepared) -> tuple[int, str]:
        program = RunningProgram(prepared)
        with self._lock:
            self._running[task.step] = program
            now = self._stopped.get(task.step)
        if now is not None:
            _end(program, now=now)
        with contextlib.suppress(Exception):  # an observer's fault must not leave the program alone
            task.begun(prepared)
        limit = ""
        if prepared.wall is not None or prepared.quiet is not None:
            limit = program.over_limit(prepared.wall, prepared.quiet, prepared.log)
            if limit:
                program.stop()
        code = program.wait()
        with self._lock:
            ended = limit or task.step in self._stopped
        if ended:
            # What left the process group (setsid, MPI ranks) still carries the step's marks.
            end_marked(prepared.env)
        return code, limit


def _end(program: RunningProgram, *, now: bool) -> None:
    if now:
        program.kill()
    else:
        program.stop()


LOCAL = EngineSpec(name="local", title="this machine", open=LocalEngine)
