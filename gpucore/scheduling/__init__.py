"""Which step gets which devices when, pure: decisions only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.scheduling.ledger import Grant, Ledger, Unit
from gpucore.scheduling.policies import POOL, SLOTS, Policy, cut_pool, cut_units

if TYPE_CHECKING:
    from gpucore.scheduling.machine import (
        Action,
        Cancelled,
        DeviceLost,
        Drained,
        Ended,
        Fate,
        Launch,
        Machine,
        MachineEvent,
        Refuse,
        Skip,
        Stop,
        Submitted,
    )

__all__ = [
    "POOL",
    "SLOTS",
    "Action",
    "Cancelled",
    "DeviceLost",
    "Drained",
    "Ended",
    "Fate",
    "Grant",
    "Launch",
    "Ledger",
    "Machine",
    "MachineEvent",
    "Policy",
    "Refuse",
    "Skip",
    "Stop",
    "Submitted",
    "Unit",
    "cut_pool",
    "cut_units",
]


def __getattr__(name: str) -> object:
    """Import the machine when it is first asked for: most verbs run nothing."""
    if name in __all__:
        from gpucore.scheduling import machine  # noqa: PLC0415 - see above

        return getattr(machine, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
