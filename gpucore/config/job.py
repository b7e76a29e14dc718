"""What ``job.toml`` can say: what to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, ClassVar, Literal

from gpucore.config.check import build
from gpucore.config.rest import build_rest
from gpucore.config.settings import STRICT, SharingChoice
from gpucore.config.toml import FileError, TomlFile, read_toml
from gpucore.config.watch import WatchTable
from gpucore.errors import ConfigError
from gpucore.standard.adapter import Value

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Job", "JobFile", "RunTable", "Stage", "StepTable", "check_job", "ordered", "read_job"]


@dataclass(frozen=True, kw_only=True)
class RunTable:
    """How the run is made; what is None comes from the site's settings.

    Parameters
    ----------
    gpus : str or None
        GPU list.
    threads : int or None
        Threads, the master included.
    output : str
        Folder of the outputs; those of a stage or step lie in a folder of its name below it.
    devices, policy, sharing, isolate, checksum
        As in ``gpucore.toml``.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    gpus: str | None = None
    threads: int | None = None
    output: str = "out"
    devices: str | None = None
    policy: str | None = None
    sharing: SharingChoice | None = None
    isolate: bool | None = None
    checksum: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One adapter over many items.

    Parameters
    ----------
    name : str
        What later stages call it: letters, digits, ``_`` and ``-``, a letter first.
    adapter : str
        The adapter; it must have an item.
    items : str or tuple of str
        Files and patterns: ``movies/*.tif``, ``movies/**/*.mrc``.
    item : str
        Instead of ``items``: an output of an earlier stage, ``%(align.out)s``.
    watch : WatchTable or None
        Instead of either: a folder whose files are taken as they come.
    batch : int or None
        How many files one step takes, for a program that takes many at a time.
    batch_wait : float or None
        Seconds that the first file of a batch of a watched folder waits for others; None: until
        nothing more comes.
    after : str or tuple of str
        Stages and steps that come before, every stage that a mark names among them; an item waits
        for its own item of a stage.
    params : Mapping
        Parameters, the same for each item; with ``item``, one may hold marks of the same item's
        outputs.
    use_gpu : bool
        ``USE_GPU``, for an adapter whose GPU is optional.
    retries : int
        Further attempts of a step that failed in a way that another may not.
    time_limit : float or None
        Seconds after which a program is ended, and its step has failed.
    quiet_limit : float or None
        The same when it printed nothing new for so many seconds.
    gpus : int or None
        GPUs for each step, all at once; None: a slot.
    gpu_memory : str or None
        Memory that each of its GPUs must have free, as in ``12 GiB``; None: what its program is
        known to need, where the policy looks at that.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    name: str
    adapter: str
    items: str | tuple[str, ...] = ()
    item: str = ""
    watch: WatchTable | None = None
    batch: int | None = None
    batch_wait: float | None = None
    after: str | tuple[str, ...] = ()
    params: Mapping[str, Value] = field(default_factory=dict)
    use_gpu: bool = True
    gpus: int | None = None
    gpu_memory: str | None = None
    retries: int = 0
    time_limit: float | None = None
    quiet_limit: float | None = None

    @property
    def is_fed(self) -> bool:
        """Whether its steps are made while the run goes on: of files that come, or of batches."""
        return self.watch is not None or self.batch is not None

    @property
    def patterns(self) -> tuple[str, ...]:
        """``items`` as a tuple."""
        return (self.items,) if isinstance(self.items, str) else self.items

    @property
    def before(self) -> tuple[str, ...]:
        """``after`` as a tuple."""
        return (self.after,) if isinstance(self.after, str) else self.after


@dataclass(frozen=True, kw_only=True)
class StepTable:
    """One run of one adapter.

    Parameters
    ----------
    name
        What later stages and steps call it.
    params
        All parameters, the item among them.
    after
        Stages and steps that come before, all of them.
    adapter, use_gpu, gpus, gpu_memory, retries, time_limit, quiet_limit
        As for a stage.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    name: str
    adapter: str
    after: str | tuple[str, ...] = ()
    params: Mapping[str, Value] = field(default_factory=dict)
    use_gpu: bool = True
    gpus: int | None = None
    gpu_memory: str | None = None
    retries: int = 0
    time_limit: float | None = None
    quiet_limit: float | None = None

    @property
    def before(self) -> tuple[str, ...]:
        """``after`` as a tuple."""
        return (self.after,) if isinstance(self.after, str) else self.after


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job: stages over items and single steps, in any order.

    Parameters
    ----------
    run : RunTable
        How the run is made.
    stage : tuple of Stage
        Stages: one adapter over many items.
    step : tuple of StepTable
        Single steps.
    schema : int
        Version of this form.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    run: RunTable = field(default_factory=RunTable)
    stage: tuple[Stage, ...] = ()
    step: tuple[StepTable, ...] = ()
    schema: Literal[1] = 1

    @property
    def parts(self) -> tuple[Stage | StepTable, ...]:
        """Stages and steps, in the order of the file within each."""
        return (*self.stage, *self.step)

    @property
    def is_fed(self) -> bool:
        """Whether steps of it are made while the run goes on."""
        return any(stage.is_fed for stage in self.stage)


@dataclass(frozen=True, kw_only=True)
class JobFile:
    """A job and the file that says it.

    Parameters
    ----------
    job : Job
        The job.
    toml : TomlFile
        The file; its ``fault`` and ``where`` tell where a key stands.
    faults : tuple of FileError
        What is wrong with its form, where the job is what is left without it.
    """

    job: Job
    toml: TomlFile
    faults: tuple[FileError, ...] = ()

    @property
    def path(self) -> Path:
        """The file, as its user named it."""
        return self.toml.path

    @property
    def folder(self) -> Path:
        """What every relative path of the job is relative to."""
        return self.toml.path.absolute().parent


def read_job(path: Path, *, told_later: bool = False) -> JobFile:
    """Return a job file whose keys and types are right; `job_faults` says whether it can run.

    Parameters
    ----------
    path : Path
        The file.
    told_later : bool
        Whether `job_faults` is asked next, and tells what is wrong with the form with the rest; as
        far as a job is left without the keys that are wrong.

    Raises
    ------
    ConfigError, Faults
        Whatever is wrong with its form, each fault with file, line and key.
    """
    return check_job(read_toml(path), told_later=told_later)


def check_job(file: TomlFile, *, told_later: bool = False) -> JobFile:
    """Return the job that a parsed file says, as `read_job` does.

    Raises
    ------
    ConfigError, Faults
        Whatever is wrong with its form, each fault with file, line and key.
    """
    if not told_later:
        return JobFile(job=build(Job, file), toml=file)
    job, faults = build_rest(Job, file)
    return JobFile(job=job, toml=file, faults=faults)


def ordered(job: Job) -> list[str]:
    """Return the names of stages and steps, each after all that it waits for.

    Raises
    ------
    ConfigError
        When they wait for each other.
    """
    known = {part.name for part in job.parts}
    graph = {part.name: [name for name in part.before if name in known] for part in job.parts}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise ConfigError(
            f"they wait for each other: {' → '.join(reversed(error.args[1]))}",
            hint="take one `after` out",
            code="E213",
        ) from None
