"""The runs of an output folder, as its journal tells of them; and which of them lives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import ConfigError
from gpucore.record import state_home
from gpucore.system.journal_reading import read_journal
from gpucore.system.lives import life
from gpucore.system.simulated import simulated_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.system.journal_records import RunBegan
    from gpucore.system.journal_replay import JournalState

__all__ = ["gpu_names", "life", "living_run", "read_history", "run_names"]


def read_history(folder: str, *, whole: bool = True) -> JournalState:
    """Return what the journal of an output folder says.

    Parameters
    ----------
    folder : str
        The output folder.
    whole : bool
        Whether all of it is read and proved; a summary and what came after will do otherwise.

    Raises
    ------
    ConfigError
        When there is none.
    GpucoreError
        When it lies on another machine, or something else lies in its place.
    """
    state = read_journal(Path(folder), state_home(os.environ), whole=whole)
    if not state.runs and not state.events and not state.loss:
        raise ConfigError(
            f"there is no journal of a run in `{folder}`",
            hint="give the output folder of a run: what `-o` named, or `output` in a job file",
            code="E710",
        )
    return state


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
            code="E714",
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
        made_up = simulated_index(uuid)
        names.append(uuid if made_up is None else f"GPU {made_up} (simulated)")
    return ", ".join(names) or "no GPU"
