"""The values that travel between the parts: device, need, command, outcome and host events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gpucore.standard.readings import Snapshot

__all__ = [
    "SLOT",
    "Command",
    "Device",
    "DeviceRegarded",
    "DevicesSeen",
    "Event",
    "FailureClass",
    "FileToWrite",
    "FilesBehind",
    "LinkToMake",
    "Need",
    "Noted",
    "Outcome",
    "RunEnded",
    "RunStarted",
    "StepEnded",
    "StepRetried",
    "StepStarted",
    "StepState",
]


@dataclass(frozen=True, kw_only=True)
class Device:
    """A physical GPU or MIG instance.

    Parameters
    ----------
    uuid : str
        Its identity, ``GPU-…`` or ``MIG-…``.
    index : int
        Its place in PCI bus order among the devices that this process may use.
    mask : str
        What stands for it in ``CUDA_VISIBLE_DEVICES``; inside a batch job this is the entry of
        the job's own mask. Its index when empty.
    name : str
        The maker's name for it.
    memory_mib : int
        Total memory in MiB, 0 when unknown.
    simulated : bool
        Whether it is made up (``simulated:N``); marked wherever it is shown.
    maker : str
        ``nvidia`` or ``amd``: whose environment variables hide it.
    bus : str
        Its PCI address; empty when unknown.
    parent : str
        The UUID of the GPU that a MIG instance is cut from.
    numa : int or None
        The NUMA node that it hangs on.
    links : tuple of (str, int)
        How near other devices are, by UUID: the more the nearer (NVLinks count most, then a
        common switch, then a common NUMA node); none known: empty.
    compute_mode : str
        ``default``, ``exclusive_process`` (one program at a time) or ``prohibited``.
    """

    uuid: str
    index: int
    mask: str = ""
    name: str = ""
    memory_mib: int = 0
    simulated: bool = False
    maker: str = "nvidia"
    bus: str = ""
    parent: str = ""
    numa: int | None = None
    links: tuple[tuple[str, int], ...] = ()
    compute_mode: str = "default"

    @property
    def mask_entry(self) -> str:
        """The text that makes it visible to a CUDA program."""
        return self.mask or str(self.index)


@dataclass(frozen=True, kw_only=True)
class Need:
    """What a step asks for.

    Parameters
    ----------
    gpus : int or None
        0: no GPU. None: a slot, as the policy cuts them. k: that many different devices, all at
        once or not at all.
    worker : bool
        Whether it takes one of the run's workers; a lease whose host starts the program itself
        does not.
    alone : bool
        Whether it must not share a device because a short list was extended
        (``sharing = "forbidden"``).
    memory_mib : int
        Free memory that each of its devices must have, in MiB; 0: as much as there is.
    avoid : frozenset of str
        UUIDs of devices that it is not given as long as there are others for it.
    whole : bool
        Whether no other step of the run may be on its devices, even where the user's list names
        them twice: it ran out of memory beside others.
    """

    gpus: int | None = 0
    worker: bool = True
    alone: bool = False
    memory_mib: int = 0
    avoid: frozenset[str] = frozenset()
    whole: bool = False


SLOT = Need(gpus=None)
NO_GPU = Need()
"""Most needs are one of these two: what is the same need not be compared."""


class FailureClass(str, Enum):
    """Why a step failed, which decides what can be done about it."""

    BAD_INPUT = "bad_input"
    OUT_OF_MEMORY = "out_of_memory"
    NO_DEVICE = "no_device"
    DEVICE_FAULT = "device_fault"
    PROGRAM_FAULT = "program_fault"
    MISSING_OUTPUT = "missing_output"
    LIMIT = "limit"
    HOST_MEMORY = "host_memory"
    DISK_FULL = "disk_full"
    INTERRUPTED = "interrupted"
    CPU_FALLBACK = "cpu_fallback"
    NOT_STARTED = "not_started"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class FileToWrite:
    """A text file that a command needs in its working directory."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class LinkToMake:
    """A symbolic link that a command needs in its working directory."""

    name: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """Argument list, environment and working directory of one program, ready to start.

    Parameters
    ----------
    argv : tuple of str
        Arguments, the executable first; never given to a shell.
    env : Mapping[str, str]
        What is set above the host's environment.
    stdin : str or None
        Text for standard input; None: nothing (``/dev/null``).
    own_directory : bool
        Whether it runs in a directory of its own, and not in the host's.
    files, links
        What must lie in its working directory before it starts.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str | None = None
    own_directory: bool = False
    files: tuple[FileToWrite, ...] = ()
    links: tuple[LinkToMake, ...] = ()


class StepState(str, Enum):
    """How far a step has come, or how it ended."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a step ended.

    Parameters
    ----------
    step, adapter : str
        Names.
    state : StepState
        DONE, FAILED, SKIPPED or CANCELLED.
    reason : str
        Why it did not end well, one line; empty when it did.
    hint : str
        What to do about it.
    failure : FailureClass or None
        Set when it failed.
    exit_code : int or None
        The program's own, negative for a signal; None when it was not started.
    outputs : Mapping[str, str]
        Paths of the outputs that were found and checked, by name.
    devices : tuple of Device
        The devices it held.
    command : Command or None
        What was started.
    warnings : tuple of str
        What its user should know although it is done (a silent fall-back to the CPU, say).
    log : str
        Path of what the program printed; empty when it was not started.
    started, ended : float
        Seconds since the epoch.
    earlier : bool
        Whether that was in an earlier run, and the step was not run again.
    attempts : int
        How often it was begun, in this run and those before it.
    peak_memory_mib : int or None
        The most that its own processes held of the memory of one of its devices, in MiB, as far
        as that was seen.
    peak_utilisation : int or None
        Per cent; the most that one of its devices was busy while it ran, as far as seen.
    """

    step: str
    adapter: str
    state: StepState
    reason: str = ""
    hint: str = ""
    failure: FailureClass | None = None
    exit_code: int | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    command: Command | None = None
    warnings: tuple[str, ...] = ()
    log: str = ""
    started: float = 0.0
    ended: float = 0.0
    earlier: bool = False
    attempts: int = 0
    peak_memory_mib: int | None = None
    peak_utilisation: int | None = None

    @property
    def done(self) -> bool:
        """Whether it ended well."""
        return self.state is StepState.DONE


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a run, as plugins and progress displays are told of it.

    Parameters
    ----------
    run : str
        The run's name.
    """

    run: str


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A run was opened.

    Parameters
    ----------
    devices, slots : tuple
        What it was opened on, and the slots that this was cut into.
    workers : int
        How many steps run at once.
    """

    devices: tuple[Device, ...]
    slots: tuple[tuple[Device, ...], ...]
    workers: int


@dataclass(frozen=True, kw_only=True)
class StepStarted(Event):
    """A step's program was started."""

    step: str
    adapter: str
    stage: str
    devices: tuple[Device, ...]


@dataclass(frozen=True, kw_only=True)
class StepRetried(Event):
    """An attempt of a step failed, and another will be made.

    Parameters
    ----------
    stage : str
        The step's stage; empty for a single step.
    outcome, attempt
        How the attempt ended, and its number, from 1.
    """

    stage: str
    outcome: Outcome
    attempt: int


@dataclass(frozen=True, kw_only=True)
class StepEnded(Event):
    """A step ended, well or not."""

    stage: str
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class Noted(Event):
    """Something that the user of a run should know, said once."""

    text: str


@dataclass(frozen=True, kw_only=True)
class DeviceRegarded(Event):
    """What is thought of a device has changed.

    Parameters
    ----------
    device : Device
        The device.
    level : str
        ``good``, ``noted``, ``avoided``, ``unknown``, ``quarantined``, or ``busy`` with programs
        that are not ours.
    reason, remedy : str
        Why, and what to do about it; empty when it is good.
    """

    device: Device
    level: str
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class DevicesSeen(Event):
    """What the run's devices say of themselves, every few seconds."""

    snapshot: Snapshot


@dataclass(frozen=True, kw_only=True)
class FilesBehind(Event):
    """How far a run is behind the files that come into its watched folders, every few seconds.

    Parameters
    ----------
    files : int
        Files that came and are not done yet.
    come, done : float
        Files in a second, over the last ten minutes.
    seconds : float or None
        When it will have caught up at this rate; None: never, or nothing is done yet.
    """

    files: int
    come: float
    done: float
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class RunEnded(Event):
    """A run was closed; no step of it runs any more."""

    counts: Mapping[StepState, int]
