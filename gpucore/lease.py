"""The right of a host to use devices that it starts programs on itself."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.errors import NeedError, TemplateError
from gpucore.ownership import Process
from gpucore.scheduling import Cancelled, Ended, Grant
from gpucore.standard.checks import named_outputs
from gpucore.standard.gpuforms import gpu_environment, usable, visible_environment
from gpucore.standard.params import read_values, rooted
from gpucore.standard.template import render
from gpucore.startup import container_name, folders_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gpucore.dispatch import Dispatch
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.model import Command, Device, Need
    from gpucore.standard.params import Values
    from gpucore.startup import Startup
    from gpucore.surroundings import Surroundings

__all__ = ["Lease", "open_lease"]

_LEASES = itertools.count(1)


class Lease:
    """Devices that are held until the lease is given back.

    Parameters
    ----------
    devices : tuple of Device
        What it holds.
    adapter : Adapter or None
        The program that is to be started, when that is known.
    around : Surroundings
        The run.
    fds : tuple of int
        Descriptors that carry the kernel lease.
    release : callable
        Gives it back.

    Attributes
    ----------
    devices : tuple of Device
        What it holds.
    fds : tuple of int
        Descriptors to hand to the program (``pass_fds``), so that the lease lasts as long as it.
    """

    def __init__(
        self,
        devices: tuple[Device, ...],
        adapter: Adapter | None,
        around: Surroundings,
        fds: tuple[int, ...],
        release: Callable[[], None],
    ) -> None:
        self.devices = devices
        self.fds = fds
        self._adapter = adapter
        self._around = around
        self._release = release
        self._held = True
        self._command_env: dict[str, str] = {}

    @property
    def gpus(self) -> tuple[str, ...]:
        """The devices' indexes, as ``%(GPU)s`` names them by default."""
        return tuple(str(device.index) for device in self.devices)

    @property
    def env(self) -> dict[str, str]:
        """The whole environment for a program under this lease, with that of its `command`.

        Without an adapter the program sees nothing but the leased devices.
        """
        environment = dict(self._around.environment)
        if self._adapter is None:
            environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
            environment |= visible_environment(self.devices)
            return environment
        gpu, startup = self._adapter.gpu, self._around.startups[self._adapter.name]
        devices = usable(gpu, startup.devices(self._adapter, self.devices))
        own = gpu_environment(gpu, devices, isolate=self._around.isolate)
        return startup.own_environment({**own, **self._command_env})

    def command(self, **params: object) -> Command:
        """Return the adapter's command on the leased devices.

        Raises
        ------
        ParameterError, Faults
            For values that are wrong.
        TemplateError
            When the lease was taken without an adapter, or with one whose program needs a
            directory made ready for it, which only a step of gpucore's own has.
        NeedError
            When it was given back.
        """
        if self._adapter is None:
            raise TemplateError(
                "this lease has no adapter, and so no command",
                hint='take it with one: executor.lease("relion_class2d", gpus=2)',
                code="E320",
            )
        if self._adapter.command.own_directory:
            raise TemplateError(
                f"{self._adapter.name} runs in a directory that gpucore makes ready for it",
                hint="submit it as a step",
                code="E320",
            )
        if not self._held:
            raise NeedError(
                "the lease was given back", hint="use it inside its `with` block", code="E704"
            )
        values = named_outputs(self._adapter, read_values(self._adapter, params), "")
        startup = self._around.startups[self._adapter.name]
        command = render(
            self._adapter,
            values,
            startup.devices(self._adapter, self.devices),
            executable=startup.executable,
            isolate=self._around.isolate,
        )
        self._command_env = dict(command.env)
        return replace(command, argv=self._wrapped(command, values, startup))

    def _wrapped(self, command: Command, values: Values, startup: Startup) -> tuple[str, ...]:
        adapter, root = self._adapter, str(self._around.root)
        if adapter is None or startup.container is None:
            return command.argv
        absolute = rooted(adapter, values, root)
        outputs = [str(absolute[name]) for name in adapter.output_params if absolute.get(name)]
        return startup.wrapped(
            adapter,
            command,
            own=command.env,
            devices=self.devices,
            name=container_name(self._around.run, f"lease-{next(_LEASES)}", 1),
            cwd=root,
            folders=folders_of(adapter, absolute, outputs),
        )

    def release(self) -> None:
        """Give it back; a second time does nothing."""
        if self._held:
            self._held = False
            self._release()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def open_lease(
    dispatch: Dispatch,
    around: Surroundings,
    adapter: Adapter | None,
    need: Need,
    timeout: float | None,
) -> Lease:
    """Ask for devices, in this process and on this machine, and wait for them.

    Raises
    ------
    TimeoutError
        When they did not become free in time.
    NeedError
        When there will never be so many, or the executor was stopped meanwhile.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    number, grant = _wait_for_grant(dispatch, need, timeout)
    uuids = tuple(dict.fromkeys(device.uuid for device in grant.devices))
    leases = around.leases
    left = None if deadline is None else max(deadline - time.monotonic(), 0.0)
    try:
        fds = leases.take(uuids, "a lease", left) if leases is not None else ()
    except BaseException:
        dispatch.handle(Ended(number, done=True))
        raise

    process = Process()

    def release() -> None:
        if not process.is_this:
            return  # a fork's end is not that of its parent's lease
        if leases is not None:
            leases.give(uuids)
        dispatch.handle(Ended(number, done=True))

    return Lease(grant.devices, adapter, around, fds, release)


def _wait_for_grant(dispatch: Dispatch, need: Need, timeout: float | None) -> tuple[int, Grant]:
    """Return the number that devices are given back by, and the devices."""
    answered = threading.Event()
    answers: list[Grant | NeedError | None] = []

    def answer(what: Grant | NeedError | None) -> None:
        answers.append(what)
        answered.set()

    number = dispatch.ask(need, answer)
    try:
        in_time = answered.wait(timeout)
    except BaseException:  # Ctrl-C: nobody is left who could give it back
        dispatch.handle(Cancelled(number))
        answered.wait()
        if isinstance(answers[0], Grant):
            dispatch.handle(Ended(number, done=True))
        raise
    if not in_time:
        # Either it is taken out of the queue, or it was granted in this very moment.
        dispatch.handle(Cancelled(number))
        answered.wait()
        if not isinstance(answers[0], Grant):
            raise TimeoutError(
                f"no lease on {need.gpus or 'a slot of'} GPUs within {timeout:g} seconds"
            )
    granted = answers[0]
    if isinstance(granted, NeedError):
        raise granted
    if granted is None:
        raise NeedError("the executor was stopped while a lease was waited for", code="E704")
    return number, granted
