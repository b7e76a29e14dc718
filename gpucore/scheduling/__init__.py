"""Which step gets which devices when, pure: decisions only."""

from gpucore.scheduling.ledger import Grant, Ledger, Unit
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
from gpucore.scheduling.policies import POOL, SLOTS, Policy, cut_pool, cut_units

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
