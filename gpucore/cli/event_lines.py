"""What happens in a run as JSON, one object a line: for hosts in other languages."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

import click

from gpucore.cli.terminal import indexes
from gpucore.standard.model import (
    DeviceRegarded,
    Event,
    FilesBehind,
    Noted,
    Outcome,
    RunEnded,
    RunStarted,
    StepEnded,
    StepRetried,
    StepStarted,
)

if TYPE_CHECKING:
    from gpucore.standard.model import Device

__all__ = ["SCHEMA", "EventLines", "event_data", "event_lines", "outcome_data"]

SCHEMA = "gpucore.event/1"


class EventLines:
    """Prints events on standard output, each at once and in one piece, whatever thread tells it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Print an event; one that has no form here is left out."""
        data = event_data(event)
        if data is None:
            return
        with self._lock:
            # ASCII: names that are not UTF-8 can be written too, and come back as Python reads
            # them. Its time is taken under the lock: lines are in the order of their times.
            line = json.dumps({"schema": SCHEMA, "time": round(time.time(), 6), **data})
            try:
                click.echo(line)
            except BrokenPipeError:
                # Nobody reads any more. The run goes on: what it does is on record.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def event_lines(*, asked: bool, otherwise: bool) -> EventLines | None:
    """Return who prints events, when that is asked for.

    Parameters
    ----------
    asked : bool
        ``--json-events``.
    otherwise : bool
        Whether something else is to stand on standard output.

    Raises
    ------
    click.UsageError
        When both are asked for.
    """
    if asked and otherwise:
        raise click.UsageError("--json-events goes with neither --plan nor --json")
    return EventLines() if asked else None


def event_data(event: Event) -> dict[str, object] | None:
    """Return an event as a JSON object; None for one that hosts are not told of in this way."""
    own: dict[str, object] | None = None
    if isinstance(event, RunStarted):
        own = {
            "event": "run_started",
            "devices": [_device_data(device) for device in event.devices],
            "slots": [indexes(slot) for slot in event.slots],
            "workers": event.workers,
        }
    elif isinstance(event, StepStarted):
        own = {
            "event": "step_started",
            "step": event.step,
            "stage": event.stage,
            "adapter": event.adapter,
            "gpus": indexes(event.devices),
        }
    elif isinstance(event, StepRetried | StepEnded):
        name = "step_retried" if isinstance(event, StepRetried) else "step_ended"
        own = {"event": name, "stage": event.stage, **outcome_data(event.outcome)}
    elif isinstance(event, Noted):
        own = {"event": "noted", "text": event.text}
    elif isinstance(event, DeviceRegarded):
        own = {
            "event": "device_regarded",
            "device": _device_data(event.device),
            "level": event.level,
            "reason": event.reason,
            "remedy": event.remedy,
        }
    elif isinstance(event, FilesBehind):
        own = {
            "event": "files_behind",
            "files": event.files,
            "come": event.come,
            "done": event.done,
            "seconds": event.seconds,
        }
    elif isinstance(event, RunEnded):
        counts = {state.value: count for state, count in event.counts.items() if count}
        own = {"event": "run_ended", "counts": counts}
    return None if own is None else {"run": event.run, **own}


def outcome_data(outcome: Outcome) -> dict[str, object]:
    """Return how a step ended as a JSON object."""
    return {
        "step": outcome.step,
        "adapter": outcome.adapter,
        "state": outcome.state.value,
        "reason": outcome.reason,
        "hint": outcome.hint,
        "failure": outcome.failure.value if outcome.failure else None,
        "exit_code": outcome.exit_code,
        "outputs": dict(outcome.outputs),
        "gpus": indexes(outcome.devices),
        "simulated": any(device.simulated for device in outcome.devices),
        "argv": list(outcome.command.argv) if outcome.command else [],
        "env": dict(outcome.command.env) if outcome.command else {},
        "warnings": list(outcome.warnings),
        "log": outcome.log,
        "started": outcome.started,
        "ended": outcome.ended,
        "earlier": outcome.earlier,
        "attempts": outcome.attempts,
        "peak_memory_mib": outcome.peak_memory_mib,
        "peak_utilisation": outcome.peak_utilisation,
    }


def _device_data(device: Device) -> dict[str, object]:
    return {
        "index": device.index,
        "uuid": device.uuid,
        "name": device.name,
        "memory_mib": device.memory_mib,
        "simulated": device.simulated,
    }
