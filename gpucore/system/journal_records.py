"""What a run's journal records, and how a record becomes bytes and is read again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TypeAlias

from gpucore.standard.model import FailureClass, StepState

__all__ = [
    "REDACTED",
    "Began",
    "Encoded",
    "Fingerprint",
    "Finished",
    "Mended",
    "Planned",
    "Record",
    "Regarded",
    "RunBegan",
    "RunFinished",
    "Sampled",
    "Spawned",
    "decode",
    "encode",
    "ending",
    "redacted",
]

REDACTED = "[not kept]"
_SECRET = re.compile(r"TOKEN|SECRET|PASS|KEY|CRED", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """The state of a file by which it is known again.

    Parameters
    ----------
    size, changed_ns : int
        Its size and modification time.
    digest : str
        The hash of its content; empty when nobody asked for it.
    """

    size: int
    changed_ns: int
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class RunBegan:
    """A run opened the journal.

    Parameters
    ----------
    run : str
        Its name.
    time : float
        Seconds since the epoch.
    pid : int
        The host process.
    pid_start, boot : str
        Its start time as the kernel tells it and the machine's boot, which make ``pid`` unique.
    host, version : str
        The machine, and gpucore's version.
    argv : tuple of str
        What was called.
    cwd : str
        Where.
    devices : tuple
        The devices that it was given, each as UUID, index, name, memory in MiB, and whether it is
        simulated.
    workers : int
        Steps at once; 0: not known.
    """

    run: str
    time: float
    pid: int
    host: str
    boot: str
    version: str
    pid_start: str = ""
    argv: tuple[str, ...] = ()
    cwd: str = ""
    devices: tuple[tuple[str, int, str, int, bool], ...] = ()
    workers: int = 0


@dataclass(frozen=True, kw_only=True)
class RunFinished:
    """A run ended in order.

    Parameters
    ----------
    run : str
        Its name.
    time : float
        Seconds since the epoch.
    reason : str
        Why it ended early; empty when it did not.
    counts : Mapping[str, int]
        Steps by state.
    """

    run: str
    time: float
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A step belongs to the run."""

    step: str
    stage: str
    adapter: str


@dataclass(frozen=True, kw_only=True)
class Began:
    """A step's program is about to be started; on disk before it is.

    Parameters
    ----------
    step : str
        Its name.
    attempt : int
        From 1.
    time : float
        Seconds since the epoch.
    pid : int or None
        Its shepherd, when that is known already; see `Spawned`.
    pid_start, boot : str
        The shepherd's start time and the machine's boot.
    argv : tuple of str
        The command.
    env : Mapping[str, str]
        What is set above the host's environment; the values of what looks like a secret are
        never written.
    devices : tuple of str
        UUIDs.
    log, status : str
        Where the output goes, and where the shepherd leaves the exit code.
    inputs : Mapping[str, Fingerprint or None]
        By path; None: it was not there.
    key : str
        Hash of command and inputs.
    made_in : tuple of str
        Directories in which it makes its outputs until they are checked.
    """

    step: str
    attempt: int
    time: float
    argv: tuple[str, ...]
    pid: int | None = None
    pid_start: str = ""
    boot: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    log: str = ""
    status: str = ""
    inputs: Mapping[str, Fingerprint | None] = field(default_factory=dict)
    key: str = ""
    made_in: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Spawned:
    """The process of an attempt is known: who may be adopted, should the host die."""

    step: str
    attempt: int
    pid: int
    pid_start: str


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A step ended; on disk before it is told.

    Parameters
    ----------
    step : str
        Its name.
    attempt : int
        The attempt that ended; 0 when it was not started (skipped, refused, cancelled).
    time : float
        Seconds since the epoch.
    state : StepState
        DONE, FAILED, SKIPPED or CANCELLED.
    reason, hint : str
        Why it did not end well, and what to do about it.
    failure : FailureClass or None
        Set when it failed.
    exit_code, signal : int or None
        How the program ended, as far as it did.
    outputs : Mapping[str, str]
        Paths by name.
    output_stamps : Mapping[str, Fingerprint or None]
        By path.
    warnings : tuple of str
        What its user should know although it is done.
    key : str
        As its `Began` has it: what is done need not be run again while this is the same.
    peak_memory_mib : int or None
        The most that its own processes held of the memory of one device, in MiB, as far as seen.
    peak_utilisation : int or None
        Per cent; the most that one of its devices was busy while it ran, as far as seen.
    """

    step: str
    attempt: int
    time: float
    state: StepState
    reason: str = ""
    hint: str = ""
    failure: FailureClass | None = None
    exit_code: int | None = None
    signal: int | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    output_stamps: Mapping[str, Fingerprint | None] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    key: str = ""
    peak_memory_mib: int | None = None
    peak_utilisation: int | None = None


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What the run's devices said of themselves at one moment.

    Parameters
    ----------
    time : float
        Seconds since the epoch.
    devices : Mapping
        By UUID: memory used in MiB, per cent busy, temperature in °C; None where not known.
    """

    time: float
    devices: Mapping[str, Sequence[int | None]]


@dataclass(frozen=True, kw_only=True)
class Regarded:
    """What is thought of a device from now on.

    Parameters
    ----------
    time : float
        Seconds since the epoch.
    device : str
        Its UUID.
    level : str
        ``good``, ``noted``, ``avoided``, ``unknown``, ``quarantined``, or ``busy`` with programs
        that are not ours.
    reason, remedy : str
        Why, and what to do about it.
    """

    time: float
    device: str
    level: str
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A damaged journal was set aside, and this one made of what could be read.

    Parameters
    ----------
    time : float
        Seconds since the epoch.
    kept : int
        Events that were kept.
    loss : str
        What was told of it.
    aside : str
        Where the damaged file lies.
    """

    time: float
    kept: int
    loss: str
    aside: str


Record: TypeAlias = (
    Planned | Began | Spawned | Finished | RunBegan | RunFinished | Mended | Sampled | Regarded
)
Encoded: TypeAlias = tuple[int, bytes, int, bytes]
"""Kind, step, attempt and the rest as JSON, as they stand in the columns."""

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

_FIELDS = {
    kind: tuple(one.name for one in fields(kind) if one.name not in {"step", "attempt"})
    for kind in _KINDS
}
_OF_A_STEP = {kind for kind in _KINDS if "step" in {one.name for one in fields(kind)}}
_OF_AN_ATTEMPT = {Began, Spawned, Finished}


def _named(*names: str) -> dict[type[Record], tuple[str, ...]]:
    return {kind: tuple(one for one in _FIELDS[kind] if one in names) for kind in _KINDS}


_TUPLES = _named("argv", "devices", "warnings", "made_in")
_STAMPS = _named("inputs", "output_stamps")


def encode(record: Record) -> Encoded:
    """Return the columns of a record; the JSON is ASCII, whatever bytes names are made of."""
    kind = type(record)
    facts = {name: getattr(record, name) for name in _FIELDS[kind]}
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
        made = _KINDS[kind - 1]
        facts = json.loads(body)
        for name in _TUPLES[made]:
            if name in facts:
                facts[name] = tuple(facts[name])
        if made is RunBegan:
            facts["devices"] = tuple(tuple(one) for one in facts.get("devices", ()))
        for name in _STAMPS[made]:
            facts[name] = {path: _fingerprint(one) for path, one in facts[name].items()}
        if made is Finished:
            facts["state"] = StepState(facts["state"])
            facts["failure"] = facts["failure"] and FailureClass(facts["failure"])
        if made in _OF_A_STEP:
            facts["step"] = step.decode("utf-8", "surrogatepass")
        if made in _OF_AN_ATTEMPT:
            facts["attempt"] = attempt
        return made(**facts)
    except (IndexError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no record of this version: kind {kind}") from error


def ending(body: bytes) -> StepState:
    """Return how a step ended, from the body of a `Finished` and at a third of the cost.

    Raises
    ------
    ValueError
        When this version of gpucore cannot have written it.
    """
    try:
        return StepState(json.loads(body)["state"])
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


def _fingerprint(facts: tuple[int, int, str] | None) -> Fingerprint | None:
    if facts is None:
        return None
    size, changed_ns, digest = facts
    return Fingerprint(size=size, changed_ns=changed_ns, digest=digest)
