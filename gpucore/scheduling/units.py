"""The units that a run's devices are cut into: which there are, what they have, whom they suit.

A *unit* is what is given as one piece: a slot under the ``slots`` policy, one place of the list
under ``pool``. A unit that a list was extended by (`0 1` for four workers is cut as `0 1 0 1`) is
a copy of an earlier one; a step that must not share takes a unit together with its copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from gpucore.errors import NeedError
from gpucore.scheduling.supply import UNKNOWN_MIB, Offer, Supply
from gpucore.standard.memory import format_memory
from gpucore.standard.model import Device

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from gpucore.standard.model import Need

__all__ = ["GONE", "Terms", "Unit", "Units"]

GONE = Offer.WITHHELD + 1
"""The offer of a unit with a device that is never given any more."""


@dataclass(frozen=True)
class Unit:
    """One piece that is given whole.

    Parameters
    ----------
    number : int
        Its place in the cut.
    devices : tuple of Device
        What it holds, repetitions kept.
    copy_of : int or None
        The unit that it repeats, when the list was extended.
    """

    number: int
    devices: tuple[Device, ...]
    copy_of: int | None = None


class Terms(NamedTuple):
    """What a need comes to with the devices as they are, whatever of them is in use."""

    possible: bool
    """Whether it is met as soon as nothing is in use."""
    avoided: frozenset[int]
    """Units that it is not given."""


class Units:
    """The units of a run.

    Parameters
    ----------
    units : sequence of Unit
        Numbered 0, 1, … in order.

    Attributes
    ----------
    supply : Supply
        What is known of the devices.
    devices : list of tuple of int
        For each unit the numbers of its devices in the supply, each once.
    of_device : list of list of int
        For each device the units that hold it.
    offers : list of int
        For each unit how freely it is given: as the least free of its devices, or ``GONE``.
    room : list of int
        For each unit what can still be given of the memory of its fullest device, in MiB.
    """

    def __init__(self, units: Sequence[Unit]) -> None:
        self.all = tuple(units)
        self.supply = Supply(device for unit in self.all for device in unit.devices)
        numbers = self.supply.numbers
        self.devices = [
            tuple(dict.fromkeys(numbers[device.uuid] for device in unit.devices))
            for unit in self.all
        ]
        self.of_device: list[list[int]] = [[] for _ in self.supply.devices]
        self.offers = [0] * len(self.all)
        self.room = [self.least(unit.number, self.supply.free) for unit in self.all]
        bundles: dict[int, list[int]] = {}
        for unit in self.all:
            first = unit.number if unit.copy_of is None else unit.copy_of
            bundles.setdefault(first, []).append(unit.number)
            for device in self.devices[unit.number]:
                self.of_device[device].append(unit.number)
        self._bundle_of = {
            number: tuple(bundle) for bundle in bundles.values() for number in bundle
        }
        self._terms: dict[Need, Terms] = {}
        self._version = self.supply.version
        self._met: set[Need] = set()
        self.single = all(len(devices) == 1 for devices in self.devices)
        """Whether each unit is one device."""

    def check(self, need: Need) -> None:
        """Refuse a need that could not be met even with every unit free.

        Raises
        ------
        NeedError
            Says how many devices there are, or how much memory they have.
        """
        if need in self._met:
            return
        whole = [number for number, offer in enumerate(self.offers) if offer != GONE]
        count = len({device for number in whole for device in self.devices[number]})
        if not count and need.gpus != 0:
            raise NeedError(
                "a GPU is needed, and the run has none", hint='give the run GPUs: gpus = "0 1"'
            )
        if need.gpus is not None and need.gpus > count:
            raise NeedError(
                f"{need.gpus} GPUs are needed, and the run has {count}",
                hint="give the run more GPUs, or let the step ask for fewer",
            )
        able = [number for number in whole if self._has(number, need, self.supply.total)]
        if not self._enough(need, able):
            raise self._too_large(need, able, whole)
        self._met.add(need)

    def terms(self, need: Need) -> Terms:
        """Return what a need comes to with the devices as they are."""
        if self._version != self.supply.version:
            self._version = self.supply.version
            self._terms.clear()
        terms = self._terms.get(need)
        if terms is None:
            terms = self._terms[need] = self._find_terms(need)
        return terms

    def piece(self, number: int, need: Need) -> tuple[int, ...]:
        """Return the units that a need takes together with one of them."""
        if need.whole:
            return tuple(sorted(self.beside(number)))
        return self._bundle_of[number] if need.alone else (number,)

    def beside(self, number: int) -> set[int]:
        """Return the units that hold a device of one of them, itself included."""
        return {one for device in self.devices[number] for one in self.of_device[device]}

    def least(self, number: int, memory: Sequence[int]) -> int:
        """Return what the device of a unit has that has least, in MiB."""
        return min((memory[device] for device in self.devices[number]), default=UNKNOWN_MIB)

    def has(self, number: int, mib: int) -> bool:
        """Say whether each device of a unit has so much memory for the run, given or not."""
        return not mib or self.least(number, self.supply.free) >= mib

    def promise(self, devices: Iterable[Device], mib: int) -> list[int]:
        """Count memory of devices as given, or as given back; return the units that tell."""
        numbers = [self.supply.numbers[device.uuid] for device in dict.fromkeys(devices)]
        self.supply.promise(numbers, mib)
        return self._refresh(numbers)

    def see(self, free: Mapping[str, int]) -> list[int]:
        """Take how much memory the run may use; return the units that tell."""
        return self._refresh(self.supply.see(free))

    def say(self, uuid: str, offer: Offer, reason: str, by: str) -> list[int]:
        """Take what somebody says of a device; return units that are now given otherwise."""
        device = self.supply.say(uuid, offer, reason, by)
        return [] if device is None else self._reset(device)

    def retire(self, uuid: str) -> list[int]:
        """Have a device never be given again; return units that are now given otherwise."""
        device = self.supply.retire(uuid)
        self._met.clear()
        return [] if device is None else self._reset(device)

    def none_left(self, by: str) -> bool:
        """Say whether no unit is left that somebody does not withhold."""
        withheld = self.supply.withheld_by(by)
        return bool(self.all) and not any(
            offer != GONE and withheld.isdisjoint(devices)
            for offer, devices in zip(self.offers, self.devices, strict=True)
        )

    def _find_terms(self, need: Need) -> Terms:
        supply = self.supply
        wish = {supply.numbers[uuid] for uuid in need.avoid if uuid in supply.numbers}
        for away in (wish | supply.shunned, wish):
            # To keep off a device is a wish: it must not keep a step from ever running.
            if self._could(need, away, ever=True):
                break
        else:
            away = set()
        avoided = frozenset(number for device in away for number in self.of_device[device])
        return Terms(self._could(need, away, ever=False), avoided)

    def _could(self, need: Need, away: Collection[int], *, ever: bool) -> bool:
        """Say whether a need could be met off some devices, now or with all their memory."""
        supply = self.supply
        memory = supply.total if ever else supply.free
        if self.single:
            kept_off = sum(
                supply.is_given(device) and memory[device] >= need.memory_mib for device in away
            )
            able = supply.with_memory(need.memory_mib, ever=ever) - kept_off
            return able >= (1 if need.gpus is None else need.gpus)
        return self._enough(
            need,
            (
                number
                for number, offer in enumerate(self.offers)
                if offer < Offer.WITHHELD
                and self._has(number, need, memory)
                and not any(device in away for device in self.devices[number])
            ),
        )

    def _has(self, number: int, need: Need, memory: Sequence[int]) -> bool:
        return not need.memory_mib or self.least(number, memory) >= need.memory_mib

    def _enough(self, need: Need, numbers: Iterable[int]) -> bool:
        """Say whether units are enough for a need."""
        seen: set[int] = set()
        for number in numbers:
            seen.update(self.devices[number])
            if need.gpus is None or len(seen) >= need.gpus:
                return True
        return need.gpus == 0

    def _too_large(self, need: Need, able: Sequence[int], whole: Sequence[int]) -> NeedError:
        asked = f"{format_memory(need.memory_mib)} of GPU memory"
        if able:
            count = len({device for number in able for device in self.devices[number]})
            what = f"{need.gpus} GPUs with {asked} each are needed, and the run has {count}"
        else:
            most = max(self.least(number, self.supply.total) for number in whole)
            what = f"{asked} are needed, and the run has GPUs with {format_memory(most)}"
        return NeedError(
            what,
            hint="give the run larger GPUs, or let the step ask for less: gpu_memory",
            code="E107",
        )

    def _refresh(self, devices: Iterable[int]) -> list[int]:
        """Find anew what room units have whose devices' memory was given, or seen to change."""
        found = [number for device in devices for number in self.of_device[device]]
        for number in found:
            self.room[number] = min(map(self.supply.room, self.devices[number]))
        return found

    def _reset(self, device: int) -> list[int]:
        """Find anew how freely the units of a device are given; return those that changed."""
        supply, changed = self.supply, []
        for number in self.of_device[device]:
            mine = self.devices[number]
            gone = not supply.retired.isdisjoint(mine)
            offer = GONE if gone else max(supply.offers[one] for one in mine)
            if offer != self.offers[number]:
                self.offers[number] = offer
                changed.append(number)
        return changed
