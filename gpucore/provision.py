"""What a run is given: the devices of its GPU list, cut into units, and its workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.config import SiteConfig
from gpucore.errors import DeviceError
from gpucore.scheduling import Ledger, Machine, Unit
from gpucore.standard.devices import assume, resolve
from gpucore.standard.gpulist import GpuList, Void, parse_gpu_list
from gpucore.standard.model import Device, Need
from gpucore.standard.slots import workers
from gpucore.system.nvml import NoDriverError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.plugins import PluginHost
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.step import Step

__all__ = ["Provision", "no_device", "provide", "read_devices", "sharing_note"]


@dataclass(frozen=True, kw_only=True)
class Provision:
    """What a run is given.

    Parameters
    ----------
    devices : tuple of Device
        Each device of the list once.
    units : tuple of Unit
        What steps are given.
    workers : int
        Steps at once.
    extended : bool
        Whether the list was repeated, so that steps share devices that the user named once.
    absent : DeviceError or None
        Why there is no device, where a list asked for some.
    """

    devices: tuple[Device, ...]
    units: tuple[Unit, ...]
    workers: int
    extended: bool = False
    absent: DeviceError | None = None

    def need(self, step: Step, *, may_share: bool) -> Need:
        """Return what a step asks of these devices.

        Where there are none a program whose GPU is optional runs in its CPU form, and waits for
        nothing.
        """
        need = step.need(may_share=may_share)
        if not self.units and not step.adapter.gpu.use.requires_gpu:
            return Need()
        return need

    def machine(self) -> Machine:
        """Return a new machine with all of it free."""
        return Machine(Ledger(self.units), self.workers)


def provide(
    plugins: PluginHost,
    *,
    gpus: str,
    threads: int | None,
    devices: str,
    policy: str,
    sharing: str,
    environment: Mapping[str, str],
    machine_needed: bool = True,
) -> Provision:
    """Return what a run with these settings is given.

    Parameters
    ----------
    plugins : PluginHost
        Knows the policies and device sources.
    gpus : str
        The GPU list.
    threads : int or None
        Threads, the master counted; None: a worker for each place of the list.
    devices : str
        Device source, ``name`` or ``name:argument``.
    policy : str
        How the list is cut.
    sharing : str
        ``never`` keeps a short list as it is.
    environment : Mapping
        That of the run; its ``CUDA_VISIBLE_DEVICES`` bounds the devices.
    machine_needed : bool
        False for a plan: without a device source of the user's choice a list of indexes is taken
        at its word.

    Raises
    ------
    GpuListError
        When the list cannot be read, or names what is not there.
    DeviceError
        When devices cannot be read, or a list names some and there are none.
    """
    gpu_list = parse_gpu_list(gpus)
    cut = plugins.policy(policy).cut
    items: tuple[Device | Void, ...] = ()
    absent: DeviceError | None = None
    numbered = not gpu_list.auto and not any(isinstance(item, str) for item in gpu_list.items)
    # Whoever names a source wants its devices; nobody asked for the one that is built in.
    chosen = devices != SiteConfig.devices
    if gpu_list and numbered and not machine_needed and not chosen:
        items = assume(gpu_list)
    elif gpu_list:
        items, absent = _found(plugins, gpu_list, devices, environment)
    if threads is None:
        threads = max(len(items), 1) + 1
    extend = sharing != "never"
    units = tuple(cut(items, threads, extend))
    return Provision(
        devices=tuple({device.uuid: device for unit in units for device in unit.devices}.values()),
        units=units,
        workers=workers(threads),
        extended=any(unit.copy_of is not None for unit in units),
        absent=absent,
    )


def read_devices(
    plugins: PluginHost, source: str, environment: Mapping[str, str]
) -> tuple[Device, ...]:
    """Return the devices of a source, ``name`` or ``name:argument``.

    Raises
    ------
    DeviceError
        When they cannot be read.
    PluginError
        When the source is not known.
    """
    name, _, argument = source.partition(":")
    return tuple(plugins.device_source(name).read(argument, environment))


def no_device(provision: Provision, who: str) -> DeviceError:
    """Return the error for somebody who needs a GPU in a run that has none; it says why."""
    absent = provision.absent
    if absent is None:
        return DeviceError(
            f"{who} needs a GPU, and the run's GPU list is empty",
            hint='name the GPUs it may use: `--gpus "0 1"`, gpus = "0 1"',
        )
    return DeviceError(f"{who} needs a GPU: {absent.what}", hint=absent.hint)


def sharing_note(adapter: Adapter, provision: Provision, *, may_share: bool) -> str:
    """Return what a user should know of a program that shares GPUs, or cannot; mostly nothing."""
    sharing = adapter.gpu.sharing
    if sharing == "fine" or not provision.extended:
        return ""
    own = sum(unit.copy_of is None for unit in provision.units)
    if sharing == "forbidden" and not may_share:
        return (
            f"{adapter.name} does not share a GPU: {own} of {provision.workers} workers run its "
            "steps"
        )
    return (
        f"{provision.workers} workers share {own} GPUs, which is not recommended for "
        f"{adapter.name}; {own + 1} threads give each GPU one worker"
    )


def _found(
    plugins: PluginHost, gpu_list: GpuList, source: str, environment: Mapping[str, str]
) -> tuple[tuple[Device | Void, ...], DeviceError | None]:
    try:
        devices = read_devices(plugins, source, environment)
    except NoDriverError as error:
        # A machine without a driver has no GPU: with `auto` that is an answer, not a fault.
        if not gpu_list.auto:
            raise
        return (), error
    if devices:
        return resolve(gpu_list, devices), None
    hidden = environment.get("CUDA_VISIBLE_DEVICES")
    why = f" that CUDA_VISIBLE_DEVICES={hidden!r} leaves visible" if hidden is not None else ""
    none = DeviceError(
        f"the device source `{source}` found no GPU{why}",
        hint="look at `gpucore gpus`, or try without one: `--devices simulated:2`",
    )
    if not gpu_list.auto:
        raise none
    return (), none
