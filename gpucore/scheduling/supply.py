"""What is known of a run's devices: their memory, and how freely they are given to steps."""

from __future__ import annotations

from bisect import bisect_left, insort
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gpucore.standard.model import Device

__all__ = ["UNKNOWN_MIB", "Offer", "Supply"]

UNKNOWN_MIB = 2**60
"""The memory of a device that does not tell it: whoever asks for some is not turned away."""


class Offer(IntEnum):
    """How freely a device is given."""

    OPEN = 0
    """To everybody."""
    LAST = 1
    """After the others that are free."""
    SHUNNED = 2
    """Only to a step that could never run on the others."""
    WITHHELD = 3
    """To nobody for the time being."""


_BULK = 64


class Supply:
    """The devices of a run by number, in the order in which its list names them.

    Parameters
    ----------
    devices : iterable of Device
        Repetitions count once.

    Attributes
    ----------
    devices : tuple of Device
        By number.
    numbers : dict
        Numbers by UUID.
    total, free, promised : list of int
        MiB by number: what a device has; what of it the run may use, whether it does or not;
        what the run's steps were given of that.
    offers : list of Offer
        By number.
    retired : set of int
        Those that are never given any more.
    shunned : set of int
        Those that are given only to steps that could never run on the others.
    version : int
        Grows with everything but promises.
    """

    def __init__(self, devices: Iterable[Device]) -> None:
        self.devices = tuple({device.uuid: device for device in devices}.values())
        self.numbers = {device.uuid: number for number, device in enumerate(self.devices)}
        self.total = [device.memory_mib or UNKNOWN_MIB for device in self.devices]
        self.free = list(self.total)
        self.promised = [0] * len(self.devices)
        self.offers = [Offer.OPEN] * len(self.devices)
        self.retired: set[int] = set()
        self.shunned: set[int] = set()
        self.version = 0
        self._totals = sorted(self.total)
        self._frees = sorted(self.free)
        self._said: dict[int, dict[str, tuple[Offer, str]]] = {}

    def say(self, uuid: str, offer: Offer, reason: str, by: str) -> int | None:
        """Take what somebody says of a device; what is strictest of all that is said counts.

        Returns
        -------
        int or None
            The device, when it is given more or less freely than before.
        """
        number = self.numbers.get(uuid)
        if number is None:
            return None
        said = self._said.setdefault(number, {})
        said.pop(by, None)
        if offer > Offer.OPEN:
            said[by] = (offer, reason)
        before, given = self.offers[number], self.is_given(number)
        after = self.offers[number] = max((one for one, _ in said.values()), default=Offer.OPEN)
        if after == before:
            return None
        (self.shunned.add if after == Offer.SHUNNED else self.shunned.discard)(number)
        self._count(number, given)
        return number

    def reason(self, number: int) -> str:
        """Return why a device is not given freely."""
        offer = self.offers[number]
        said = self._said.get(number, {}).values()
        return "; ".join(reason for one, reason in said if one == offer and reason)

    def withheld_by(self, by: str) -> set[int]:
        """Return the devices that somebody withholds."""
        return {
            number
            for number, said in self._said.items()
            if said.get(by, (Offer.OPEN, ""))[0] == Offer.WITHHELD
        }

    def retire(self, uuid: str) -> int | None:
        """Give a device never any more; return it."""
        number = self.numbers.get(uuid)
        if number is not None:
            given = self.is_given(number)
            self.retired.add(number)
            self._count(number, given)
        return number

    def is_given(self, number: int) -> bool:
        """Say whether a device is given to anybody at present."""
        return self.offers[number] < Offer.WITHHELD and number not in self.retired

    def with_memory(self, mib: int, *, ever: bool) -> int:
        """Return how many devices that are given have so much for the run, or have it in all."""
        ranked = self._totals if ever else self._frees
        return len(ranked) - bisect_left(ranked, mib)

    def see(self, free: Mapping[str, int]) -> list[int]:
        """Take how much memory the run may use, in MiB by UUID; return where that is new."""
        numbers = self.numbers
        changed = {numbers[uuid]: mib for uuid, mib in free.items()
                   if uuid in numbers and self.free[numbers[uuid]] != mib}  # fmt: skip
        one_by_one = len(changed) < _BULK
        for number, mib in changed.items():
            if one_by_one and self.is_given(number):
                del self._frees[bisect_left(self._frees, self.free[number])]
                insort(self._frees, mib)
            self.free[number] = mib
        if not one_by_one:
            given = (mib for number, mib in enumerate(self.free) if self.is_given(number))
            self._frees = sorted(given)
        self.version += bool(changed)
        return list(changed)

    def promise(self, numbers: Sequence[int], mib: int) -> None:
        """Count memory of some devices as given; less than 0: as given back."""
        for number in numbers:
            self.promised[number] += mib

    def room(self, number: int) -> int:
        """Return what can still be given of a device's memory, in MiB."""
        return self.free[number] - self.promised[number]

    def _count(self, number: int, before: bool) -> None:
        """Count a device among those that are given, or not any more."""
        self.version += 1
        now = self.is_given(number)
        for ranked, memory in ((self._totals, self.total), (self._frees, self.free)):
            if now and not before:
                insort(ranked, memory[number])
            elif before and not now:
                del ranked[bisect_left(ranked, memory[number])]
