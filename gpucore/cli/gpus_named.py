"""The devices that `gpucore gpus enable`, `disable`, `probe` are about, and how they are told."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.cli.options import settings_of
from gpucore.cli.terminal import clean, print_json, print_table, talk
from gpucore.errors import DeviceError, GpucoreError, GpuListError, did_you_mean, raise_faults
from gpucore.provision import read_devices
from gpucore.scheduling.standing import Level, Standing
from gpucore.settings import Settings
from gpucore.standard.devices import unmasked
from gpucore.system.journal_place import state_home
from gpucore.system.nvml import DEADLINE
from gpucore.system.quarantine import QuarantineStore, find_quarantine_store

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import click

    from gpucore.standard.readings import Snapshot

__all__ = ["Machine", "Named", "open_machine", "shown_time", "tell", "tell_remedies"]


@dataclass(frozen=True, kw_only=True)
class Named:
    """A device that somebody named.

    Parameters
    ----------
    uuid : str
        The device.
    index : int or None
        None: it is not there, something is only remembered of it.
    """

    uuid: str
    index: int | None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.uuid if self.index is None else f"GPU {self.index}"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The devices of a source, as far as they can be read, and what is remembered of them.

    Parameters
    ----------
    settings : Settings
        Those of the command line.
    there : tuple of Named
        The devices that this process may use.
    fault : GpucoreError or None
        Why they cannot be read.
    store : QuarantineStore
        What is remembered lies there.
    remembered : dict
        What that is, by UUID.
    """

    settings: Settings
    there: tuple[Named, ...]
    fault: GpucoreError | None
    store: QuarantineStore
    remembered: dict[str, Standing]

    def named(self, texts: Sequence[str]) -> list[Named]:
        """Return the devices that texts name: index, UUID, or what no other UUID begins with.

        Raises
        ------
        GpucoreError, Faults
            For every text that names none, or several; why devices cannot be read goes first.
        """
        found: dict[str, Named] = {}
        faults: list[GpucoreError] = []
        known = {one.uuid: one for one in self.there}
        for uuid in self.remembered:
            known.setdefault(uuid, Named(uuid=uuid, index=None))
        for text in dict.fromkeys(texts):
            fits = _fits(text, known.values())
            if len(fits) == 1:
                found[fits[0].uuid] = fits[0]
            elif fits:
                said = f"`{text}` is the beginning of {len(fits)} UUIDs"
                faults.append(GpuListError(said, hint="write more characters of it", code="E103"))
            elif self.fault is not None:
                raise self.fault
            else:
                faults.append(_unknown(text, list(known.values())))
        raise_faults(faults)
        return list(found.values())

    def look(self) -> Snapshot:
        """Return how the devices are now.

        Raises
        ------
        DeviceError
            When nobody can say.
        """
        name, _, argument = self.settings.config.devices.partition(":")
        source = self.settings.plugins.device_source(name)
        if source.watch is None:
            raise DeviceError(
                f"the device source `{name}` does not say how its devices are", code="E602"
            )
        watch = source.watch(argument, unmasked(self.settings.environment))
        try:
            return watch.read(DEADLINE)
        except TimeoutError:
            raise DeviceError(
                f"the driver did not answer within {DEADLINE:g} seconds",
                hint="look at `dmesg` for Xid messages; a restart of the machine is likely needed",
                code="E603",
            ) from None
        finally:
            watch.close()


def open_machine(context: click.Context, config: str | None, devices: str | None) -> Machine:
    """Return the devices of the source that the options say.

    Parameters
    ----------
    context : click.Context
        Of a verb below `gpus`, whose own options count when the verb has none.
    config, devices : str or None
        What the verb's options say.
    """
    outer_config, outer_devices = context.obj or (None, None)
    settings = settings_of({"devices": devices or outer_devices}, config or outer_config)
    store = find_quarantine_store(state_home(settings.environment))
    remembered = store.read()
    for note in store.notes:
        talk(clean(note))
    fault: GpucoreError | None = None
    there: tuple[Named, ...] = ()
    settings.plugins.device_source(settings.config.devices.partition(":")[0])
    try:
        found = read_devices(settings.plugins, settings.config.devices, settings.environment)
        there = tuple(Named(uuid=one.uuid, index=one.index) for one in found)
    except DeviceError as error:
        fault = error
    return Machine(settings=settings, there=there, fault=fault, store=store, remembered=remembered)


def tell(standings: Sequence[tuple[Named, Standing]], *, json_: bool) -> None:
    """Print how devices stand, for people or for programs."""
    if json_:
        rows = [
            {
                "index": one.index,
                "uuid": one.uuid,
                "state": standing.level.name.lower(),
                "reason": standing.reason,
                "remedy": standing.remedy,
                "since": standing.since,
                "until": standing.until,
                "hard": standing.hard,
                "by": standing.by,
            }
            for one, standing in standings
        ]
        print_json("standings", {"devices": rows})
        return
    print_table(
        ("GPU", "state", "since", "uuid", "why"),
        [
            (
                "-" if one.index is None else str(one.index),
                standing.level.name.lower(),
                shown_time(standing.since),
                one.uuid,
                standing.reason or "-",
            )
            for one, standing in standings
        ],
    )


def tell_remedies(standings: Sequence[tuple[Named, Standing]]) -> None:
    """Say what can be done about each device that is not well."""
    for one, standing in standings:
        if standing.level > Level.GOOD:
            talk(f"{clean(one.label)}: {clean(standing.remedy)}")
        if standing.until and standing.level is Level.QUARANTINED:
            talk(f"  one step tries it from {shown_time(standing.until)} on")


def shown_time(seconds: float) -> str:
    """Return a time as people write it; nothing for 0."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else "-"
    except (OverflowError, ValueError, OSError):  # what a stranger wrote
        return "?"


def _fits(text: str, known: Collection[Named]) -> list[Named]:
    if text.isascii() and text.isdigit():
        number = text.lstrip("0") or "0"
        return [one for one in known if str(one.index) == number]
    exact = [one for one in known if one.uuid == text]
    return exact or [one for one in known if text and one.uuid.startswith(text)]


def _unknown(text: str, known: Sequence[Named]) -> GpuListError:
    names = [str(one.index) for one in known if one.index is not None]
    names += [one.uuid for one in known]
    if not names:
        return GpuListError(f"there is no GPU `{text}`: no GPU was found", code="E102")
    return GpuListError(
        f"there is no GPU `{text}`",
        hint=did_you_mean(text, names, listed="`gpucore gpus`"),
        code="E102",
    )
