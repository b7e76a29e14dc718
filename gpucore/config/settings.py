"""What ``gpucore.toml`` can say: what this site has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, TypeAlias, get_args

from gpucore.errors import ConfigError, GpucoreError, GpuListError, did_you_mean, raise_faults
from gpucore.standard.gpulist import parse_gpu_list

__all__ = [
    "STRICT",
    "ContainerConfig",
    "ContainerEngine",
    "ForeignChoice",
    "PluginsConfig",
    "ProgramConfig",
    "SharingChoice",
    "SiteConfig",
]

STRICT = {"extra": "forbid", "strict": True}

SharingChoice: TypeAlias = Literal["adapter", "repeat", "never"]
ForeignChoice: TypeAlias = Literal["avoid", "wait", "ignore"]
ContainerEngine: TypeAlias = Literal["apptainer", "singularity", "docker", "podman"]


@dataclass(frozen=True, kw_only=True)
class ContainerConfig:
    """The image that a program is in.

    Parameters
    ----------
    image : str
        The image: for Apptainer a file's absolute path or an address (``docker://…``), else a name;
        empty: no container.
    engine : str
        What runs it, looked for on ``PATH``.
    gpu : bool
        Whether it is given the step's GPUs.
    options : tuple of str
        Further options of the engine, as they are.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    image: str = ""
    engine: ContainerEngine = "apptainer"
    gpu: bool = True
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProgramConfig:
    """Where one program is, and what it needs.

    Parameters
    ----------
    executable : str
        Its path, or its name on ``PATH``, here, or in its image if it has one; empty: what its
        adapter says.
    env : Mapping[str, str]
        What is set for it.
    prepend_path : tuple of str, or Mapping
        Absolute folders that come first on ``PATH``; by variable: on others, too.
    module_load : tuple of str
        Environment modules that are loaded for it, in this order.
    conda_env : str
        Name or absolute path of the conda environment that it is in.
    container : ContainerConfig
        The image that it is in.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    executable: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    prepend_path: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    module_load: tuple[str, ...] = ()
    conda_env: str = ""
    container: ContainerConfig = field(default_factory=ContainerConfig)

    @property
    def paths(self) -> Mapping[str, tuple[str, ...]]:
        """The folders of ``prepend_path`` by variable."""
        if isinstance(self.prepend_path, Mapping):
            return self.prepend_path
        return {"PATH": self.prepend_path} if self.prepend_path else {}


@dataclass(frozen=True, kw_only=True)
class PluginsConfig:
    """Which plugins are used.

    Parameters
    ----------
    disable : tuple of str
        Plugins that are not loaded: a plugin's name, its distribution's, or
        ``distribution:plugin``; and single adapters of plugins: ``name`` or
        ``distribution:adapter``.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    disable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SiteConfig:
    """The settings of a site, its users and their projects (``gpucore.toml``).

    Parameters
    ----------
    gpus : str
        GPU list of a run.
    threads : int or None
        Threads of a run, the master included; None: a worker for each place of the GPU list.
    devices : str
        Where devices come from: ``nvml``, ``amd``, ``simulated:N``, or a plugin's source, as
        ``name`` or ``name:argument``.
    policy : str
        How the GPU list is cut: ``slots``, ``pool``, ``memory``, or a plugin's policy.
    engine : str
        Where programs are started: ``local``, or a plugin's engine.
    sharing : str
        Whether a GPU list shorter than the workers is repeated. ``adapter``: each adapter says
        that; ``repeat``: it always is; ``never``.
    foreign : str or None
        What is done about programs of others on a GPU that is to be given to a step. ``avoid``: it
        is given only to steps that could never run on the others; ``wait``: to nobody until they
        are gone; ``ignore``. None: ``avoid`` with ``auto``, ``ignore`` and a warning with a list
        that somebody wrote.
    memory_reserve : str
        GPU memory that stays free of a GPU which steps share by the policy ``memory``.
    isolate : bool
        Whether every program that bears it sees its own GPUs only.
    checksum : bool
        Whether inputs and outputs that an earlier run has left are known again by a hash of their
        content, instead of size and modification time.
    watch : float
        Seconds between two looks at the GPUs of a run; 0: nobody looks, and a GPU that fails is
        only known by the steps that fail on it.
    shares : int
        How many runs may use a GPU at once, each a share of it, 1 or more; inside a run the GPU
        list says it.
    leases : str
        ``machine``: a step's GPUs are leased from the whole machine, so that no other run, user or
        `gpucore exec` has them; ``run``: within the run alone, where something else keeps others
        away (a batch system that gives each job its GPUs).
    lease_directory : str
        Where leases lie that other processes see, an absolute path; by default
        ``/run/lock/gpucore``, if an administrator made it, else a directory of the user's own.
    adapters : tuple of str
        Adapters' TOML files, and folders of them; relative to the folder of the file that names
        them.
    program : Mapping[str, ProgramConfig]
        Where programs are, and what they need, by their adapter's name.
    plugins : PluginsConfig
        Which plugins are used.
    """

    __pydantic_config__: ClassVar[Mapping[str, object]] = STRICT

    gpus: str = "auto"
    threads: int | None = None
    devices: str = "nvml"
    policy: str = "slots"
    engine: str = "local"
    sharing: SharingChoice = "adapter"
    foreign: ForeignChoice | None = None
    memory_reserve: str = "512 MiB"
    isolate: bool = False
    checksum: bool = False
    watch: float = 2.0
    shares: int = 1
    leases: Literal["machine", "run"] = "machine"
    lease_directory: str = ""
    adapters: tuple[str, ...] = ()
    program: Mapping[str, ProgramConfig] = field(default_factory=dict)
    plugins: PluginsConfig = field(default_factory=PluginsConfig)

    def with_changes(
        self,
        *,
        gpus: str | None = None,
        threads: int | None = None,
        devices: str | None = None,
        policy: str | None = None,
        engine: str | None = None,
        sharing: str | None = None,
        isolate: bool | None = None,
        checksum: bool | None = None,
    ) -> SiteConfig:
        """Return the settings with what flags or arguments say; None leaves a setting as it is.

        Raises
        ------
        ConfigError, GpuListError, Faults
            A number of threads, a way of sharing or a GPU list that is none.
        """
        faults: list[GpucoreError] = []
        choices = get_args(SharingChoice)
        if threads is not None and threads < 1:
            faults.append(ConfigError(f"{threads} threads are none", hint="1 or more", code="E209"))
        if sharing is not None and sharing not in choices:
            faults.append(
                ConfigError(
                    f"`{sharing}` is no way of sharing",
                    hint=did_you_mean(sharing, choices),
                    code="E208",
                )
            )
        try:
            parse_gpu_list(gpus or "")
        except GpuListError as error:
            faults.append(error)
        raise_faults(faults)
        given: dict[str, Any] = {
            "gpus": gpus,
            "threads": threads,
            "devices": devices,
            "policy": policy,
            "engine": engine,
            "sharing": sharing,
            "isolate": isolate,
            "checksum": checksum,
        }
        return replace(self, **{key: value for key, value in given.items() if value is not None})
