"""Which runs of an output folder live: proved by their process, or by a later run in its place."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Literal

from gpucore.system.orphans import boot_id, process_start

if TYPE_CHECKING:
    from gpucore.system.journal_replay import JournalState

__all__ = ["Life", "life"]

Life = Literal["runs", "ended", "died", "unknown"]


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
