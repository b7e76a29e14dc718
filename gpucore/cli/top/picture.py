"""What the live view shows at one moment: GPUs, runs and steps, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["GpuNow", "Picture", "RunNow", "StepNow", "Tenant"]


@dataclass(frozen=True, kw_only=True)
class StepNow:
    """A step that runs, or that failed.

    Parameters
    ----------
    step : str
        Its name.
    state : str
        ``running``, ``failed``, or ``cut off``: its program ended with its run, which died.
    attempt : int
        Which attempt; 0: it was not begun.
    since : float
        When it began, or failed, in seconds since the epoch; 0: not known.
    gpus : tuple of str
        The UUIDs of its devices.
    reason : str
        Why it failed.
    log : str
        Where its output goes, as recorded.
    mark : str
        The run whose mark its program bears.
    """

    step: str
    state: str
    attempt: int = 0
    since: float = 0.0
    gpus: tuple[str, ...] = ()
    reason: str = ""
    log: str = ""
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class RunNow:
    """A run of this machine.

    Parameters
    ----------
    key : str
        What tells it from the others, however they change.
    folder : str
        Its output folder; empty when that is not known.
    user : str
        Whose it is.
    own : bool
        Whether it is this user's.
    pid : int
        Its host process; 0: not known.
    state : str
        ``runs``, ``waits`` (for GPUs, or for what is to come), ``ended``, ``died``, or ``unread``:
        its journal cannot be read.
    reason : str
        Why it ended early, or cannot be read.
    began : float
        Seconds since the epoch; 0: not known.
    counts : Mapping
        Steps by state, as far as there are any.
    rate : float or None
        Steps that end in a second.
    left : float or None
        Seconds until the steps that are known will have ended.
    running, failed : tuple of StepNow
        Steps; of many that failed the latest.
    devices : tuple
        What it was given, each as UUID, index, name, memory in MiB, and whether it is simulated.
    regards : Mapping
        What it thinks of devices that are not good, by UUID: level, reason, remedy.
    """

    key: str
    folder: str
    user: str
    own: bool
    pid: int
    state: str
    reason: str = ""
    began: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)
    rate: float | None = None
    left: float | None = None
    running: tuple[StepNow, ...] = ()
    failed: tuple[StepNow, ...] = ()
    devices: tuple[tuple[str, int, str, int, bool], ...] = ()
    regards: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[StepNow, ...]:
        """What is shown of its steps."""
        return (*self.running, *self.failed)

    @property
    def over(self) -> bool:
        """Whether it is only shown because it has just ended."""
        going = any(one.state == "running" for one in self.running)
        return self.state in {"ended", "died"} and not going


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """Somebody who is on a GPU.

    Parameters
    ----------
    what : str
        The step, or the program; empty when that is not known.
    ours : bool
        Whether it is a step of gpucore, of whichever user.
    user : str
        Whose; empty when that is not known.
    pid : int
        The host process of a step, or the program; 0: not known.
    folder : str
        The output folder of the step's run; empty when that is not known.
    run : str
        The `RunNow.key` of that run; empty when there is none.
    since : float
        Seconds since the epoch; 0: not known.
    memory_mib : int or None
        What it holds of the GPU's memory.
    """

    what: str
    ours: bool
    user: str = ""
    pid: int = 0
    folder: str = ""
    run: str = ""
    since: float = 0.0
    memory_mib: int | None = None


@dataclass(frozen=True, kw_only=True)
class GpuNow:
    """A GPU.

    Parameters
    ----------
    uuid : str
        The device.
    index : int
        What people call it.
    name : str
        Its model.
    simulated : bool
        Whether it is made up.
    state : str
        ``used``, ``free``, ``others`` (strangers compute on it), ``unknown``, or what keeps it from
        being given: ``avoided``, ``quarantined``, ``busy``, ``held``.
    reason, remedy : str
        Why it is not given, and what to do about it.
    memory_total_mib, memory_used_mib, utilisation, temperature : int or None
        In MiB, MiB, per cent and °C; None: not known.
    tenants : tuple of Tenant
        Who is on it.
    """

    uuid: str
    index: int
    name: str
    simulated: bool
    state: str
    reason: str = ""
    remedy: str = ""
    memory_total_mib: int | None = None
    memory_used_mib: int | None = None
    utilisation: int | None = None
    temperature: int | None = None
    tenants: tuple[Tenant, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """All of it at one moment.

    Parameters
    ----------
    time : float
        Seconds since the epoch.
    host : str
        The machine.
    gpus : tuple of GpuNow
        In the order of their indexes.
    runs : tuple of RunNow
        The first that began first.
    notes : tuple of str
        What could not be found out, and why.
    """

    time: float
    host: str
    gpus: tuple[GpuNow, ...] = ()
    runs: tuple[RunNow, ...] = ()
    notes: tuple[str, ...] = ()

    def run(self, key: str) -> RunNow | None:
        """Return the run of a key; None when it is not there any more."""
        return next((one for one in self.runs if one.key == key), None)
