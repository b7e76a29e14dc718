"""What happened in the runs of one output folder, as values: runs, GPUs, attempts, samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gpucore.system.lives import Life

__all__ = [
    "Attempt",
    "Gpu",
    "GpuNote",
    "History",
    "JournalFacts",
    "RunSpan",
    "Sample",
    "State",
    "Unbegun",
]


class State(str, Enum):
    """How an attempt of a step ended, or stands."""

    DONE = "done"
    FAILED = "failed"
    RETRIED = "retried"
    """It failed or was cut off, and the step was begun again."""
    CUT_OFF = "cut off"
    """Its host died, and nobody saw its end."""
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    RUNNING = "running"
    WAITING = "waiting"


@dataclass(frozen=True, kw_only=True)
class RunSpan:
    """One run, from its beginning to its end.

    Parameters
    ----------
    name : str
        Its name.
    life : str
        ``runs``, ``ended``, ``died``, or ``unknown`` when it is on another machine.
    began, ended : float
        Seconds since the epoch; the end of one that died is its last event, of one that goes on
        the moment of the report.
    host, version, cwd : str
        The machine, gpucore's version, the working directory.
    pid : int
        Its process.
    argv : tuple of str
        What was called.
    reason : str
        Why it ended early.
    workers : int
        How many steps it ran at once; 0: not on record.
    """

    name: str
    life: Life
    began: float
    ended: float
    host: str = ""
    version: str = ""
    cwd: str = ""
    pid: int = 0
    argv: tuple[str, ...] = ()
    reason: str = ""
    workers: int = 0


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU of the runs.

    Parameters
    ----------
    uuid : str
        Its identity.
    index : int or None
        Its place in PCI bus order; None when no run put it on record.
    name : str
        The maker's name for it; empty when not on record.
    memory_mib : int
        In MiB; 0 when not on record.
    simulated : bool
        Whether it is made up.
    """

    uuid: str
    index: int | None = None
    name: str = ""
    memory_mib: int = 0
    simulated: bool = False

    @property
    def label(self) -> str:
        """What people call it: ``GPU 2``, or the beginning of its UUID."""
        name = self.uuid[:12] if self.index is None else f"GPU {self.index}"
        return f"{name} (simulated)" if self.simulated else name


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt of a step.

    Parameters
    ----------
    step, stage, adapter : str
        Names.
    number : int
        From 1; 0 when the step was not begun.
    run : int
        The place of its run.
    state : State
        How it ended.
    event : int
        The number of its beginning in the journal; 0: none is on record.
    end : int
        The number of its end in the journal; 0: none is on record.
    arrived, ready, began, ended : float
        Seconds since the epoch: when the step came into the run, when all that it waits for was
        there, when its program was started, when it ended. The same when it was not started.
    gpus : tuple of int
        Places of its GPUs.
    awaited : str
        The step that made the last of its inputs; empty when none did.
    reason, hint, failure : str
        Why it did not end well.
    exit_code : int or None
        Negative for a signal.
    log : str
        What its program printed.
    warnings : tuple of str
        What its user should know although it is done.
    peak_memory_mib, peak_utilisation : int or None
        The most it held of one GPU's memory (MiB), and the most one of them was busy (per cent).
    """

    step: str
    stage: str
    adapter: str
    number: int
    run: int
    state: State
    arrived: float
    ready: float
    began: float
    ended: float
    event: int = 0
    end: int = 0
    gpus: tuple[int, ...] = ()
    awaited: str = ""
    reason: str = ""
    hint: str = ""
    failure: str = ""
    exit_code: int | None = None
    log: str = ""
    warnings: tuple[str, ...] = ()
    peak_memory_mib: int | None = None
    peak_utilisation: int | None = None

    @property
    def key(self) -> int:
        """The number by which it is known from its beginning on."""
        return self.event or self.end

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began

    @property
    def waited(self) -> float:
        """How long it could have been begun and was not, in seconds."""
        return self.began - self.ready


@dataclass(frozen=True, kw_only=True, slots=True)
class Unbegun:
    """A step that was in a run, and that the run neither began nor had done before.

    Parameters
    ----------
    step, stage, adapter : str
        Names.
    run : int
        The run's place.
    arrived, until : float
        Seconds since the epoch: when it came into the run, and when its end, or the run's, came.
    chained : bool
        Whether it waited for other steps.
    """

    step: str
    stage: str
    adapter: str
    run: int
    arrived: float
    until: float
    chained: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What a GPU said of itself.

    Parameters
    ----------
    time : float
        Seconds since the epoch.
    gpu : int
        Its place.
    utilisation : int or None
        Per cent.
    memory_mib : int or None
        In use, in MiB.
    temperature : int or None
        In °C.
    """

    time: float
    gpu: int
    utilisation: int | None = None
    memory_mib: int | None = None
    temperature: int | None = None


@dataclass(frozen=True, kw_only=True)
class GpuNote:
    """What was thought of a GPU for a while.

    Parameters
    ----------
    gpu : int
        Its place.
    began, ended : float
        Seconds since the epoch.
    level : str
        ``quarantined``, ``busy`` (with programs that are not gpucore's), ``held`` (by another run),
        ``unknown``, ``avoided`` or ``noted``.
    reason, remedy : str
        Why, and what to do about it.
    """

    gpu: int
    began: float
    ended: float
    level: str
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class JournalFacts:
    """By what the journal is known.

    Parameters
    ----------
    path : str
        The file.
    events : int
        How many it holds.
    chain : str
        The hash of the last, which depends on all before it.
    loss : str
        What is missing; empty when nothing is.
    notes : tuple of str
        What is special about it, and what was lost and mended before.
    """

    path: str
    events: int
    chain: str
    loss: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class History:
    """All that the journal of an output folder tells.

    Parameters
    ----------
    folder : str
        The output folder, an absolute path.
    made : float
        When it was read, in seconds since the epoch.
    journal : JournalFacts
        Where it is from.
    runs : tuple of RunSpan
        In their order.
    gpus : tuple of Gpu
        In the order in which they were first told of; elsewhere they are known by their places.
    attempts : tuple of Attempt
        In the order of their beginnings.
    unbegun : tuple of Unbegun
        Steps that a run left.
    used : tuple of frozenset of int
        For each run the places of its GPUs.
    notes : tuple of GpuNote
        What was thought of GPUs.
    samples : Mapping of int to tuple of Sample
        By GPU; empty where nothing was recorded.
    counts : Mapping of State to int
        Steps by how they stand now.
    """

    folder: str
    made: float
    journal: JournalFacts
    runs: tuple[RunSpan, ...] = ()
    gpus: tuple[Gpu, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    unbegun: tuple[Unbegun, ...] = ()
    used: tuple[frozenset[int], ...] = ()
    notes: tuple[GpuNote, ...] = ()
    samples: Mapping[int, tuple[Sample, ...]] = field(default_factory=dict)
    counts: Mapping[State, int] = field(default_factory=dict)

    @property
    def began(self) -> float:
        """When the first run began; when it was read when there is none."""
        return min((run.began for run in self.runs), default=self.made)

    @property
    def ended(self) -> float:
        """When the last thing ended."""
        last = max((run.ended for run in self.runs), default=self.made)
        return max(last, max((one.ended for one in self.attempts), default=last))
