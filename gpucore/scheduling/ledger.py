"""Who holds what: the units of a run's devices, given and taken back.

A *unit* is what is given as one piece: a slot under the ``slots`` policy, one place of the list
under ``pool``. A unit that a list was extended by (`0 1` for four workers is cut as `0 1 0 1`) is
a copy of an earlier one; a step that must not share takes a unit together with its copies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.errors import InternalError, NeedError
from gpucore.standard.model import Device

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from gpucore.standard.model import Need
__all__ = ["Grant", "Ledger", "Unit"]


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


@dataclass(frozen=True)
class Grant:
    """What one step holds: whole units, and of their devices those it was given.

    Parameters
    ----------
    units : tuple of int
        Numbers of the units held.
    devices : tuple of Device
        What the step may use.
    """

    units: tuple[int, ...] = ()
    devices: tuple[Device, ...] = ()


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
        self.units = tuple(units)
        # A dict keeps the order in which units became free, and finds one in O(1).
        self._free: dict[int, None] = dict.fromkeys(range(len(self.units)))
        self._retired: set[int] = set()
        copies: dict[int, list[int]] = {}
        for unit in self.units:
            copies.setdefault(unit.number if unit.copy_of is None else unit.copy_of, []).append(
                unit.number
            )
        self._bundles = [tuple(numbers) for numbers in copies.values()]
        self._bundle_of = {number: bundle for bundle in self._bundles for number in bundle}

    @property
    def free(self) -> tuple[int, ...]:
        """Numbers of the free units, the longest free first."""
        return tuple(self._free)

    def check(self, need: Need) -> None:
        """Refuse a need that could not be met even with every unit free.

        Raises
        ------
        NeedError
            Says how many devices there are.
        """
        whole = [unit for unit in self.units if unit.number not in self._retired]
        count = len({device.uuid for unit in whole for device in unit.devices})
        if not count and need.gpus != 0:
            raise NeedError(
                "a GPU is needed, and the run has none", hint='give the run GPUs: gpus = "0 1"'
            )
        if need.gpus is not None and need.gpus > count:
            raise NeedError(
                f"{need.gpus} GPUs are needed, and the run has {count}",
                hint="give the run more GPUs, or let the step ask for fewer",
            )

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
        if need.gpus == 0:
            return Grant()
        if need.gpus is None and not need.alone:
            for number in self._free:
                if number not in reserved:
                    del self._free[number]
                    return Grant((number,), self.units[number].devices)
            return None
        bundles = self._pick(need, reserved)
        if bundles is None:
            return None
        held = tuple(number for bundle in bundles for number in bundle)
        for number in held:
            del self._free[number]
        devices = (device for bundle in bundles for device in self.units[bundle[0]].devices)
        if need.gpus is None:
            return Grant(held, tuple(devices))
        distinct = {device.uuid: device for device in devices}
        return Grant(held, tuple(distinct.values())[: need.gpus])

    def give(self, grant: Grant) -> None:
        """Take a grant back.

        Raises
        ------
        InternalError
            When one of its units is free already: it would be given twice.
        """
        for number in grant.units:
            if number in self._free or not 0 <= number < len(self.units):
                raise InternalError(f"unit {number} was given back twice")
            if number not in self._retired:
                self._free[number] = None

    def reserve(self, need: Need) -> frozenset[int]:
        """Return the free units to be kept for a need that has to wait.

        A unit outside them adds nothing to what the need still lacks, so that whoever takes it
        does not delay the need.
        """
        if need.gpus == 0 or not self._free:
            return frozenset()
        if need.gpus is None and not need.alone:
            return frozenset({next(iter(self._free))})
        lacking = 1 if need.gpus is None else need.gpus
        kept: set[int] = set()
        seen: set[str] = set()
        broken: list[tuple[int, ...]] = []
        for bundle in self._candidates(need):
            if any(number not in self._free for number in bundle):
                broken.append(bundle)
            elif len(seen) < lacking and not self._uuids(bundle) <= seen:
                seen |= self._uuids(bundle)
                kept.update(bundle)
        if len(seen) < lacking:
            # Whichever of these is whole first will be taken: who takes a part of any delays it.
            for bundle in broken:
                if not self._uuids(bundle) <= seen:
                    kept.update(number for number in bundle if number in self._free)
        return frozenset(kept)

    def retire(self, uuid: str) -> tuple[int, ...]:
        """Give out no unit with this device any more; return their numbers."""
        gone = tuple(
            unit.number
            for unit in self.units
            if any(device.uuid == uuid for device in unit.devices)
        )
        self._retired.update(gone)
        for number in gone:
            self._free.pop(number, None)
        return gone

    def _uuids(self, bundle: tuple[int, ...]) -> set[str]:
        return {device.uuid for device in self.units[bundle[0]].devices}

    def _candidates(self, need: Need) -> Iterable[tuple[int, ...]]:
        """Yield what can be taken as a piece: units longest free first, then those in use."""
        if need.alone:
            first = dict.fromkeys(self._bundle_of[number] for number in self._free)
            return [
                bundle
                for bundle in (*first, *(b for b in self._bundles if b not in first))
                if not self._retired.intersection(bundle)
            ]
        return [(number,) for number in self._free]

    def _pick(self, need: Need, reserved: Collection[int]) -> list[tuple[int, ...]] | None:
        lacking = 1 if need.gpus is None else need.gpus
        picked: list[tuple[int, ...]] = []
        seen: set[str] = set()
        for bundle in self._candidates(need):
            if any(number not in self._free or number in reserved for number in bundle):
                continue
            if self._uuids(bundle) <= seen:
                continue
            picked.append(bundle)
            seen |= self._uuids(bundle)
            if need.gpus is None or len(seen) >= lacking:
                return picked
        return None
