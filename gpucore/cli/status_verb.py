"""``gpucore status``: how far the runs of an output folder have come."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucore.cli.completing import runs
from gpucore.cli.manner import remark
from gpucore.cli.options import as_json
from gpucore.cli.terminal import clean, command_line, print_json, print_table, talk

if TYPE_CHECKING:
    from gpucore.system.journal_replay import JournalState

__all__ = ["command"]

_TOLD = 20
_RUNS_TOLD = 5


@click.command("status", epilog="Example: gpucore status aligned")
@click.argument("folder", required=False, type=click.Path(), metavar="DIR", shell_complete=runs)
@as_json
def command(folder: str | None, json_: bool) -> int:
    """Show how far the runs of an output folder have come.

    Without DIR: which of your runs go on on this machine.
    """
    from gpucore.errors import GpucoreError  # noqa: PLC0415 - help needs none of it

    if folder is None:
        from gpucore.cli.present import tell_present  # noqa: PLC0415

        return tell_present(json_=json_)
    try:
        return _status(folder, json_, whole=False)
    except GpucoreError:
        # What the summary covers may be damaged: then all is read, and the loss told.
        return _status(folder, json_, whole=True)


def _status(folder: str, json_: bool, *, whole: bool) -> int:
    from gpucore.cli.history import read_history  # noqa: PLC0415
    from gpucore.streaming.backlog import said_pace  # noqa: PLC0415
    from gpucore.streaming.behind import left_pace  # noqa: PLC0415

    with read_history(folder, whole=whole) as state:
        counts = {step.value: count for step, count in state.counts().items() if count}
        runs = _runs(state)
        running = _running(state, lives=_goes_on(runs))
        failed = _failed(state)
    behind = left_pace(Path(folder), str(runs[-1]["run"])) if _goes_on(runs) else None
    notes = [text for text in (state.note, *(one.loss for one in state.mendings)) if text]
    if json_:
        print_json(
            "status",
            {
                "folder": folder,
                "runs": runs,
                "counts": counts,
                "running": running,
                "failed": failed,
                "behind": behind,
                "notes": notes,
                "loss": state.loss,
            },
        )
        return 0
    _tell_runs(runs)
    told = _told(counts, running) if _is_over(runs) else counts
    click.echo(", ".join(f"{count} {name}" for name, count in told.items()) or "no step")
    if behind is not None:
        pace = [behind[key] for key in ("files", "come", "done", "seconds")]
        click.echo(f"{said_pace(*pace)} ({_when(behind['time'])})")
    _tell_running(running)
    _tell_failed(failed, counts.get("failed", 0))
    if _was_cut(runs) and set(counts) - {"done"}:
        remark(f"what is not done: {command_line('gpucore', 'resume', folder)}")
    for text in (*notes, state.loss):
        if text:
            talk(f"note: {clean(text)}")
    return 0


def _goes_on(runs: list[dict[str, object]]) -> bool:
    return bool(runs) and runs[-1]["state"] == "runs"


def _is_over(runs: list[dict[str, object]]) -> bool:
    return bool(runs) and runs[-1]["state"] in {"ended", "died"}


def _was_cut(runs: list[dict[str, object]]) -> bool:
    """Say whether the last run died or was stopped: one that ended well may have been of less."""
    return _is_over(runs) and bool(runs[-1]["state"] == "died" or runs[-1]["reason"])


def _told(counts: dict[str, int], running: list[dict[str, object]]) -> dict[str, int]:
    """Return the counts as a run that is over has them: nothing of it waits, little may run.

    Examples
    --------
    >>> _told({"waiting": 8, "running": 2, "done": 7}, [{"alive": False}, {"alive": True}])
    {'not begun': 8, 'running': 1, 'cut off': 1, 'done': 7}
    """
    alive = sum(bool(one["alive"]) for one in running)
    told: dict[str, int] = {}
    for name, count in counts.items():
        if name == "running":
            told |= {"running": alive, "cut off": count - alive}
        else:
            told["not begun" if name == "waiting" else name] = count
    return {name: count for name, count in told.items() if count}


def _runs(state: JournalState) -> list[dict[str, object]]:
    from gpucore.cli.history import life  # noqa: PLC0415

    return [
        {
            "run": run.run,
            "state": life(state, place),
            "pid": run.pid,
            "host": run.host,
            "began": run.time,
            "ended": finished.time if finished else None,
            "reason": finished.reason if finished else "",
            "version": run.version,
            "argv": list(run.argv),
            "cwd": run.cwd,
        }
        for place, (run, finished) in enumerate(state.runs)
    ]


def _running(state: JournalState, *, lives: bool) -> list[dict[str, object]]:
    """Return the steps without an end, and whether anything of theirs lives."""
    from gpucore.cli.history import run_names  # noqa: PLC0415
    from gpucore.standard.model import StepState  # noqa: PLC0415
    from gpucore.system.orphans import find_marked  # noqa: PLC0415

    names = list(state.steps.named(StepState.RUNNING))
    if not names:
        return []
    marked = {orphan.step for orphan in find_marked(run_names(state))}
    last = state.runs[-1][0].run if state.runs else ""
    found: list[dict[str, object]] = []
    for name in names:
        began = state.began(name)
        if began is None:
            continue
        # Its program may be about to be started.
        own = lives and began.env.get("GPUCORE_RUN") == last
        found.append(
            {
                "step": name,
                "attempt": began.attempt,
                "since": began.time,
                "gpus": list(began.devices),
                "alive": own or name in marked,
                "log": began.log,
            }
        )
    return found


def _failed(state: JournalState) -> list[dict[str, object]]:
    from gpucore.standard.model import StepState  # noqa: PLC0415

    found: list[dict[str, object]] = []
    for name in state.steps.named(StepState.FAILED):
        if len(found) == _TOLD:
            break
        if (ended := state.finished(name)) is None:
            continue
        began = state.began(name)
        found.append(
            {
                "step": name,
                "attempt": ended.attempt,
                "reason": ended.reason,
                "hint": ended.hint,
                "failure": ended.failure.value if ended.failure else None,
                "exit_code": -ended.signal if ended.signal else ended.exit_code,
                "ended": ended.time,
                "log": began.log if began else "",
            }
        )
    return found


def _tell_runs(runs: list[dict[str, object]]) -> None:
    said = {"runs": "runs", "ended": "ended", "died": "died", "unknown": "on another machine"}
    rows = []
    for run in runs[-_RUNS_TOLD:]:
        how = said[str(run["state"])]
        if run["reason"]:
            how += f" ({run['reason']})"
        rows.append((str(run["run"]), how, _when(run["began"]), str(run["pid"]), str(run["host"])))
    if len(runs) > _RUNS_TOLD:
        remark(f"{len(runs) - _RUNS_TOLD} earlier runs are not shown")
    if rows:
        print_table(("run", "state", "began", "process", "machine"), rows)


def _tell_running(running: list[dict[str, object]]) -> None:
    from gpucore.cli.history import gpu_names  # noqa: PLC0415

    rows = []
    for one in running[:_TOLD]:
        gpus = one["gpus"]
        assert isinstance(gpus, list)  # noqa: S101 - made above
        how = "runs" if one["alive"] else "was cut off"
        rows.append((str(one["step"]), how, _when(one["since"]), gpu_names(gpus)))
    if rows:
        print_table(("step", "now", "since", "GPUs"), rows)
    if len(running) > _TOLD:
        remark(f"and {len(running) - _TOLD} more")


def _tell_failed(failed: list[dict[str, object]], count: int) -> None:
    if failed:
        print_table(
            ("failed step", "reason"), [(str(one["step"]), str(one["reason"])) for one in failed]
        )
    if count > len(failed):
        remark(f"and {count - len(failed)} more that failed")


def _when(seconds: object) -> str:
    assert isinstance(seconds, float | int)  # noqa: S101 - made above
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
