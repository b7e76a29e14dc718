"""The GPUs of one protocol: its list cut into slots, which are given to steps and leased."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from gpucore.config import SiteConfig
from gpucore.holding import RunLeases
from gpucore.hosts.scipion.holds import Hold
from gpucore.scheduling import Cancelled, Ended, Grant, Launch, Submitted
from gpucore.settings import read_settings
from gpucore.standard.model import Need
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gpucore.provision import Provision
    from gpucore.scheduling import MachineEvent

__all__ = ["OUTER_MASK", "Granted", "ProtocolGpus"]

_LOGGER = logging.getLogger(__name__)
OUTER_MASK = os.environ.get("CUDA_VISIBLE_DEVICES")
"""The mask that Scipion was started with: plugins write their own over it, before steps run."""

Granted: TypeAlias = "Callable[[int, Grant], None]"


class ProtocolGpus:
    """Gives a protocol's steps their workers and slots.

    The machine that decides is gpucore's own. It is called under a lock, by whichever thread has
    something to tell it; who is granted something is told outside it.

    Parameters
    ----------
    provision : Provision
        Slots and workers.
    leases : Leases or None
        The machine's, where other processes are to be kept from a step's devices.
    renumber : bool
        Whether each slot's devices are called 0, 1, …: a queue gives each step's job devices of
        its own.
    """

    def __init__(
        self, provision: Provision, leases: Leases | None, *, renumber: bool = False
    ) -> None:
        self.provision = provision
        self._leases = leases
        self._run_leases = RunLeases(leases) if leases is not None else None
        self._renumber = renumber
        self._machine = provision.machine()
        self._lock = threading.Lock()
        self._asked: dict[int, Granted] = {}

    @classmethod
    def open(cls, items: Sequence[object], threads: int, *, queued: bool = False) -> ProtocolGpus:
        """Cut a list by the site's settings.

        Parameters
        ----------
        items : sequence
            Scipion's GPU list, void places (99) included.
        threads : int
            Scipion's threads, the master counted.
        queued : bool
            Whether a queue runs each step on a machine of its own: the list is then taken at its
            word, and nobody is kept from the devices here.

        Raises
        ------
        GpuListError
            When the list is void, or names what the machine does not have.
        DeviceError
            When devices cannot be read.
        GpucoreError
            For faults in the configuration.
        """
        gpus = " ".join(map(str, items))
        # A Scipion step cannot say how many GPUs it needs: slots are what it knows.
        wanted = {"gpus": gpus, "threads": threads, "policy": "slots"}
        if queued:  # this machine's devices are not those that are meant
            wanted["devices"] = SiteConfig.devices
        settings = read_settings(wanted)
        environment = dict(settings.environment)
        environment.pop("CUDA_VISIBLE_DEVICES", None)
        if OUTER_MASK is not None:
            environment["CUDA_VISIBLE_DEVICES"] = OUTER_MASK
        settings = replace(settings, environment=environment)
        provision = settings.provide(machine_needed=not queued)
        machine_wide = bool(provision.units) and not queued
        leases = None
        if machine_wide and settings.config.leases == "machine":
            leases = _open_leases(settings.config, provision)
        for note in provision.notes:
            _LOGGER.warning("%s", note)
        if provision.extended:
            _LOGGER.warning(
                '%d steps at once share %d GPUs; `sharing = "never"` in gpucore.toml gives each '
                "GPU one step",
                len(provision.units),
                len(provision.devices),
            )
        return cls(provision, leases, renumber=queued)

    def ask(self, granted: Granted, *, gpu: bool, worker: bool = True) -> int:
        """Ask for a worker and, if need be, a slot; return the number of what is asked for.

        ``granted`` is called with that number and the grant, in whichever thread frees it: maybe
        at once.

        Raises
        ------
        NeedError
            When a slot is asked for, and there is none.
        """
        need = Need(gpus=None if gpu else 0, worker=worker)
        self._machine.ledger.check(need)
        with self._lock:
            number = self._machine.submitted
            self._asked[number] = granted
            told = self._tell(Submitted(number, need))
        self._call(told)
        return number

    def give(self, number: int) -> None:
        """Give back what was granted."""
        with self._lock:
            told = self._tell(Ended(number, done=True))
        self._call(told)

    def withdraw(self, number: int) -> bool:
        """Ask no more; return False when it was granted already, and is to be given back."""
        with self._lock:
            waits = self._asked.pop(number, None) is not None
            told = self._tell(Cancelled(number)) if waits else []
        self._call(told)
        return waits

    @contextlib.contextmanager
    def slot(self, who: str) -> Iterator[Hold]:
        """Wait for a slot without a worker, and hold it."""
        answered = threading.Event()
        grants: list[Grant] = []

        def granted(number: int, grant: Grant) -> None:  # noqa: ARG001 - the form of the call
            grants.append(grant)
            answered.set()

        number = self.ask(granted, gpu=True, worker=False)
        try:
            answered.wait()
            hold = self.hold(grants[0], who)
            try:
                yield hold
            finally:
                hold.give_back()
        finally:
            if not self.withdraw(number):
                self.give(number)

    def close(self) -> None:
        """Give the lease directory back; what is held stays held."""
        if self._leases is not None:
            self._leases.close()

    @property
    def has_some(self) -> bool:
        """Whether there is any slot."""
        return bool(self.provision.units)

    @property
    def whole(self) -> Grant:
        """What a step gets that runs alone: the whole list."""
        units = self.provision.units
        return Grant((), tuple(device for unit in units for device in unit.devices))

    def hold(self, grant: Grant, who: str, *, hides: bool = True) -> Hold:
        """Return what a step holds with a grant."""
        devices = list({device.uuid: device for device in grant.devices}.values())
        if self._renumber:
            devices = [replace(one, index=place, mask="") for place, one in enumerate(devices)]
        return Hold(devices, self._run_leases, who, hides=hides)

    def _tell(self, event: MachineEvent) -> list[tuple[Granted, Launch]]:
        return [
            (self._asked.pop(action.step), action)
            for action in self._machine.handle(event)
            if isinstance(action, Launch)
        ]

    @staticmethod
    def _call(told: Sequence[tuple[Granted, Launch]]) -> None:
        for granted, launch in told:
            granted(launch.step, launch.grant)


def _open_leases(config: SiteConfig, provision: Provision) -> Leases:
    directory = find_lease_directory(os.environ, configured=config.lease_directory)
    uuids = [device.uuid for device in provision.devices]
    return Leases(directory, shares=dict.fromkeys(uuids, config.shares))
