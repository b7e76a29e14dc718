"""How a GPU list is cut into the units that steps are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from gpucore.errors import GpuListError
from gpucore.scheduling.ledger import Unit
from gpucore.standard.gpulist import VOID, Void
from gpucore.standard.model import Device
from gpucore.standard.slots import cut_slots

__all__ = [
    "MEMORY",
    "POOL",
    "SLOTS",
    "Cut",
    "MemoryUse",
    "Policy",
    "cut_devices",
    "cut_pool",
    "cut_units",
]

Cut: TypeAlias = Callable[[Sequence[Device | Void], int, bool], Sequence[Unit]]
MemoryUse: TypeAlias = Literal["asked", "estimated", "shared"]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A way to cut a GPU list, offered by the hook ``gpucore_policies``.

    Parameters
    ----------
    name : str
        What ``policy = "…"`` calls it.
    title : str
        What it does, one line.
    cut : callable
        ``cut(items, threads, extend)`` returns the units, numbered from 0: the list's devices and
        void places in the user's order, the run's threads, and whether a list shorter than the
        workers is repeated.
    memory : str
        What GPU memory decides. ``asked``: a step that asks for some is given devices that have
        it; ``estimated``: one that does not asks for what its program is known to need;
        ``shared``: and steps share devices as far as their memory goes. For the last, no two units
        may hold the same device, and none more than one.
    """

    name: str
    title: str
    cut: Cut
    memory: MemoryUse = "asked"


def cut_units(items: Sequence[Device | Void], threads: int, extend: bool) -> tuple[Unit, ...]:
    """Cut slots by the standard's table; those that the list was extended by are copies.

    Raises
    ------
    GpuListError
        When every item is void.
    """
    own = len(cut_slots(items, threads, extend=False))
    slots = cut_slots(items, threads, extend=extend)
    return tuple(
        Unit(number, slot, number % own if number >= own else None)
        for number, slot in enumerate(slots)
    )


def cut_pool(items: Sequence[Device | Void], threads: int, extend: bool) -> tuple[Unit, ...]:  # noqa: ARG001 - the form of every cut
    """Make each place of the list a unit of its own; a step asks for as many as it needs.

    Raises
    ------
    GpuListError
        When every item is void.
    """
    devices = [item for item in items if not isinstance(item, Void)]
    if items and not devices:
        raise GpuListError(
            f"the list holds nothing but void places ({VOID.value})",
            hint="name at least one GPU",
            code="E104",
        )
    return tuple(Unit(number, (device,)) for number, device in enumerate(devices))


def cut_devices(items: Sequence[Device | Void], threads: int, extend: bool) -> tuple[Unit, ...]:
    """Make each device of the list one unit, however often the list names it.

    Raises
    ------
    GpuListError
        When every item is void.
    """
    return cut_pool(tuple(dict.fromkeys(items)), threads, extend)


SLOTS = Policy(
    name="slots",
    title="cut the GPU list into one slot for each worker; a step takes a slot",
    cut=cut_units,
)
POOL = Policy(
    name="pool",
    title="take the GPU list as a pool; a step takes as many GPUs as it asks for",
    cut=cut_pool,
    memory="estimated",
)
MEMORY = Policy(
    name="memory",
    title="take the GPU list as a pool; steps share a GPU as far as its memory goes",
    cut=cut_devices,
    memory="shared",
)
