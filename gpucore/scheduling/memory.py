"""How much of a device's memory a step needs, learned from what steps like it were seen to hold.

Three rules, those of gpusched 0.4 (``gpusched/allocation.py``): what a step asks for is kept for it
from its start on, before its program has taken anything; programs of others are held to the most
that they ever had, and not to what they have at the moment; and a declaration that proved wrong is
not believed again. The first is the ledger's to keep.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpucore.standard.adapter import Adapter, Param, Value
    from gpucore.standard.readings import Snapshot

__all__ = ["MemoryRules", "StrangerPeaks", "compared", "estimate", "held", "memory_key"]

_TELLING = frozenset({"int", "float", "bool", "choice"})


@dataclass(frozen=True, kw_only=True)
class MemoryRules:
    """The numbers by which memory is estimated.

    Parameters
    ----------
    margin : float
        What is added to the most that was seen: a peak between two looks is not seen.
    enough : int
        Steps like it that must have been seen until less than was declared is kept for one.
    """

    margin: float = 0.1
    enough: int = 3


RULES = MemoryRules()


def estimate(declared: int, peaks: Sequence[int], rules: MemoryRules = RULES) -> int:
    """Return how much memory to keep for a step on each of its devices, in MiB; 0: not known.

    Parameters
    ----------
    declared : int
        What the user or the adapter says, in MiB; 0: nothing.
    peaks : sequence of int
        The most that steps like it held of one device, in MiB.
    rules : MemoryRules
        The numbers.

    Examples
    --------
    >>> estimate(8000, []), estimate(8000, [5000]), estimate(8000, [5000, 5000, 5000])
    (8000, 8000, 5500)
    >>> estimate(8000, [9000]), estimate(0, [9000]), estimate(0, [])
    (9900, 9900, 0)
    """
    most = max(peaks, default=0)
    if not most or (most <= declared and len(peaks) < rules.enough):
        return declared
    seen = _with_margin(most, rules)
    return seen if most > declared else min(seen, declared)


def held(declared: int, peak: int, rules: MemoryRules = RULES) -> int:
    """Return how much memory is kept for a step that runs, in MiB.

    Parameters
    ----------
    declared : int
        What it was given, in MiB.
    peak : int
        The most that it has held so far.
    rules : MemoryRules
        The numbers.

    Examples
    --------
    >>> held(8000, 0), held(8000, 7900), held(8000, 9000)
    (8000, 8000, 9900)
    """
    return declared if peak <= declared else _with_margin(peak, rules)


def compared(declared: int, peaks: Sequence[int], rules: MemoryRules = RULES) -> str:
    """Return what is to be said of a declaration, in view of what was seen; empty when it is right.

    Examples
    --------
    >>> compared(8000, [9000, 8500])
    'declared are 8,000 MiB, but up to 9,000 were seen in 2 steps: 9,900 are kept'
    >>> compared(8000, [7600, 7700, 7800])
    ''
    """
    most, kept = max(peaks, default=0), estimate(declared, peaks, rules)
    if not declared or not most or declared * (1 - rules.margin) <= kept <= declared:
        return ""
    steps = f"{len(peaks)} step{'s' * (len(peaks) != 1)}"
    if most > declared:
        seen = f"but up to {most:,} were seen in {steps}"
    else:
        seen = f"but no more than {most:,} were seen in {steps}"
    return f"declared are {declared:,} MiB, {seen}: {kept:,} are kept"


def memory_key(
    adapter: Adapter, values: Mapping[str, Value], sizes: Mapping[str, int], *, gpus: int
) -> str:
    """Return a text that is the same for steps which should need the same memory.

    It is made of the parameters that `Gpu.memory_params` names; without these of every number,
    switch and choice, and of the item. A file counts by its size, to a factor of two.

    Parameters
    ----------
    adapter : Adapter
        The program.
    values : Mapping
        The step's values.
    sizes : Mapping
        Bytes of its input files, by parameter.
    gpus : int
        How many devices it has.
    """
    parts = [f"gpus={gpus}"]
    for name, param in adapter.params.items():
        if _tells(adapter, name, param):
            value = values.get(name)
            if param.type == "path":
                value = f"2^{sizes[name].bit_length()}" if name in sizes else None
            if value is not None:
                parts.append(f"{name}={_text(value)}")
    return " ".join(parts)


class StrangerPeaks:
    """What programs of others hold of each device, counted by the most that each of them had.

    Parameters
    ----------
    rules : MemoryRules
        The numbers.
    """

    def __init__(self, rules: MemoryRules = RULES) -> None:
        self._rules = rules
        self._peaks: dict[tuple[str, int], int] = {}

    def see(self, snapshot: Snapshot, ours: Callable[[int], bool]) -> dict[str, int]:
        """Return how much of each device's memory is not for us, in MiB by UUID.

        Devices that do not tell their memory, or who uses it, are left out or counted by what is
        used at the moment.

        Parameters
        ----------
        snapshot : Snapshot
            How the devices are now.
        ours : callable
            Whether a process is one of ours, by its number.
        """
        before, self._peaks = self._peaks, {}
        taken: dict[str, int] = {}
        for reading in snapshot.readings:
            own = peaks = 0
            for process in reading.processes or ():
                now = process.memory_mib or 0
                if ours(process.pid):
                    own += now
                    continue
                place = (reading.uuid, process.pid)
                self._peaks[place] = max(now, before.get(place, 0))
                peaks += self._peaks[place]
            if reading.memory_used_mib is not None:
                now = max(reading.memory_used_mib - own, 0)
                taken[reading.uuid] = max(now, _with_margin(peaks, self._rules))
        return taken


def _with_margin(mib: int, rules: MemoryRules) -> int:
    return math.ceil(round(mib * (1 + rules.margin), 6))


def _tells(adapter: Adapter, name: str, param: Param) -> bool:
    if param.output:
        return False
    if adapter.gpu.memory_params:
        return name in adapter.gpu.memory_params
    return param.type in _TELLING or (param.item and param.type == "path")


def _text(value: Value) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
