"""Which step gets which devices when, pure: decisions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.scheduling.ledger import Grant, Ledger, Unit
from gpucore.scheduling.policies import (
    MEMORY,
    POOL,
    SLOTS,
    Policy,
    cut_devices,
    cut_pool,
    cut_units,
)
from gpucore.scheduling.sharing import SharedLedger

if TYPE_CHECKING:
    from gpucore.scheduling.machine import (
        HEALTH,
        STRANGERS,
        Action,
        Cancelled,
        DeviceAvoided,
        DeviceLost,
        DeviceReturned,
        DeviceWithheld,
        Drained,
        Ended,
        Fate,
        FewerWorkers,
        Launch,
        Machine,
        MachineEvent,
        MemorySeen,
        Refuse,
        Skip,
        Stop,
        Submitted,
        Together,
    )

__all__ = [
    "HEALTH",
    "MEMORY",
    "POOL",
    "SLOTS",
    "STRANGERS",
    "Action",
    "Cancelled",
    "DeviceAvoided",
    "DeviceLost",
    "DeviceReturned",
    "DeviceWithheld",
    "Drained",
    "Ended",
    "Fate",
    "FewerWorkers",
    "Grant",
    "Launch",
    "Ledger",
    "Machine",
    "MachineEvent",
    "MemorySeen",
    "Policy",
    "Refuse",
    "SharedLedger",
    "Skip",
    "Stop",
    "Submitted",
    "Together",
    "Unit",
    "cut_devices",
    "cut_pool",
    "cut_units",
]


def __getattr__(name: str) -> object:
    """Import the machine when it is first asked for: most verbs run nothing."""
    if name in __all__:
        from gpucore.scheduling import machine  # noqa: PLC0415 - see above

        return getattr(machine, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
