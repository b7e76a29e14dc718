"""What plugins offer beside adapters and policies: device sources and engines, and their contract.

A hook returns these frozen values; the work is done by their callables, so that the host always
knows who answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gpucore.errors import ProgramError
from gpucore.standard.model import Device

if TYPE_CHECKING:
    from gpucore.standard.readings import Snapshot

__all__ = [
    "DeviceSource",
    "DeviceWatch",
    "Engine",
    "EngineSpec",
    "EngineTask",
    "Exit",
    "LostProgramError",
    "Prepared",
]


class DeviceWatch(Protocol):
    """Devices looked at again and again while a run goes on; used by one thread."""

    def read(self, timeout: float) -> Snapshot:
        """Return how the devices are now.

        Parameters
        ----------
        timeout : float
            Seconds to wait for the answer.

        Raises
        ------
        TimeoutError
            When there is none in that time: the driver hangs. The next call waits for the answer
            to the same question.
        """

    def close(self) -> None:
        """Let go of it, whether it answers or not; a second time does nothing."""


@dataclass(frozen=True, kw_only=True)
class DeviceSource:
    """Where devices come from.

    Parameters
    ----------
    name : str
        What ``--devices name`` or ``--devices name:argument`` calls it.
    title : str
        What it reads, one line.
    read : callable
        ``read(argument, environment)`` returns the devices that a process with this environment
        may use, in PCI bus order. An empty sequence says that there are none; whatever keeps it
        from knowing is a `DeviceError`, never an empty answer.
    watch : callable or None
        ``watch(argument, environment)`` begins to look at the devices again and again; None: the
        source cannot.
    """

    name: str
    title: str
    read: Callable[[str, Mapping[str, str]], Sequence[Device]]
    watch: Callable[[str, Mapping[str, str]], DeviceWatch] | None = None


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A program ready to start: nothing is looked up or filled in any more.

    Parameters
    ----------
    argv : tuple of str
        Arguments, the executable first.
    env : Mapping[str, str]
        The program's whole environment.
    cwd : str
        Its working directory; it exists.
    log : str
        The file that takes its standard output and error.
    stdin : str or None
        Text for its standard input; None: nothing.
    fds : tuple of int
        Descriptors that the program inherits: its leases.
    wall, quiet : float or None
        Seconds it may take, and seconds it may print nothing new.
    status : str
        The file that gets its exit code when the host does not live to take it; empty: none.
    recorded : callable or None
        Its start is being put on record, and it may be started only when that is done:
        ``recorded(then)`` has ``then`` called, soon, with why it cannot be, or an empty text; on
        a thread that must not be kept. None: it may be started at once.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    log: str
    stdin: str | None = None
    fds: tuple[int, ...] = ()
    wall: float | None = None
    quiet: float | None = None
    status: str = ""
    recorded: Callable[[Callable[[str], None]], None] | None = None


class LostProgramError(ProgramError):
    """An `Exit`'s error: the program was started, and how it ended will never be known."""

    default_code = "E506"


@dataclass(frozen=True, kw_only=True)
class Exit:
    """How a program ended, as far as the engine can see.

    Parameters
    ----------
    code : int or None
        Exit code, negative for a signal; None when it was not started.
    started, ended : float
        Seconds since the epoch.
    error : Exception or None
        Why it was not started.
    stopped : bool
        Whether the engine was told to stop it.
    limit : str
        Which limit it was ended for, in words; empty when it was not.
    survived : bool
        Whether processes that it started, and that inherited its descriptors, are still there.
    prepared : Prepared or None
        What was started.
    recorded : callable or None
        To be called when its end is on record, by an engine that keeps exit codes until then.
    """

    code: int | None
    started: float = 0.0
    ended: float = 0.0
    error: Exception | None = None
    stopped: bool = False
    limit: str = ""
    survived: bool = False
    prepared: Prepared | None = field(default=None, repr=False)
    recorded: Callable[[], None] | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class EngineTask:
    """One program for an engine to run.

    Parameters
    ----------
    step : int
        The step's number, by which it is stopped.
    name : str
        The step's name.
    run : str
        The run's name.
    prepare : callable
        Makes it ready; called once, on a thread of the engine. What it raises is the `Exit`'s
        error.
    begun : callable or None
        Called once with what was prepared, when the program runs; None: nobody wants to know.
    ended : callable
        Called exactly once with the `Exit`, on a thread of the engine, however it ended.
    """

    step: int
    name: str
    run: str
    prepare: Callable[[], Prepared]
    begun: Callable[[Prepared], None] | None
    ended: Callable[[Exit], None]


class Engine(Protocol):
    """Where programs run. One contract, and one test suite, for all of them."""

    def start(self, task: EngineTask) -> None:
        """Run a task as soon as a thread is there for it; return at once."""

    def stop(self, step: int, *, now: bool = False) -> None:
        """End a task's program and all its children, or keep it from being started.

        It is asked to end first and has ten seconds for it, unless it is to be ended ``now``.
        """

    def close(self) -> None:
        """Wait for what runs, and let the threads go; no task is taken afterwards."""


@dataclass(frozen=True, kw_only=True)
class EngineSpec:
    """An engine that can be opened.

    Parameters
    ----------
    name : str
        What ``engine = "…"`` calls it.
    title : str
        Where it runs programs, one line.
    open : callable
        ``open(workers)`` returns an `Engine` that runs up to that many tasks at once.
    """

    name: str
    title: str
    open: Callable[[int], Engine]
