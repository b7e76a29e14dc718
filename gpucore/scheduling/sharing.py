"""Steps that share a device as far as its memory goes: the ledger of the policy ``memory``.

The rules are those of gpusched (``allocation.py``, 0.4.0). What a step asks for is given from the
moment at which it is launched, long before its program has allocated it. A step that says nothing
of memory has a device to itself. What a step holds beyond what it asked for is counted from the
moment at which it is seen.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from itertools import chain, islice
from typing import TYPE_CHECKING

from gpucore.scheduling.ledger import Grant, Ledger
from gpucore.scheduling.supply import UNKNOWN_MIB, Offer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from gpucore.scheduling.units import Unit
    from gpucore.standard.model import Need

__all__ = ["CONTEXT_MIB", "SharedLedger"]

CONTEXT_MIB = 300
"""What the driver takes of a device for each program, beside what the program asks for.

107 MiB were measured on an RTX 4060 Ti, 555 MiB on an RTX PRO 6000 (ggml-org/llama.cpp, pull
request 23604), about 300 MiB with PyTorch (pytorch/pytorch, issue 107667).
"""


class SharedLedger(Ledger):
    """Gives devices to several steps at once.

    Parameters
    ----------
    units : sequence of Unit
        Each of one device, none of them twice.
    reserve_mib : int
        What stays free of a device that several steps share, in MiB. A step by itself may have
        all that there is.
    """

    def __init__(self, units: Sequence[Unit], reserve_mib: int) -> None:
        self._reserve = reserve_mib
        self._users: dict[int, int] = {}
        self._closed: set[int] = set()
        self._open: list[tuple[int, int]] = []
        """What a further step could be given of each device that is shared, the least first."""
        self._listed: dict[int, int] = {}
        super().__init__(units)

    def find(self, need: Need, reserved: Collection[int] = ()) -> Grant | None:
        """Return what `take` would give: idle devices, or else those that a step fits best."""
        grant = super().find(need, reserved)
        if grant is not None or not _shares(need):
            return grant
        numbers = self._now(need, reserved)
        if len(numbers) < (need.gpus or 1):
            return None
        devices = tuple(self.units[number].devices[0] for number in numbers)
        return Grant(tuple(numbers), devices, need.memory_mib)

    def reserve(self, need: Need) -> frozenset[int]:
        """Return the devices to be kept for a need that has to wait."""
        if need.gpus == 0 or not self.possible(need):
            return frozenset()
        now = self._now(need, ())
        if len(now) >= (need.gpus or 1):
            return frozenset(now)
        avoided = self._units.terms(need).avoided
        serving = (
            number
            for number in self._listed
            if number not in avoided and self._units.has(number, need.memory_mib)
        )
        return frozenset(chain(now, serving))

    def left(self, device: int, need: Need) -> int | None:
        """Return how much memory of a device a need could be given now, in MiB; None: in use."""
        number = self._units.of_device[device][0]
        if _shares(need) and number in self._listed:
            return max(self._listed[number], 0)
        return super().left(device, need)

    def _now(self, need: Need, reserved: Collection[int]) -> list[int]:
        """Return units that a need would be given now, as many as it lacks at most."""
        fitting = self._fitting(need, reserved) if _shares(need) else ()
        return list(islice(chain(self._suiting(need, reserved), fitting), need.gpus or 1))

    def _fitting(self, need: Need, reserved: Collection[int]) -> Iterator[int]:
        """Yield the shared units that have room for a need, the fullest first."""
        terms = self._units.terms(need)
        if terms.possible:
            first = bisect_left(self._open, (need.memory_mib, -1))
            for _, number in islice(self._open, first, None):
                if number not in reserved and number not in terms.avoided:
                    yield number

    def _hold(self, number: int, need: Need) -> None:
        self._users[number] = self._users.get(number, 0) + 1
        if number not in self._held:
            super()._hold(number, need)
        if not _shares(need) or not self._can_be_shared(number):
            self._closed.add(number)

    def _let_go(self, number: int) -> None:
        self._users[number] -= 1
        if not self._users[number]:
            self._closed.discard(number)
            super()._let_go(number)

    def _can_be_shared(self, number: int) -> bool:
        (device,) = self._units.devices[number]
        exclusive = self.supply.devices[device].compute_mode == "exclusive_process"
        return not exclusive and self.supply.free[device] < UNKNOWN_MIB

    def _changed(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._list(number)

    def _move(self, numbers: Iterable[int]) -> None:
        moved = list(numbers)
        super()._move(moved)
        self._changed(moved)

    def _list(self, number: int) -> None:
        """Find anew what a further step could be given of a unit."""
        listed = self._listed.pop(number, None)
        if listed is not None:
            del self._open[bisect_left(self._open, (listed, number))]
        users = self._users.get(number, 0)
        given = self._units.offers[number] < Offer.WITHHELD
        if users and given and number not in self._closed:
            room = self._units.room[number] - CONTEXT_MIB * (users + 1) - self._reserve
            self._listed[number] = room
            insort(self._open, (room, number))


def _shares(need: Need) -> bool:
    return bool(need.memory_mib) and not (need.alone or need.whole)
