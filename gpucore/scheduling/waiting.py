"""What a step waits for, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.scheduling.supply import Offer
from gpucore.standard.memory import format_memory

if TYPE_CHECKING:
    from gpucore.scheduling.ledger import Ledger
    from gpucore.standard.model import Device, Need

__all__ = ["lacks"]

_MOST = 8


def lacks(ledger: Ledger, need: Need) -> str:
    """Return what a need lacks, and what stands against each device; empty: nothing.

    Raises
    ------
    NeedError
        When it lacks it for ever.
    """
    if ledger.find(need) is not None:
        return ""
    ledger.check(need)
    obstacles: dict[str, list[Device]] = {}
    avoided = ledger.avoided(need)
    for number, device in enumerate(ledger.supply.devices):
        if number not in ledger.supply.retired:
            obstacle = _obstacle(ledger, need, number, avoided=number in avoided)
            obstacles.setdefault(obstacle, []).append(device)
    told = [f"{_names(devices)} {_verb(obstacle, devices)}"
            for obstacle, devices in obstacles.items()]  # fmt: skip
    if len(told) > _MOST:
        told[_MOST:] = [f"{len(told) - _MOST} more obstacles"]
    return "; ".join([f"needs {_asked(need)}", *told])


def _obstacle(ledger: Ledger, need: Need, number: int, *, avoided: bool) -> str:
    supply = ledger.supply
    offer, reason = supply.offers[number], supply.reason(number)
    because = f" ({reason})" if reason else ""
    if offer == Offer.WITHHELD:
        return f"is withheld{because}"
    if avoided:
        shunned = offer == Offer.SHUNNED
        return f"is avoided{because if shunned else ' (an attempt failed there)'}"
    left = ledger.left(number, need)
    if left is None:
        return "is in use"
    if left >= need.memory_mib:
        return "is free"
    has, asked = format_memory(max(left, 0)), format_memory(need.memory_mib)
    return f"has {has}" if has != asked else f"has {left} MiB of {need.memory_mib} MiB"


def _asked(need: Need) -> str:
    many = (need.gpus or 1) > 1
    gpus = f"{need.gpus} GPUs" if many else "a GPU" if need.gpus else "a slot"
    if need.memory_mib:
        free = f"{format_memory(need.memory_mib)} free"
        gpus = f"{free} on each of {gpus}" if many else free
    return f"{gpus} to itself" if need.alone or need.whole else gpus


def _names(devices: list[Device]) -> str:
    numbers = [str(device.index) for device in devices]
    if len(numbers) > _MOST:
        return f"{len(numbers)} GPUs"
    *first, last = numbers
    return f"GPU {', '.join(first)} and {last}" if first else f"GPU {last}"


def _verb(obstacle: str, devices: list[Device]) -> str:
    if len(devices) == 1:
        return obstacle
    first, _, rest = obstacle.partition(" ")
    return f"{ {'is': 'are', 'has': 'have'}[first] } {rest}"
