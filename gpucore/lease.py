"""The right of a host to use devices that it starts programs on itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.errors import NeedError, TemplateError
from gpucore.standard.checks import named_outputs
from gpucore.standard.gpuforms import gpu_environment
from gpucore.standard.params import read_values
from gpucore.standard.template import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from gpucore.running import Surroundings
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.model import Command, Device

__all__ = ["Lease"]


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
    release : callable
        Gives it back.

    Attributes
    ----------
    devices : tuple of Device
        What it holds.
    fds : tuple of int
        Descriptors to hand to the program (``pass_fds``), so that the lease lasts as long as it.
    """

    fds: tuple[int, ...] = ()

    def __init__(
        self,
        devices: tuple[Device, ...],
        adapter: Adapter | None,
        around: Surroundings,
        release: Callable[[], None],
    ) -> None:
        self.devices = devices
        self._adapter = adapter
        self._around = around
        self._release = release
        self._held = True

    @property
    def gpus(self) -> tuple[str, ...]:
        """The devices' indexes, as ``%(GPU)s`` names them by default."""
        return tuple(str(device.index) for device in self.devices)

    @property
    def env(self) -> dict[str, str]:
        """The whole environment for a program under this lease.

        Without an adapter the program sees nothing but the leased devices.
        """
        environment = dict(self._around.environment)
        if self._adapter is None:
            environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(
                device.mask_entry for device in self.devices
            )
            return environment
        environment.update(self._around.settings.get(self._adapter.name, {}))
        environment.update(
            gpu_environment(self._adapter.gpu, self.devices, isolate=self._around.isolate)
        )
        environment.update(self._adapter.command.env)
        return environment

    def command(self, **params: object) -> Command:
        """Return the adapter's command on the leased devices.

        Raises
        ------
        ParameterError, Faults
            For values that are wrong.
        TemplateError
            When the lease was taken without an adapter.
        NeedError
            When it was given back.
        """
        if self._adapter is None:
            raise TemplateError(
                "this lease has no adapter, and so no command",
                hint='take it with one: executor.lease("relion_class2d", gpus=2)',
            )
        if not self._held:
            raise NeedError("the lease was given back", hint="use it inside its `with` block")
        values = named_outputs(self._adapter, read_values(self._adapter, params), "")
        return render(
            self._adapter,
            values,
            self.devices,
            executable=self._around.executables.get(self._adapter.name, ""),
            isolate=self._around.isolate,
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
