"""The device source ``simulated:N``: made-up GPUs for machines that have none.

They let a run be tried, placed and watched anywhere. Nothing computes on them, and every place
that shows a device marks them.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from gpucore.errors import DeviceError
from gpucore.plugins.offers import DeviceSource
from gpucore.standard.devices import narrow
from gpucore.standard.gpulist import MAX_INDEX
from gpucore.standard.model import Device
from gpucore.standard.readings import Reading, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "MEMORY_MIB",
    "SIMULATED",
    "AllWell",
    "read_simulated",
    "simulated_index",
    "watch_simulated",
]

MEMORY_MIB = 24576
"""What each has, of which nothing is ever used."""

_UUID = re.compile(r"GPU-([0-9a-f]{8})-0000-4000-8000-0{12}")


def read_simulated(argument: str, environment: Mapping[str, str]) -> tuple[Device, ...]:
    """Return N simulated devices, less those that an outer mask hides.

    Parameters
    ----------
    argument : str
        How many.
    environment : Mapping
        Its ``CUDA_VISIBLE_DEVICES`` counts, as for real devices.

    Raises
    ------
    DeviceError
        When the argument is no number of devices.
    """
    if not (argument.isascii() and argument.isdigit() and int(argument[:20]) <= MAX_INDEX):
        raise DeviceError(
            f"`simulated:{argument}` is no number of devices",
            hint="write `--devices simulated:2`",
            code="E109",
        )
    devices = [
        Device(
            uuid=f"GPU-{index:08x}-0000-4000-8000-000000000000",
            index=index,
            name="simulated GPU",
            memory_mib=MEMORY_MIB,
            simulated=True,
        )
        for index in range(int(argument))
    ]
    return narrow(devices, environment.get("CUDA_VISIBLE_DEVICES"))


def simulated_index(uuid: str) -> int | None:
    """Return the index of a simulated device, by its UUID; None for a real one.

    Examples
    --------
    >>> simulated_index("GPU-00000002-0000-4000-8000-000000000000")
    2
    """
    found = _UUID.fullmatch(uuid)
    return int(found[1], 16) if found else None


def watch_simulated(argument: str, environment: Mapping[str, str]) -> AllWell:  # noqa: ARG001 - no mask hides what others use
    """Return a look at simulated devices that goes on: they are always well, and nothing uses them.

    Raises
    ------
    DeviceError
        When the argument is no number of devices.
    """
    return AllWell(read_simulated(argument, {}))


class AllWell:
    """A `gpucore.plugins.offers.DeviceWatch` on devices to which nothing happens.

    Parameters
    ----------
    devices : sequence of Device
        The devices.
    """

    def __init__(self, devices: Sequence[Device]) -> None:
        self._readings = tuple(
            Reading(
                uuid=device.uuid,
                memory_total_mib=device.memory_mib,
                memory_used_mib=0,
                utilisation=0,
                compute_mode=device.compute_mode,
                processes=(),
            )
            for device in devices
        )

    def read(self, timeout: float) -> Snapshot:  # noqa: ARG002 - it is never waited for
        """Return that all is well."""
        return Snapshot(time=time.time(), readings=self._readings)

    def close(self) -> None:
        """Do nothing."""


SIMULATED = DeviceSource(
    name="simulated",
    title="made-up GPUs, as in simulated:4, for machines without",
    read=read_simulated,
    watch=watch_simulated,
)
