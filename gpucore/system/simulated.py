"""The device source ``simulated:N``: made-up GPUs for machines that have none.

They let a run be tried, placed and watched anywhere. Nothing computes on them, and every place
that shows a device marks them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.errors import DeviceError
from gpucore.plugins.offers import DeviceSource
from gpucore.standard.devices import narrow
from gpucore.standard.gpulist import MAX_INDEX
from gpucore.standard.model import Device

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SIMULATED", "read_simulated"]


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
        )
    devices = [
        Device(
            uuid=f"GPU-{index:08x}-0000-4000-8000-000000000000",
            index=index,
            name="simulated GPU",
            simulated=True,
        )
        for index in range(int(argument))
    ]
    return narrow(devices, environment.get("CUDA_VISIBLE_DEVICES"))


SIMULATED = DeviceSource(
    name="simulated",
    title="made-up GPUs, as in simulated:4, for machines without",
    read=read_simulated,
)
