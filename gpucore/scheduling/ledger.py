"""Who holds what: units given and taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from gpucore.errors import InternalError
from gpucore.scheduling.idle import queue_of
from gpucore.scheduling.partition import Partition
from gpucore.scheduling.supply import Offer
from gpucore.scheduling.units import Unit, Units
from gpucore.standard.model import Device

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from gpucore.scheduling.supply import Supply
    from gpucore.standard.model import Need

__all__ = ["Grant", "Ledger", "Unit"]

_WITHHELD = int(Offer.WITHHELD)


@dataclass(frozen=True)
class Grant:
    """What one step holds: whole units, and of their devices those it was given.

    Parameters
    ----------
    units : tuple of int
        Numbers of the units held.
    devices : tuple of Device
        What the step may use.
    memory_mib : int
        What it was given of the memory of each device, in MiB; 0: nothing was said of memory.
    """

    units: tuple[int, ...] = ()
    devices: tuple[Device, ...] = ()
    memory_mib: int = 0


class Ledger:
    """Gives units, those that have been free longest first, and takes them back.

    Parameters
    ----------
    units : sequence of Unit
        Numbered 0, 1, … in order.

    Notes
    -----
    Not thread-safe: its machine owns it. Taking and giving a single unit is O(1).
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = Units(units)
        most = [self._units.least(unit.number, self.supply.total) for unit in units]
        self._free = queue_of(most)
        self._later = queue_of(most)
        self._held: set[int] = set()
        partition = Partition(self.supply.devices)
        self._partition = partition if self._units.single and partition.known else None
        for number in range(len(self._units.all)):
            self._put(number)

    @property
    def units(self) -> tuple[Unit, ...]:
        """All units, by number."""
        return self._units.all

    @property
    def supply(self) -> Supply:
        """What is known of the devices."""
        return self._units.supply

    @property
    def free(self) -> tuple[int, ...]:
        """Numbers of the units that nobody holds and that can be given, in that order."""
        return (*self._free, *self._later)

    def check(self, need: Need) -> None:
        """Refuse a need that could not be met even with every unit free.

        Raises
        ------
        NeedError
            Says how many devices there are, or how much memory they have.
        """
        self._units.check(need)

    def possible(self, need: Need) -> bool:
        """Say whether a need is met, with the devices as they are, once nothing is in use."""
        return self._units.terms(need).possible

    def take(self, need: Need, reserved: Collection[int] = ()) -> Grant | None:
        """Give what is asked for, all at once, or nothing.

        Parameters
        ----------
        need : Need
            What is asked for.
        reserved : collection of int
            Units that are kept for another.

        Returns
        -------
        Grant or None
            None when it has to wait.
        """
        grant = self.find(need, reserved)
        if grant is not None:
            for number in grant.units:
                self._hold(number, need)
            if need.memory_mib:
                self._promise(grant.devices, need.memory_mib)
        return grant

    def find(self, need: Need, reserved: Collection[int] = ()) -> Grant | None:
        """Return what `take` would give, and leave it."""
        if need.gpus == 0:
            return Grant()
        single = not (need.alone or need.whole)
        if need.gpus is None and single:
            for number in self._suiting(need, reserved):
                return Grant((number,), self._units.all[number].devices, need.memory_mib)
            return None
        leads = self._pick(need, reserved)
        if leads is None:
            return None
        held: Iterable[int] = leads
        if not single:
            held = dict.fromkeys(one for lead in leads for one in self._units.piece(lead, need))
        devices = [device for lead in leads for device in self._units.all[lead].devices]
        if need.gpus is not None:
            devices = list({device.uuid: device for device in devices}.values())[: need.gpus]
        return Grant(tuple(held), tuple(devices), need.memory_mib)

    def give(self, grant: Grant) -> None:
        """Take a grant back.

        Raises
        ------
        InternalError
            When one of its units is in nobody's hands: it would be given twice.
        """
        for number in grant.units:
            if number not in self._held:
                raise InternalError(f"unit {number} was given back twice")
            self._let_go(number)
        if grant.memory_mib:
            self._promise(grant.devices, -grant.memory_mib)

    def enlarge(self, grant: Grant, mib: int) -> Grant:
        """Count so much memory of each device as given to one who was seen to hold it."""
        self._promise(grant.devices, mib - grant.memory_mib)
        return replace(grant, memory_mib=mib)

    def reserve(self, need: Need) -> frozenset[int]:
        """Return the free units to be kept for a need that has to wait.

        A unit outside them adds nothing to what the need still lacks, so that whoever takes it
        does not delay the need. Nothing is kept for a need that the devices as they are could
        not meet: it waits for them, and not for steps.
        """
        if need.gpus == 0 or not self.possible(need):
            return frozenset()
        kept: set[int] = set()
        seen: set[int] = set()
        broken: list[int] = []
        for number in self._serving(need):
            if seen.issuperset(self._units.devices[number]):
                continue
            if self._is_broken(number, need):
                broken.append(number)
                continue
            seen.update(self._units.devices[number])
            kept.update(self._around(number, need))
            if len(seen) >= (need.gpus or 1):
                break
        else:
            # Whichever of these is whole first will be taken: who takes a part of any delays it.
            for number in broken:
                if not seen.issuperset(self._units.devices[number]):
                    kept.update(self._around(number, need))
        return frozenset(one for one in kept if one in self._free or one in self._later)

    def retire(self, uuid: str) -> tuple[int, ...]:
        """Give out no unit with this device any more; return their numbers."""
        gone = self._units.retire(uuid)
        self._move(gone)
        return tuple(gone)

    def offer(self, uuid: str, offer: Offer, reason: str, by: str) -> None:
        """Give out units with a device as freely as somebody says, or somebody stricter."""
        self._move(self._units.say(uuid, offer, reason, by))

    def see(self, free: Mapping[str, int]) -> None:
        """Take how much memory the run may use, in MiB by UUID."""
        self._changed(self._units.see(free))

    @property
    def usable(self) -> list[Device]:
        """The devices that steps may be given, now or when they are free."""
        supply = self.supply
        return [
            device
            for number, device in enumerate(supply.devices)
            if number not in supply.retired and supply.offers[number] < Offer.WITHHELD
        ]

    def none_left(self, by: str) -> bool:
        """Say whether no unit is left that somebody does not withhold."""
        return self._units.none_left(by)

    def left(self, device: int, need: Need) -> int | None:
        """Return how much memory of a device a need could be given now, in MiB; None: in use."""
        if (need.alone or need.whole) and not self._held.isdisjoint(self._units.of_device[device]):
            return None
        return self.supply.room(device) if self._is_free(device) else None

    def avoided(self, need: Need) -> set[int]:
        """Return the devices that a need is not given though others are given them."""
        terms = self._units.terms(need)
        return {device for number in terms.avoided for device in self._units.devices[number]}

    def _suiting(self, need: Need, reserved: Collection[int]) -> Iterator[int]:
        """Return the free units that a need may be given, in order."""
        mib = need.memory_mib
        if not (mib or need.avoid or self._units.supply.shunned):
            every = chain(self._free, self._later) if self._later else iter(self._free)
            return every if not reserved else (one for one in every if one not in reserved)
        order = chain(self._free.that_may_have(mib), self._later.that_may_have(mib))
        terms, room = self._units.terms(need), self._units.room
        return (
            number
            for number in (order if terms.possible else ())
            if room[number] >= mib and number not in reserved and number not in terms.avoided
        )

    def _serving(self, need: Need) -> Iterator[int]:
        """Yield the units that a need might get, those that are free first.

        Those in use matter where those beside them do, which others might take.
        """
        avoided = self._units.terms(need).avoided
        mib = need.memory_mib
        used = sorted(self._held) if need.whole or mib else ()
        free, later = self._free.that_may_have(mib), self._later.that_may_have(mib)
        for number in chain(free, later, used):
            given = self._units.offers[number] < Offer.WITHHELD
            if given and number not in avoided and self._units.has(number, mib):
                yield number

    def _pick(self, need: Need, reserved: Collection[int]) -> list[int] | None:
        """Return one unit of each piece that meets a need together."""
        lacking = need.gpus or 1
        if self._partition is not None and lacking > 1:
            return self._pick_near(self._partition, need, reserved, lacking)
        leads: list[int] = []
        seen: set[int] = set()
        single = not (need.alone or need.whole)
        for number in self._suiting(need, reserved):
            devices = self._units.devices[number]
            if seen.issuperset(devices):
                continue
            if not (single or self._is_whole(number, need, reserved)):
                continue
            leads.append(number)
            seen.update(devices)
            if need.gpus is None or len(seen) >= lacking:
                return leads
        return None

    def _pick_near(
        self, partition: Partition, need: Need, reserved: Collection[int], lacking: int
    ) -> list[int] | None:
        terms = self._units.terms(need)
        if not terms.possible:
            return None
        lead: dict[int, int] = {}

        def suits(device: int, *, last: bool) -> bool:
            for number in self._units.of_device[device]:
                if (
                    (number in self._free or (last and number in self._later))
                    and self._units.room[number] >= need.memory_mib
                    and number not in reserved
                    and number not in terms.avoided
                    and self._is_whole(number, need, reserved)
                ):
                    lead[device] = number
                    return True
            return False

        mib = need.memory_mib
        chosen = partition.choose(lacking, partial(suits, last=False), mib)
        if chosen is None and self._later:
            chosen = partition.choose(lacking, partial(suits, last=True), mib)
        return None if chosen is None else [lead[device] for device in chosen]

    def _is_whole(self, number: int, need: Need, reserved: Collection[int]) -> bool:
        """Say whether nobody holds, or is to have, a part of a unit's piece."""
        if not (need.alone or need.whole):
            return True
        piece = self._units.piece(number, need)
        return self._held.isdisjoint(piece) and not any(one in reserved for one in piece)

    def _is_broken(self, number: int, need: Need) -> bool:
        lacks_room = self._units.room[number] < need.memory_mib
        return lacks_room or number in self._held or not self._is_whole(number, need, ())

    def _around(self, number: int, need: Need) -> Iterable[int]:
        """Return the units that must be kept for a need to get one of them."""
        piece = self._units.piece(number, need)
        return self._units.beside(number).union(piece) if need.memory_mib else piece

    def _hold(self, number: int, need: Need) -> None:  # noqa: ARG002 - who lets share looks at it
        self._pull(number)
        self._held.add(number)

    def _let_go(self, number: int) -> None:
        self._held.discard(number)
        self._put(number)

    def _promise(self, devices: Iterable[Device], mib: int) -> None:
        self._changed(self._units.promise(devices, mib))

    def _changed(self, numbers: Iterable[int]) -> None:
        """Hear of units whose devices have more or less room."""

    def _move(self, numbers: Iterable[int]) -> None:
        """Put units where their devices' standing wants them from now on."""
        for number in numbers:
            if number not in self._held:
                self._pull(number)
                self._put(number)

    def _put(self, number: int) -> None:
        """Let a unit that nobody holds be given, as freely as its devices are."""
        offer = self._units.offers[number]
        if offer >= _WITHHELD:
            return
        (self._later if offer else self._free).add(number)
        if self._partition is not None:
            self._partition.add(self._units.devices[number][0])

    def _pull(self, number: int) -> None:
        """Let a unit not be given; nothing happens when it is not."""
        was_free = self._free.discard(number) or self._later.discard(number)
        if was_free and self._partition is not None:
            device = self._units.devices[number][0]
            if not self._is_free(device):
                self._partition.remove(device)

    def _is_free(self, device: int) -> bool:
        mine = self._units.of_device[device]
        return any(number in self._free or number in self._later for number in mine)
