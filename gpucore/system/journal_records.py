"""What a run's journal records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from gpucore.standard.model import FailureClass, StepState

__all__ = [
    "Began",
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
]


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
    granted : float
        When the run gave it its devices, in seconds since the epoch; 0: not known. From then until
        ``time`` it was made ready, and waited for whoever else had them.
    held_by : str
        Who that was, for people; empty when nobody.
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
    granted: float = 0.0
    held_by: str = ""


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
        Hash of its command and of the state of its inputs when it began: what is done need not be
        run again while this is the same. Empty: only its `Began` says so.
    log : str
        Where its output went.
    started : float
        When its program was started, in seconds since the epoch; 0: not known.
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
    log: str = ""
    started: float = 0.0
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
    waits : str
        The first of the steps that could start, and for want of something do not; empty: none.
    lacks : str
        What it waits for, in words.
    """

    time: float
    devices: Mapping[str, Sequence[int | None]]
    waits: str = ""
    lacks: str = ""


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
