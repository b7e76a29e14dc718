"""The runs of an output folder, as its journal tells of them; and which of them lives."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gpucore.errors import ConfigError
from gpucore.record import state_home
from gpucore.system.journal_reading import read_journal
from gpucore.system.orphans import boot_id, process_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.system.journal_records import RunBegan
    from gpucore.system.journal_replay import JournalState

__all__ = ["gpu_names", "life", "living_run", "read_history", "run_names"]

Life = Literal["runs", "ended", "died", "unknown"]

_SIMULATED = re.compile(r"GPU-([0-9a-f]{8})-0000-4000-8000-0{12}")


def read_history(folder: str) -> JournalState:
    """Return what the journal of an output folder says.

    Raises
    ------
    ConfigError
        When there is none.
    GpucoreError
        When it lies on another machine, or something else lies in its place.
    """
    state = read_journal(Path(folder), state_home(os.environ))
    if not state.runs and not state.events and not state.loss:
        raise ConfigError(
            f"there is no journal of a run in `{folder}`",
            hint="give the output folder of a run: what `-o` named, or `output` in a job file",
        )
    return state


def life(state: JournalState, place: int) -> Life:
    """Return how it stands with one of the runs; ``unknown``: it is on another machine."""
    run, finished = state.runs[place]
    if finished is not None:
        return "ended"
    if place < len(state.runs) - 1:
        return "died"  # one writes at a time: a later one took its place
    if run.host != socket.gethostname():
        return "unknown"
    lives = run.boot == boot_id() and process_start(run.pid) == run.pid_start != ""
    return "runs" if lives else "died"


def living_run(state: JournalState) -> RunBegan | None:
    """Return the run that goes on in the folder, if there is one.

    Raises
    ------
    ConfigError
        When it may go on on another machine.
    """
    if not state.runs:
        return None
    run, how = state.runs[-1][0], life(state, len(state.runs) - 1)
    if how == "unknown":
        raise ConfigError(
            f"the last run was started on the machine `{run.host}` (process {run.pid}), and did "
            "not end in order",
            hint="look there, with the same command",
        )
    return run if how == "runs" else None


def run_names(state: JournalState) -> list[str]:
    """Return the names of all runs, which their programs bear as a mark."""
    return [run.run for run, _ in state.runs]


def gpu_names(uuids: Sequence[str]) -> str:
    """Return how people call devices of which only the UUIDs are known.

    Examples
    --------
    >>> gpu_names(["GPU-00000002-0000-4000-8000-000000000000"])
    'GPU 2 (simulated)'
    >>> gpu_names([])
    'no GPU'
    """
    names = []
    for uuid in uuids:
        made_up = _SIMULATED.fullmatch(uuid)
        names.append(f"GPU {int(made_up[1], 16)} (simulated)" if made_up else uuid)
    return ", ".join(names) or "no GPU"
