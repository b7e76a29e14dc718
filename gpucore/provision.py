"""What a run is given: the devices of its GPU list, cut into units, and its workers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from gpucore.config import SiteConfig
from gpucore.errors import DeviceError, NeedError
from gpucore.modes import one_at_a_time, without_prohibited
from gpucore.scheduling import Ledger, Machine, SharedLedger, Unit
from gpucore.scheduling.memory import estimate
from gpucore.scheduling.policies import MemoryUse
from gpucore.scheduling.units import Units
from gpucore.standard.devices import assume, resolve
from gpucore.standard.gpulist import GpuList, Void, parse_gpu_list
from gpucore.standard.memory import parse_memory
from gpucore.standard.model import NO_GPU, Device, Need
from gpucore.standard.slots import workers
from gpucore.system.nvml import NoDriverError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    memory : str
        What GPU memory decides; see `gpucore.scheduling.Policy`.
    reserve_mib : int
        What stays free of a device that steps share by their memory, in MiB.
    by_hand : bool
        Whether somebody wrote the list: it names devices, and is not ``auto``.
    foreign : str
        What is done about programs of others; see `gpucore.scheduling.foreign.foreign_choice`.
    notes : tuple of str
        What the user should know of the devices.
    """

    devices: tuple[Device, ...]
    units: tuple[Unit, ...]
    workers: int
    extended: bool = False
    absent: DeviceError | None = None
    memory: MemoryUse = "asked"
    reserve_mib: int = 0
    by_hand: bool = False
    foreign: str = ""
    notes: tuple[str, ...] = ()

    def need(self, step: Step, *, may_share: bool, peaks: Sequence[int] = ()) -> Need:
        """Return what a step asks of these devices.

        Where there are none a program whose GPU is optional runs in its CPU form, and waits for
        nothing.

        Parameters
        ----------
        step : Step
            The step.
        may_share : bool
            Whether the site lets every program share.
        peaks : sequence of int
            The most that steps like it held of one device, in MiB.
        """
        need = step.need(may_share=may_share)
        if not self.units and not step.adapter.gpu.use.requires_gpu:
            return NO_GPU
        if need.gpus == 0:
            return need
        return self._with_memory(need, step, peaks)

    def machine(self) -> Machine:
        """Return a new machine with all of it free."""
        shared = self.memory == "shared"
        ledger = SharedLedger(self.units, self.reserve_mib) if shared else Ledger(self.units)
        return Machine(ledger, self.workers)

    def _with_memory(self, need: Need, step: Step, peaks: Sequence[int]) -> Need:
        """Return a need with the memory that it should ask for, where some devices have that.

        What the user asks for is not lowered, and not raised beyond what there is. A guess is
        dropped where no device has so much: the program may do with less.
        """
        asked = step.gpu_memory
        if asked is None and self.memory == "asked":
            return need
        kept = estimate(asked if asked is not None else step.adapter.gpu.memory or 0, peaks)
        if kept <= (asked or 0):
            return need
        larger = replace(need, memory_mib=kept)
        try:
            self._all.check(larger)
        except NeedError:
            return need
        return larger

    @cached_property
    def _all(self) -> Units:
        return Units(self.units)


def provide(
    plugins: PluginHost,
    *,
    gpus: str,
    threads: int | None,
    devices: str,
    policy: str,
    sharing: str,
    environment: Mapping[str, str],
    foreign: str = "",
    memory_reserve: str = SiteConfig.memory_reserve,
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
    foreign : str
        What is done about programs of others; empty: what fits the list.
    memory_reserve : str
        What stays free of a device that steps share by their memory.
    machine_needed : bool
        False for a plan: without a device source of the user's choice a list of indexes is taken
        at its word.

    Raises
    ------
    GpuListError
        When the list cannot be read, or names what is not there.
    DeviceError
        When devices cannot be read, or a list names some and there are none, or one that takes no
        programs.
    ParameterError
        When the reserve is no amount of memory.
    """
    gpu_list = parse_gpu_list(gpus)
    way = plugins.policy(policy)
    cut, memory = way.cut, way.memory
    items: tuple[Device | Void, ...] = ()
    absent: DeviceError | None = None
    numbered = not gpu_list.auto and not any(isinstance(item, str) for item in gpu_list.items)
    # Whoever names a source wants its devices; nobody asked for the one that is built in.
    chosen = devices != SiteConfig.devices
    if gpu_list and numbered and not machine_needed and not chosen:
        items = assume(gpu_list)
    elif gpu_list:
        items, absent = _found(plugins, gpu_list, devices, environment)
    items, prohibited = without_prohibited(items, by_hand=not gpu_list.auto)
    if prohibited and not items:
        absent = DeviceError(prohibited[0], code="E605")
    if threads is None:
        threads = max(len(items), 1) + 1
    extend = sharing != "never"
    units, exclusive = one_at_a_time(cut(items, threads, extend))
    return Provision(
        devices=tuple({device.uuid: device for unit in units for device in unit.devices}.values()),
        units=units,
        workers=workers(threads),
        extended=any(unit.copy_of is not None for unit in units),
        absent=absent,
        memory="estimated" if memory == "shared" and not extend else memory,
        reserve_mib=parse_memory(memory_reserve),
        by_hand=bool(gpu_list) and not gpu_list.auto,
        foreign=foreign,
        notes=(*prohibited, *exclusive),
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
            code="E108",
        )
    return DeviceError(f"{who} needs a GPU: {absent.what}", hint=absent.hint, code=absent.code)


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
        code="E604",
    )
    if not gpu_list.auto:
        raise none
    return (), none
