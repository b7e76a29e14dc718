"""The live view's picture as `--json` prints it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpucore.cli.top.picture import Picture, RunNow, StepNow

__all__ = ["as_document", "run_document"]


def as_document(picture: Picture) -> dict[str, Any]:
    """Return a picture as an object."""
    return {
        "time": picture.time,
        "host": picture.host,
        "gpus": [asdict(one) for one in picture.gpus],
        "runs": [run_document(one) for one in picture.runs],
        "notes": list(picture.notes),
    }


def run_document(run: RunNow) -> dict[str, Any]:
    """Return a run as an object."""
    return {
        "run": run.key,
        "folder": run.folder,
        "user": run.user,
        "own": run.own,
        "pid": run.pid,
        "state": run.state,
        "reason": run.reason,
        "began": run.began,
        "counts": dict(run.counts),
        "rate": run.rate,
        "left": run.left,
        "running": [_step(one) for one in run.running],
        "failed": [_step(one) for one in run.failed],
    }


def _step(step: StepNow) -> dict[str, Any]:
    return {
        "step": step.step,
        "attempt": step.attempt,
        "state": step.state,
        "since": step.since,
        "gpus": list(step.gpus),
        "reason": step.reason,
        "log": step.log,
    }
