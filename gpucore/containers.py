"""The command line that runs a program in a container, on the step's GPUs and no others.

Pure: how each engine is told, and nothing is started. Sources: ``docker run --help`` (Docker
28.2), ``opts/gpus.go`` and ``opts/mount.go`` of docker/cli (both read a line of CSV), podman's
``specgenutilexternal`` (the same for mounts), Apptainer's user guide (GPU support, bind paths and
mounts, environment) and its pull request 438 (``--no-eval``), NVIDIA's Container Toolkit
(enumeration of GPUs, Container Device Interface).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.errors import ProgramError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gpucore.config.settings import ContainerConfig
    from gpucore.standard.model import Device

__all__ = [
    "client_environment",
    "container_argv",
    "ending_argv",
    "engine_fault",
    "is_daemon",
    "numbered_inside",
    "outermost",
]

_DAEMONS = {"docker", "podman"}
_NOT_RUN = {125, 126, 127}
"""Exit codes of `docker run` and `podman run` when they, or the command, did not start."""
_FATAL = {255}
_DAEMON_SAYS = ("docker:", "Error:", "Error response", "Unable to find image")
_APPTAINER_SAYS = ("FATAL:",)


def is_daemon(container: ContainerConfig) -> bool:
    """Say whether a container's processes are no children of the command that asks for it."""
    return container.engine in _DAEMONS


def numbered_inside(container: ContainerConfig, devices: Sequence[Device]) -> tuple[Device, ...]:
    """Return the devices as a program in the container finds them, in the order of the slot.

    Docker and podman show a container the step's GPUs alone, which CUDA numbers from 0 in PCI
    order, and none of the variables outside: an outer mask counts no more. So these numbers are
    what a mask is made of in there, by us or by a program that overwrites ours. Apptainer shows
    all of the machine's GPUs under their own numbers, and an outer mask with them.
    """
    distinct = tuple({device.uuid: device for device in devices}.values())
    if not (container.gpu and is_daemon(container)):
        return distinct
    by_address = all(device.bus for device in distinct)
    in_order = sorted(distinct, key=_bus if by_address else _pci_place)
    place = {device.uuid: number for number, device in enumerate(in_order)}
    return tuple(replace(one, index=place[one.uuid], mask="") for one in distinct)


def container_argv(
    container: ContainerConfig,
    argv: Sequence[str],
    *,
    engine: str,
    name: str,
    cwd: str,
    folders: Iterable[str],
    variables: Collection[str],
    devices: Sequence[Device],
    user: tuple[int, int],
    stdin: bool = False,
) -> tuple[str, ...]:
    """Return the command that runs another one in a container.

    Parameters
    ----------
    container : ContainerConfig
        Image, engine and what the site adds.
    argv : sequence of str
        The program's command; its arguments arrive as they are.
    engine : str
        Where the engine is.
    name : str
        The container's name, by which it can be ended.
    cwd : str
        Where the program runs.
    folders : iterable of str
        Folders and files that it finds under their own paths.
    variables : collection of str
        Names of the variables that go in; their values are the environment's of the command.
    devices : sequence of Device
        The GPUs that it gets, each once, numbered as on the machine.
    user : tuple of int
        User and group that its files belong to.
    stdin : bool
        Whether it reads answers.

    Raises
    ------
    ProgramError
        When an argument or a path cannot be said to the engine.
    """
    _refuse_unsayable(container, [*argv, cwd])
    mounts = [word for path in folders for word in ("--mount", _mount(container, path))]
    given = tuple(devices) if container.gpu else ()
    if not is_daemon(container):
        return (
            engine,
            "exec",
            *(("--nv",) if given else ()),
            "--pwd",
            cwd,
            *mounts,
            *container.options,
            container.image,
            *argv,
        )
    return (
        engine,
        "run",
        "--rm",
        "--init",
        f"--name={name}",
        f"--workdir={cwd}",
        *_user(container, user),
        *mounts,
        *(f"--env={variable}" for variable in variables),
        *_gpu_options(container, given),
        *(("--interactive",) if stdin else ()),
        *container.options,
        f"--entrypoint={argv[0]}",
        container.image,
        *argv[1:],
    )


def client_environment(
    container: ContainerConfig, environment: Mapping[str, str], variables: Collection[str]
) -> dict[str, str]:
    """Return what is set for the engine beside the environment, so that variables go in.

    Docker and podman take a variable that is named without a value from their own environment.
    Apptainer takes it from a name with a prefix, which counts above what the image sets, and reads
    its value as shell text unless it is told not to.

    Raises
    ------
    ProgramError
        When a value cannot be said to the engine.
    """
    _refuse_unsayable(container, [environment[name] for name in variables])
    if is_daemon(container):
        return {}
    prefixes = ("APPTAINER", "SINGULARITY")
    made = {f"{prefix}_NO_EVAL": "1" for prefix in prefixes}
    for name in variables:
        made |= {f"{prefix}ENV_{name}": environment[name] for prefix in prefixes}
    return made


def ending_argv(engine: str, name: str) -> tuple[str, ...]:
    """Return the command that ends a container at once, whoever started it."""
    return (engine, "rm", "--force", name)


def engine_fault(container: ContainerConfig, code: int, lines: Sequence[str]) -> str:
    """Return why the container or the program in it was not started; empty when it was.

    A program may use the same exit codes, so the engine's own words are looked for, too.

    Parameters
    ----------
    code : int
        Exit code of the engine's command.
    lines : sequence of str
        The last lines that were printed.
    """
    codes, begins = (_NOT_RUN, _DAEMON_SAYS) if is_daemon(container) else (_FATAL, _APPTAINER_SAYS)
    said = next((line for line in reversed(lines) if line.startswith(begins)), "")
    if code not in codes or not said:
        return ""
    words = said.removeprefix("FATAL:").removeprefix(f"{container.engine}:").strip()
    return f"{container.engine} did not start it in `{container.image}`: {words}"


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Return paths without those that lie below another.

    Examples
    --------
    >>> outermost(["/data/a/b", "/data/a", "/data/ab"])
    ('/data/a', '/data/ab')
    """
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda one: one.split("/")):
        if not kept or not f"{path}/".startswith(f"{kept[-1].rstrip('/')}/"):
            kept.append(path)
    return tuple(kept)


def _gpu_options(container: ContainerConfig, devices: Sequence[Device]) -> tuple[str, ...]:
    if not container.gpu:
        return ()
    if not devices:
        # Where NVIDIA's runtime is the default one, its images ask for all GPUs.
        return ("--env=NVIDIA_VISIBLE_DEVICES=void",)
    ids = [_identity(device) for device in devices]
    if container.engine == "podman":
        return tuple(f"--device=nvidia.com/gpu={one}" for one in ids)
    # The quotes are docker's own: without them a comma would end the list of devices.
    return ("--gpus", f'"device={",".join(ids)}"')


def _identity(device: Device) -> str:
    known = device.uuid.startswith(("GPU-", "MIG-"))
    return device.uuid if known else device.mask_entry


def _bus(device: Device) -> tuple[int, str]:
    # Instances of one GPU have its address.
    return 0, f"{device.bus.lower()} {device.uuid}"


def _pci_place(device: Device) -> tuple[int, str]:
    entry = device.mask_entry
    return (int(entry), "") if entry.isdecimal() else (device.index, entry)


def _user(container: ContainerConfig, user: tuple[int, int]) -> tuple[str, ...]:
    if container.engine == "docker":
        return (f"--user={user[0]}:{user[1]}",)
    # Without root podman is root of its own: the user's number must be asked for.
    return ("--userns=keep-id",) if user[0] else ()


def _mount(container: ContainerConfig, path: str) -> str:
    _refuse_unsayable(container, [path])
    if "\r" in path:
        raise ProgramError(
            f"the folder {path!r} cannot be shown to {container.engine}: its name holds a carriage "
            "return",
            hint="rename it",
            code="E505",
        )
    return ",".join(["type=bind", *(_csv(f"{side}={path}") for side in ("source", "target"))])


def _csv(field: str) -> str:
    if any(one in field for one in ',"\n'):
        return '"' + field.replace('"', '""') + '"'
    return field


def _refuse_unsayable(container: ContainerConfig, texts: Iterable[str]) -> None:
    """Refuse what is not UTF-8: every engine hands texts on as JSON, and would change it."""
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ProgramError(
                f"{text!r} is not UTF-8, and {container.engine} cannot be told it",
                hint="rename the file",
                code="E505",
            ) from None
