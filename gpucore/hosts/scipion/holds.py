"""What one step of a protocol may use: the devices of its slot, leased when it first uses them."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gpucore.holding import RunLeases
    from gpucore.standard.model import Device

__all__ = ["Hold", "here", "holding"]

_LOGGER = logging.getLogger(__name__)
_HERE = threading.local()


class Hold:
    """The devices of one step's slot; those of a step without GPUs are none.

    A slot is the step's from its start. The lease that keeps other projects and programs from its
    devices is taken when the step first starts a program or asks which GPUs it has: Scipion's steps
    say that they need a GPU unless their author wrote otherwise, and one that only writes a result
    should not wait for another project's programs.

    Parameters
    ----------
    devices : sequence of Device
        Those of the slot, each once.
    leases : RunLeases or None
        The run's; None when nobody else is to be kept from them.
    who : str
        Whose it is, for people.
    hides : bool
        Whether other devices are hidden from the step's programs where it has none.

    Attributes
    ----------
    mask : str or None
        ``CUDA_VISIBLE_DEVICES`` of the step's programs; None when it is left alone.
    """

    def __init__(
        self,
        devices: Sequence[Device] = (),
        leases: RunLeases | None = None,
        who: str = "",
        *,
        hides: bool = False,
    ) -> None:
        self.devices = tuple(devices)
        self.mask: str | None = "" if hides and not devices else None
        self._leases = leases if devices else None
        self._who = who
        self._lock = threading.Lock()
        self._fds: tuple[int, ...] | None = None

    @property
    def indexes(self) -> list[int]:
        """What the devices are called in commands."""
        return [device.index for device in self.devices]

    def use(self) -> tuple[int, ...]:
        """Wait until no other run uses the devices; return what programs are to inherit.

        Raises
        ------
        DeviceError
            When the lease directory cannot be used.
        """
        if self._leases is None:
            return ()
        with self._lock:  # a step may start several programs at once
            if self._fds is None:
                self._fds = self._lease(self._leases)
            return self._fds

    def show_these_alone(self) -> str:
        """Let the step's programs see nothing but its devices; return the mask that does it."""
        self.use()
        self.mask = ",".join(device.mask_entry for device in self.devices)
        return self.mask

    def give_back(self) -> None:
        """Give the lease back, at the step's end."""
        with self._lock:
            if self._fds is not None and self._leases is not None:
                self._leases.give(self._uuids)
            self._fds, self._leases = None, None

    @property
    def _uuids(self) -> tuple[str, ...]:
        return tuple(device.uuid for device in self.devices)

    def _lease(self, leases: RunLeases) -> tuple[int, ...]:
        waited = []

        def waits(_: Sequence[str], holders: str) -> None:
            waited.append(holders)
            # Other users wrote some of it, and it goes to a log.
            said = "".join(c if c.isprintable() else "?" for c in holders)
            _LOGGER.info("%s waits for GPU %s; in use by %s", self._who, self._names, said)

        fds = leases.take(self._uuids, self._who, waits=waits)
        if waited:
            _LOGGER.info("%s has GPU %s", self._who, self._names)
        return fds

    @property
    def _names(self) -> str:
        return " ".join(str(index) for index in self.indexes)


def here() -> Hold | None:
    """Return what the step holds whose thread this is; None outside steps."""
    return getattr(_HERE, "hold", None)


@contextlib.contextmanager
def holding(hold: Hold) -> Iterator[None]:
    """Make this thread one of a step that holds something."""
    outer = here()
    _HERE.hold = hold
    try:
        yield
    finally:
        _HERE.hold = outer
