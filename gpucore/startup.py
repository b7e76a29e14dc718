"""How a program is started here: its modules, its conda environment, its image.

What the site says of a program becomes, once for each run, the environment that all its steps
start with. Then a step's command stays the argument list that its adapter made; a container's
engine is put before it, and nothing else.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.config.settings import ContainerConfig, ProgramConfig
from gpucore.containers import (
    client_environment,
    container_argv,
    ending_argv,
    engine_fault,
    is_daemon,
    numbered_inside,
    outermost,
)
from gpucore.errors import ProgramError
from gpucore.standard.gpuforms import usable
from gpucore.system.commands import run_command
from gpucore.system.conda import activate_conda
from gpucore.system.files import safe_name
from gpucore.system.logs import last_lines
from gpucore.system.programs import find_program
from gpucore.system.shell_environment import load_modules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpucore.standard.adapter import Adapter
    from gpucore.standard.model import Command, Device
    from gpucore.standard.params import Values

__all__ = ["Startup", "container_name", "find_startup", "folders_of", "planned_startup"]

_MASKS = (
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
)
_OF_THE_IMAGE = ("/bin/", "/dev/", "/etc/", "/lib/", "/lib64/", "/opt/", "/proc/", "/run/",
                 "/sbin/", "/sys/", "/usr/", "/var/")  # fmt: skip
_PLAIN = ProgramConfig()
_ENDING = 30.0
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Startup:
    """What a program is started with, the same for all its steps.

    Parameters
    ----------
    executable : str
        What takes the place of ``%(EXE)s``; the adapter's own name for it when empty.
    environment : Mapping
        The whole environment, without what is a step's own.
    variables : Mapping
        What of it the site sets for the program: that goes into a container, too.
    container : ContainerConfig or None
        The image it is in.
    engine : str
        Where the container's engine is.
    """

    executable: str = ""
    environment: Mapping[str, str]
    variables: Mapping[str, str]
    container: ContainerConfig | None = None
    engine: str = ""

    def devices(self, adapter: Adapter, devices: Sequence[Device]) -> tuple[Device, ...]:
        """Return a step's devices as the program will find them numbered."""
        if self.container is None:
            return tuple(devices)
        return numbered_inside(self.container, self._given(adapter, devices))

    def own_environment(self, own: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of a step.

        Parameters
        ----------
        own : Mapping
            What is the step's own: its command's variables and its marks.
        """
        environment = {**self.environment, **own}
        if self.container is not None:
            inside = self._inside(own, environment)
            environment |= client_environment(self.container, environment, inside)
        return environment

    def wrapped(
        self,
        adapter: Adapter,
        command: Command,
        *,
        own: Mapping[str, str],
        devices: Sequence[Device],
        name: str,
        cwd: str,
        folders: Iterable[str],
    ) -> tuple[str, ...]:
        """Return the argument list that starts a step's command.

        Parameters
        ----------
        adapter : Adapter
            The program.
        command : Command
            Its command.
        own : Mapping
            As for `own_environment`.
        devices : sequence of Device
            The step's, as they are on the machine.
        name : str
            The container's, see `container_name`.
        cwd : str
            Where it runs.
        folders : iterable of str
            What it reads and writes, see `folders_of`.

        Raises
        ------
        ProgramError
            When the container's engine cannot be told one of them.
        """
        if self.container is None:
            return command.argv
        environment = {**self.environment, **own}
        return container_argv(
            self.container,
            command.argv,
            engine=self.engine,
            name=name,
            cwd=cwd,
            folders=outermost([cwd, *folders]),
            variables=self._inside(own, environment),
            devices=self._given(adapter, devices),
            user=(os.getuid(), os.getgid()),
            stdin=command.stdin is not None,
        )

    def end(self, name: str, environment: Mapping[str, str]) -> None:
        """End a container that may outlive the command that asked for it; else do nothing.

        Parameters
        ----------
        name : str
            The container's.
        environment : Mapping
            What the command was started with: it may say where the engine's daemon is.
        """
        if self.container is None or not is_daemon(self.container):
            return
        argv = ending_argv(self.engine, name)
        try:
            code = run_command(argv, environment, cwd="/", seconds=_ENDING)
        except OSError as error:
            _LOGGER.warning("the container %s could not be ended: %s", name, error)
            return
        if code is None:
            _LOGGER.warning("%s took more than %s seconds", " ".join(argv), _ENDING)

    def fault(self, code: int, log: str) -> ProgramError | None:
        """Return why the container's engine did not start the program; None when it did.

        Parameters
        ----------
        code : int
            Exit code of its command.
        log : str
            What was printed.
        """
        if self.container is None or not (
            said := engine_fault(self.container, code, last_lines(log))
        ):
            return None
        return ProgramError(said, hint=f"look at what it printed: {log}", code="E505")

    def _given(self, adapter: Adapter, devices: Sequence[Device]) -> tuple[Device, ...]:
        # With MPI each rank has its own, and how many there are only the command's values say.
        gpu = adapter.gpu
        distinct = tuple({device.uuid: device for device in devices}.values())
        return distinct if gpu.ranks else usable(gpu, distinct)

    def _inside(self, own: Mapping[str, str], environment: Mapping[str, str]) -> tuple[str, ...]:
        names = {*self.variables, *own}
        if self.container is not None and not is_daemon(self.container):
            # Without a mask of its own a step keeps that of its batch job.
            names |= {mask for mask in _MASKS if mask in environment}
        return tuple(sorted(names))


def find_startup(
    adapter: Adapter, site: ProgramConfig | None, environment: Mapping[str, str]
) -> Startup:
    """Return how a program is started here; modules are loaded, its executable is looked for.

    Parameters
    ----------
    adapter : Adapter
        The program.
    site : ProgramConfig or None
        What the site says of it.
    environment : Mapping
        What programs inherit.

    Raises
    ------
    ProgramError
        When a module does not load, or a conda environment, an engine or the program is not found;
        says how to tell gpucore better.
    """
    told = site or _PLAIN
    try:
        made = _made_environment(told, environment)
        image = told.container
        if image.image:
            return Startup(
                executable=told.executable,
                environment=made,
                variables=told.env,
                container=image,
                engine=_find_engine(image, made),
            )
    except ProgramError as error:
        raise error.at(f"adapter {adapter.name}") from None
    found = find_program(adapter, told.executable, made)
    plain = found == adapter.program.executable
    return Startup(executable="" if plain else found, environment=made, variables=told.env)


def planned_startup(adapter: Adapter, site: ProgramConfig | None) -> Startup:
    """Return how a program would be started, without looking whether anything of it is there."""
    told = site or _PLAIN
    image = told.container if told.container.image else None
    return Startup(
        executable=told.executable or adapter.program.executable,
        environment=told.env,
        variables=told.env,
        container=image,
        engine=image.engine if image else "",
    )


def container_name(run: str, step: str, attempt: int) -> str:
    """Return the name of a step's container: docker's and podman's letters alone."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in safe_name(step))
    return f"gpucore-{run}-{plain[:60]}-{attempt}"


def folders_of(adapter: Adapter, values: Values, outputs: Iterable[str]) -> list[str]:
    """Return what a container must show a step's program of this machine's files.

    The folders of its inputs and outputs, and those that links among them lead to. An input among
    the system's own folders is shown by itself: its folder would hide the image's.

    Parameters
    ----------
    values : dict
        The step's values, paths absolute.
    outputs : iterable of str
        The paths of its outputs, absolute.
    """
    parents = [os.path.dirname(path) for path in outputs]  # noqa: PTH120 - every step has several
    shown = {folder: None for path in parents for folder in _both(path)}
    for name, param in adapter.params.items():
        value = values.get(name)
        if param.type != "path" or value is None or param.output:
            continue
        for path in value if isinstance(value, tuple) else (value,):
            shown |= dict.fromkeys(_shown(one) for one in _both(str(path)))
    return [path for path in shown if path not in {"", "/"}]


def _both(path: str) -> tuple[str, str]:
    return path, os.path.realpath(path)


def _shown(path: str) -> str:
    """Return the folder that shows an input: itself, or that it lies in; empty when there is none.

    A file that lies among the system's own folders is shown by itself.
    """
    if _is_folder(path):
        return path
    folder = os.path.dirname(path)  # noqa: PTH120 - every step has several
    if not _is_folder(folder):
        return ""
    hides = folder == "/" or f"{folder}/".startswith(_OF_THE_IMAGE)
    return path if hides and os.path.exists(path) else "" if hides else folder  # noqa: PTH110


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - a string is what there is
    except (OSError, ValueError):
        return False


def _made_environment(told: ProgramConfig, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with modules, conda environment, folders and variables, in order."""
    made = dict(environment)
    if told.module_load:
        made = load_modules(told.module_load, made)
    if told.conda_env:
        made = activate_conda(told.conda_env, made)
    for mask in _MASKS:  # which GPUs a program sees is gpucore's to say, or the batch system's
        made.pop(mask, None)
        if mask in environment:
            made[mask] = environment[mask]
    for variable, folders in told.paths.items():
        before = made.get(variable, os.defpath if variable == "PATH" else "")
        made[variable] = os.pathsep.join([*folders, *([before] if before else [])])
    return {**made, **told.env}


def _find_engine(container: ContainerConfig, environment: Mapping[str, str]) -> str:
    path = environment.get("PATH", os.defpath)
    found = shutil.which(container.engine, path=path)
    if found is None:
        raise ProgramError(
            f"the container engine `{container.engine}` was not found on PATH ({path})",
            hint=f"install {container.engine}, load the module that has it "
            f'(module_load = ["{container.engine}"]), or put its folder into prepend_path',
            code="E505",
        )
    return os.path.abspath(found)  # noqa: PTH100 - keeps links
