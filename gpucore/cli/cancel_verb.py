"""``gpucore cancel``: the end of what runs in an output folder, from another terminal."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucore.cli.completing import runs
from gpucore.cli.manner import remark
from gpucore.cli.options import as_json
from gpucore.cli.terminal import clean, print_json, talk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.system.journal import Journal
    from gpucore.system.journal_records import RunBegan
    from gpucore.system.journal_replay import JournalState

__all__ = ["command"]

_PATIENCE = 30.0
"""Seconds for a run to end its programs, which have ten to end by themselves."""

_NOTHING = 5


@click.command("cancel", epilog="Example: gpucore cancel aligned")
@click.argument("folder", type=click.Path(), metavar="DIR", shell_complete=runs)
@as_json
def command(folder: str, json_: bool) -> int:
    """End the run of an output folder, and all its programs.

    Programs that outlived their run are ended too. When it returns nothing of the run lives.
    """
    from gpucore.cli.history import living_run, read_history, run_names  # noqa: PLC0415
    from gpucore.system.orphans import end_all, find_marked  # noqa: PLC0415

    with read_history(folder, whole=False) as state:
        run, names = living_run(state), run_names(state)
    if run is None:
        if not find_marked(names):
            _tell(json_, folder, None, "nothing", 0, f"nothing runs in {clean(folder)}")
            return _NOTHING
        with read_history(folder) as state:
            ended = _end_orphans(folder, state, names)
        said = f"{_processes(ended)} of a run that had died {_were(ended)} ended"
        _tell(json_, folder, None, "left", ended, said)
        return 0
    remark(f"ending process {run.pid} (run {clean(run.run)}), which ends its programs first")
    if not _end_host(run):
        said = f"it still runs after {_PATIENCE:g} s: `kill -9 {run.pid}`, and cancel once more"
        _tell(json_, folder, run, "late", 0, said)
        return 1
    if left := end_all(names):
        remark(f"{_processes(left)} that it had left {_were(left)} ended")
    _tell(json_, folder, run, "run", left, "ended")
    return 0


def _tell(
    json_: bool, folder: str, run: RunBegan | None, ended: str, processes: int, said: str
) -> None:
    """Tell what was ended: `run`, what a dead one had `left`, `nothing`, or a run `late`."""
    if json_:
        print_json(
            "cancel",
            {
                "folder": folder,
                "ended": ended,
                "run": run.run if run is not None else None,
                "pid": run.pid if run is not None else None,
                "processes": processes,
            },
        )
    talk(said)


def _end_host(run: RunBegan) -> bool:
    """Ask a host to end and wait for it; return whether it has."""
    from gpucore.errors import GpucoreError  # noqa: PLC0415
    from gpucore.system.orphans import first_to_end, process_start  # noqa: PLC0415

    try:
        descriptor = os.pidfd_open(run.pid)
    except ProcessLookupError:
        return True
    try:
        # The number may be another's since it was looked at.
        if process_start(run.pid) != run.pid_start:
            return True
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        return first_to_end([descriptor], _PATIENCE)
    except ProcessLookupError:
        return True
    except PermissionError:
        raise GpucoreError(
            f"process {run.pid} is another user's, and cannot be ended",
            hint="cancel it as that user",
            code="E719",
        ) from None
    finally:
        os.close(descriptor)


def _end_orphans(folder: str, state: JournalState, names: list[str]) -> int:
    """End what outlived a host, and record it: no new run starts on them meanwhile."""
    from gpucore.standard.model import StepState  # noqa: PLC0415
    from gpucore.system.exit_codes import left_code, settle  # noqa: PLC0415
    from gpucore.system.journal_records import Finished  # noqa: PLC0415
    from gpucore.system.orphans import end_all, find_marked  # noqa: PLC0415

    with _recorded(folder) as journal:
        running = [name for name, fate in state.steps.items() if fate.state is StepState.RUNNING]
        for left in filter(None, map(state.began, running)):
            settle(left.env.get("GPUCORE_RUN", ""), left.status, _never)
        steps = {orphan.step for orphan in find_marked(names)}
        ended = end_all(names)
        for name in steps & state.steps.keys() if journal is not None else ():
            began = state.began(name)
            if state.steps[name].state is not StepState.RUNNING or began is None:
                continue
            # One that came to its end in this very moment is the next run's to judge.
            run = began.env.get("GPUCORE_RUN", "")
            if journal is not None and left_code(run, began.status, _never) != 0:
                journal.append(
                    Finished(
                        step=name,
                        attempt=began.attempt,
                        time=time.time(),
                        state=StepState.CANCELLED,
                        reason="ended by `gpucore cancel` after its host had died",
                    )
                )
    return ended


@contextlib.contextmanager
def _recorded(folder: str) -> Iterator[Journal | None]:
    """Open the folder's journal to say what is ended; without one it is ended all the same."""
    from gpucore import __version__  # noqa: PLC0415
    from gpucore.errors import GpucoreError  # noqa: PLC0415
    from gpucore.record import state_home  # noqa: PLC0415
    from gpucore.system.journal import Journal  # noqa: PLC0415
    from gpucore.system.journal_records import RunBegan, RunFinished  # noqa: PLC0415
    from gpucore.system.orphans import boot_id, process_start  # noqa: PLC0415

    pid = os.getpid()
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{pid}-cancel"
    began = RunBegan(
        run=name,
        time=time.time(),
        pid=pid,
        pid_start=process_start(pid),
        host=socket.gethostname(),
        boot=boot_id(),
        version=__version__,
        argv=(*sys.argv[:1], "cancel", folder),
        cwd=str(Path.cwd()),
    )
    try:
        journal = Journal.open(Path(folder), state_home=state_home(os.environ), run=began)
    except GpucoreError as error:
        talk(f"note: not recorded: {clean(error.what)}")
        yield None
        return
    with journal:
        yield journal
        journal.append(RunFinished(run=name, time=time.time()))


def _never() -> bool:
    return False


def _processes(count: int) -> str:
    return f"{count} process{'es' * (count != 1)}"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
