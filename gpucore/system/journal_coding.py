"""How a record of a journal becomes bytes, and is read again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeAlias

from gpucore.standard.model import FailureClass, StepState
from gpucore.system.journal_records import (
    Began,
    Fingerprint,
    Finished,
    Mended,
    Planned,
    Record,
    Regarded,
    RunBegan,
    RunFinished,
    Sampled,
    Spawned,
)

__all__ = ["KIND", "REDACTED", "Encoded", "decode", "encode", "ending", "redacted"]

REDACTED = "[not kept]"
_SECRET = re.compile(r"TOKEN|SECRET|PASS|KEY|CRED", re.IGNORECASE)

Encoded: TypeAlias = tuple[int, bytes, int, bytes]
"""Kind, step, attempt and the rest as JSON, as they stand in the columns."""

_COLUMNS = frozenset({"step", "attempt"})
_KINDS: tuple[type[Record], ...] = (
    RunBegan,
    RunFinished,
    Planned,
    Began,
    Spawned,
    Finished,
    Mended,
    Sampled,
    Regarded,
)
KIND = {kind: number for number, kind in enumerate(_KINDS, 1)}
"""The number by which a kind of record is stored; never changed, only added to."""

_FIELDS = {kind: {one.name: one for one in fields(kind)} for kind in _KINDS}
_BODY = {
    kind: tuple((name, one.default) for name, one in known.items() if name not in _COLUMNS)
    for kind, known in _FIELDS.items()
}

_STATES = {state.value: state for state in StepState}


def encode(record: Record) -> Encoded:
    """Return the columns of a record; the JSON is ASCII, whatever bytes names are made of.

    What is as it is by default is not written: of an end that is most.
    """
    kind = type(record)
    facts = {
        name: value for name, default in _BODY[kind] if (value := getattr(record, name)) != default
    }
    if isinstance(record, Began):
        facts["env"] = redacted(record.env)
    body = _JSON.encode(facts).encode("ascii")
    step = getattr(record, "step", "").encode("utf-8", "surrogatepass")
    return KIND[kind], step, getattr(record, "attempt", 0), body


def decode(kind: int, step: bytes, attempt: int, body: bytes) -> Record:
    """Return the record that was encoded so.

    Raises
    ------
    ValueError
        When this version of gpucore cannot have written it.
    """
    try:
        form = _FORMS[kind]
        told, end = _DECODE(body.decode("ascii"))
        if end != len(body):
            raise TypeError(end)
        facts = {**form.defaults, **told}
        for name in form.empty:
            if name not in facts:
                facts[name] = {}
        if form.restore is not None:
            form.restore(facts)
        if form.of_a_step:
            facts["step"] = step.decode("utf-8", "surrogatepass")
        if form.of_an_attempt:
            facts["attempt"] = attempt
        if facts.keys() != form.names:
            raise TypeError(facts.keys() ^ form.names)
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no record of this version: kind {kind}") from error
    # A frozen class sets each field through a call, at three times the cost; whoever resumes a
    # million steps asks for a million records.
    record = object.__new__(form.made)
    object.__setattr__(record, "__dict__", facts)
    return record


def ending(body: bytes) -> StepState:
    """Return how a step ended, from the body of a `Finished`.

    Raises
    ------
    ValueError
        When this version of gpucore cannot have written it.
    """
    try:
        return StepState(_DECODE(body.decode("ascii"))[0]["state"])
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("no end of this version") from error


def redacted(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the values of what looks like a secret are not shown.

    Examples
    --------
    >>> redacted({"OMP_NUM_THREADS": "4", "MY_TOKEN": "abc"})
    {'OMP_NUM_THREADS': '4', 'MY_TOKEN': '[not kept]'}
    """
    return {name: REDACTED if _SECRET.search(name) else value for name, value in env.items()}


def _plain(value: object) -> object:
    if isinstance(value, Fingerprint):
        return [value.size, value.changed_ns, value.digest]
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a journal cannot hold {value!r}")


_JSON = json.JSONEncoder(default=_plain, separators=(",", ":"))
_DECODE = json.JSONDecoder().raw_decode
"""As `json.loads`, of what we wrote: ASCII, and no blanks around it."""


def _restore_run(facts: dict[str, Any]) -> None:
    facts["argv"] = tuple(facts["argv"])
    facts["devices"] = tuple(map(tuple, facts["devices"]))


def _restore_beginning(facts: dict[str, Any]) -> None:
    for name in ("argv", "devices", "made_in"):
        facts[name] = tuple(facts[name])
    facts["inputs"] = _stamps(facts["inputs"])


def _restore_end(facts: dict[str, Any]) -> None:
    facts["state"] = _STATES[facts["state"]]
    facts["failure"] = facts["failure"] and FailureClass(facts["failure"])
    facts["warnings"] = tuple(facts["warnings"])
    facts["output_stamps"] = _stamps(facts["output_stamps"])


@dataclass(frozen=True, slots=True)
class _Form:
    """What is known of a kind of record beforehand."""

    made: type[Record]
    names: frozenset[str]
    defaults: dict[str, object]
    empty: tuple[str, ...]
    restore: Callable[[dict[str, Any]], None] | None
    of_a_step: bool
    of_an_attempt: bool


def _form(made: type[Record]) -> _Form:
    known = _FIELDS[made]
    return _Form(
        made,
        frozenset(known),
        {name: one.default for name, one in known.items() if one.default is not MISSING},
        tuple(name for name, one in known.items() if one.default_factory is not MISSING),
        {RunBegan: _restore_run, Began: _restore_beginning, Finished: _restore_end}.get(made),
        "step" in known,
        "attempt" in known,
    )


_FORMS = {number: _form(kind) for kind, number in KIND.items()}


def _stamps(facts: dict[str, Any]) -> dict[str, Fingerprint | None]:
    return {
        path: one and Fingerprint(size=one[0], changed_ns=one[1], digest=one[2])
        for path, one in facts.items()
    }
