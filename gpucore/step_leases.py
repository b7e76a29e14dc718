"""What one step holds of the machine: the kernel leases of its devices, from claim to return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gpucore.errors import GpucoreError
from gpucore.system.leases import LeaseStopped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.scheduling import Grant
    from gpucore.surroundings import Surroundings

__all__ = ["MovedError", "StepLeases", "Waiter"]


class MovedError(GpucoreError):
    """Never told: a step is not to wait for what another run has, but to be given other devices."""


class Waiter(Protocol):
    """The step whose leases these are."""

    cancelled: bool

    def waits(self) -> bool:
        """Hear that another run has its devices; say whether it is to have others instead."""

    def waited(self) -> None:
        """Hear that it waits no more."""


class StepLeases:
    """The kernel leases of a step's devices; there is nothing to them where a run has none.

    Parameters
    ----------
    step : str
        Its name, for people.
    grant : Grant
        What it was given within the run.
    around : Surroundings
        The run.
    waiter : Waiter
        Asked whether it is to wait.

    Attributes
    ----------
    uuids : tuple of str
        Its devices, each once.
    held_by : str
        Who held a device that it had to wait for; empty: nobody did.
    """

    def __init__(self, step: str, grant: Grant, around: Surroundings, waiter: Waiter) -> None:
        self.uuids = tuple(dict.fromkeys(device.uuid for device in grant.devices))
        self.held_by = ""
        self._step = step
        self._grant = grant
        self._around = around
        self._waiter = waiter
        self._moving = False
        self._leased: tuple[str, ...] = ()

    def claim(self) -> None:
        """Take over the leases of a step that has just ended, if they are those of this step."""
        leases = self._around.leases
        if leases is not None and self.uuids and leases.claim(self.uuids):
            self._leased = self.uuids

    def take(self) -> tuple[int, ...]:
        """Wait for the leases, unless they were claimed; return the descriptors that carry them.

        Raises
        ------
        LeaseStopped
            When the run is stopped meanwhile, or this step cancelled.
        MovedError
            When it is to be given other devices, that nobody has.
        DeviceError
            When the lease directory cannot be used.
        """
        leases, record = self._around.leases, self._around.record
        if leases is None or not self.uuids:
            return ()
        if self._leased:
            return leases.use(self._leased, self._step)
        try:
            fds = leases.take(
                self.uuids, self._step, waiter=self, cancelled=self._is_over, waits=self._waits
            )
        except LeaseStopped as error:
            if self._moving and not self._waiter.cancelled:
                raise MovedError("its devices are another run's") from error
            raise
        finally:
            if self.held_by:
                self._waiter.waited()
                if record is not None:
                    for uuid in self.uuids:
                        record.held(uuid, "")
        self._leased = self.uuids
        return fds

    @property
    def wanted(self) -> bool:
        """Whether another run waits for one of the devices, which this step holds."""
        leases = self._around.leases
        return leases is not None and bool(self._leased) and leases.wanted(self._leased)

    def move(self) -> None:
        """Wait for them no more: the step is to be given others."""
        self._moving = True
        self.cancel()

    def cancel(self) -> None:
        """Wait for them no more."""
        if self._around.leases is not None:
            self._around.leases.cancel(self)

    def give_back(self) -> None:
        """Give them back; a second time does nothing."""
        if self._leased and self._around.leases is not None:
            self._around.leases.give(self._leased)
            self._leased = ()

    def _waits(self, missing: Sequence[str], who: str) -> None:
        """Tell that a device is another run's now."""
        if self._waiter.waits():
            raise MovedError("its devices are another run's")
        self.held_by = who
        indexes = [str(one.index) for one in self._grant.devices if one.uuid in missing]
        self._around.note(f"GPU {' '.join(dict.fromkeys(indexes))} is waited for: {who} holds it")
        if self._around.record is not None:
            for uuid in missing:
                self._around.record.held(uuid, who)

    def _is_over(self) -> bool:
        return self._moving or self._waiter.cancelled
