"""Programs that outlived their host: waited for, or ended, before their step is begun again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.startup import container_name
from gpucore.system.exit_codes import left_code, settle
from gpucore.system.moving import discard
from gpucore.system.orphans import end_all, find_marked, wait_for_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.standard.step import Step
    from gpucore.surroundings import Surroundings
    from gpucore.system.journal_records import Began

__all__ = ["AdoptedError", "adopt", "end_unfinished"]


class AdoptedError(GpucoreError):
    """Instead of a program to be started: one that an earlier host had started has ended.

    Parameters
    ----------
    began : Began
        Its beginning, as recorded then.
    code : int
        Its exit code.
    """

    def __init__(self, began: Began, code: int) -> None:
        super().__init__("the program was started by an earlier host, and has ended")
        self.began = began
        self.ended_with = code


def adopt(
    began: Began,
    step: Step,
    around: Surroundings,
    is_stopped: Callable[[], bool],
    *,
    counts: bool,
) -> None:
    """Wait for the programs of an earlier host; if they did the step, say so by raising.

    Parameters
    ----------
    began : Began
        How they were begun.
    step : Step
        What is to be run now.
    around : Surroundings
        The run.
    is_stopped : callable
        Whether nothing is to be waited for any more.
    counts : bool
        Whether what they did is what this step is to do.

    Raises
    ------
    AdoptedError
        With the real exit code.
    """
    run = began.env.get("GPUCORE_RUN", "")
    settle(run, began.status, is_stopped)
    if around.kill_orphans and end_all((run,), step.name):
        discard(folders=began.made_in)
        return  # how they ended is our doing, and not the step's
    while orphans := find_marked((run,), step.name):
        for orphan in orphans:
            around.note(
                f"{began.step} waits for process {orphan.pid}, which an earlier run left "
                "running (`--kill-orphans` ends such)"
            )
            if not wait_for_end(orphan, stopped=is_stopped):
                end_all((run,), step.name)
    # Its container outlives even the command that asked for it; nobody waits for that now.
    startup = around.startups[step.adapter.name]
    startup.end(container_name(run, began.step, began.attempt), startup.environment)
    code = left_code(run, began.status, is_stopped)
    if counts and code is not None:
        raise AdoptedError(began, code)
    discard(folders=began.made_in)


def end_unfinished(began: Began | None) -> None:
    """End the programs of an earlier host that nobody will wait for."""
    if began is not None and (run := began.env.get("GPUCORE_RUN")):
        settle(run, began.status, lambda: False)
        end_all((run,), began.step)
        discard(folders=began.made_in)
