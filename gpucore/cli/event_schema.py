"""The lines of ``--json-events`` as JSON Schema: what a host in another language may count on."""

from __future__ import annotations

from typing import Any

from gpucore.cli.event_lines import SCHEMA
from gpucore.standard.form import DRAFT
from gpucore.standard.model import FailureClass, StepState

__all__ = ["EVENTS", "event_schema"]

_TEXT: dict[str, Any] = {"type": "string"}
_TEXTS: dict[str, Any] = {"type": "array", "items": _TEXT}
_NAMED: dict[str, Any] = {"type": "object", "additionalProperties": _TEXT}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_NUMBER: dict[str, Any] = {"type": "number", "minimum": 0}
_YES: dict[str, Any] = {"type": "boolean"}
_GPUS: dict[str, Any] = {"type": "array", "items": _COUNT}
_DEVICE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "index": _COUNT, "uuid": _TEXT, "name": _TEXT, "memory_mib": _COUNT, "simulated": _YES,
    },
    "required": ["index", "uuid", "name", "memory_mib", "simulated"],
}  # fmt: skip


def _or_null(kind: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [kind, {"type": "null"}]}


_OUTCOME: dict[str, Any] = {
    "stage": _TEXT,
    "step": _TEXT,
    "adapter": _TEXT,
    "state": {"enum": [one.value for one in StepState]},
    "reason": _TEXT,
    "hint": _TEXT,
    "failure": {"enum": [None, *(one.value for one in FailureClass)]},
    "exit_code": {"type": ["integer", "null"]},
    "outputs": _NAMED,
    "gpus": _GPUS,
    "simulated": _YES,
    "argv": _TEXTS,
    "env": _NAMED,
    "warnings": _TEXTS,
    "log": _TEXT,
    "started": _NUMBER,
    "ended": _NUMBER,
    "earlier": _YES,
    "attempts": _COUNT,
    "peak_memory_mib": _or_null(_COUNT),
    "peak_utilisation": _or_null(_COUNT),
}

EVENTS: dict[str, dict[str, Any]] = {
    "run_started": {
        "devices": {"type": "array", "items": _DEVICE},
        "slots": {"type": "array", "items": _GPUS},
        "workers": _COUNT,
    },
    "step_started": {"step": _TEXT, "stage": _TEXT, "adapter": _TEXT, "gpus": _GPUS},
    "step_retried": _OUTCOME,
    "step_ended": _OUTCOME,
    "noted": {"text": _TEXT},
    "device_regarded": {
        "device": _DEVICE,
        "level": {"enum": ["good", "noted", "avoided", "unknown", "quarantined", "busy"]},
        "reason": _TEXT,
        "remedy": _TEXT,
    },
    "files_behind": {
        "files": _COUNT, "come": _NUMBER, "done": _NUMBER, "seconds": _or_null(_NUMBER),
    },
    "run_ended": {"counts": {"type": "object", "additionalProperties": _COUNT}},
}  # fmt: skip
"""The fields of each event, beside those that all have."""


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a line.

    Fields and events may be added within a version: an event that is not named is allowed, as are
    fields that are not.
    """
    common: dict[str, Any] = {
        "schema": {"const": SCHEMA},
        "time": _NUMBER,
        "run": _TEXT,
        "event": _TEXT,
    }
    cases = [
        {
            "if": {"properties": {"event": {"const": event}}},
            "then": {"properties": own, "required": list(own)},
        }
        for event, own in EVENTS.items()
    ]
    return {
        "$schema": DRAFT,
        "title": "a line of --json-events",
        "type": "object",
        "properties": common,
        "required": list(common),
        "allOf": cases,
    }
