"""The adapters of a host by name: one that is offered by an entry is imported when it is asked for.

A list of a hundred programs needs their names and titles, a run needs one adapter; neither pays
for the import of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError, PluginError
from gpucore.plugins.faults import blame
from gpucore.plugins.found import load_reference
from gpucore.plugins.shelf import faulty, objects
from gpucore.standard.adapter import Adapter
from gpucore.standard.checks import adapter_faults
from gpucore.standard.use import GpuUse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.plugins.records import Quarantined

__all__ = ["AdapterEntry", "Catalogue", "offer_faults"]

_HOOK = "gpucore_adapters"


@dataclass(frozen=True, kw_only=True)
class AdapterEntry:
    """What a list shows of an adapter, and which module offers it.

    Parameters
    ----------
    name, title : str
        As for `Adapter`.
    use : GpuUse
        The adapter's ``gpu.use``.
    executable : str
        The adapter's ``program.executable``.
    module : str
        The module, or ``module:object``, whose ``gpucore_adapters`` returns the adapter, beside
        others or alone. It is imported when the adapter is asked for.
    """

    name: str
    title: str
    use: GpuUse
    executable: str
    module: str

    @classmethod
    def of(cls, adapter: Adapter, module: str = "") -> AdapterEntry:
        """Return the entry of an adapter that is there already."""
        return cls(
            name=adapter.name,
            title=adapter.title,
            use=adapter.gpu.use,
            executable=adapter.program.executable,
            module=module,
        )


class Catalogue(Mapping[str, Adapter]):
    """Adapters by name. To look at the names imports nothing.

    Of threads that ask for the same adapter at once each may import it; all get the same one.

    Parameters
    ----------
    offers : Mapping
        What is offered, by name; followed when more is added.
    refused : callable
        Returns the record of an entry's adapter that cannot be used, with what is wrong with it.
    """

    def __init__(
        self,
        offers: Mapping[str, Adapter | AdapterEntry],
        refused: Callable[[AdapterEntry, PluginError], Quarantined],
    ) -> None:
        self._offers = offers
        self._refused = refused
        self._known: dict[str, Adapter | Quarantined] = {}

    def __getitem__(self, name: str) -> Adapter:
        """Return an adapter, imported and proved.

        Raises
        ------
        KeyError
            When nobody offers it.
        PluginError
            When it cannot be used.
        """
        offer = self._offers[name]
        if isinstance(offer, Adapter):
            return offer
        known = self._known.get(name) or self._known.setdefault(name, self._learn(offer))
        if isinstance(known, Adapter):
            return known
        raise known.error(f"the adapter `{name}`")

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._offers))

    def __len__(self) -> int:
        return len(self._offers)

    def __contains__(self, name: object) -> bool:
        return name in self._offers

    def entry(self, name: str) -> AdapterEntry:
        """Return what a list shows of an adapter; `KeyError` when nobody offers it."""
        offer = self._offers[name]
        return AdapterEntry.of(offer) if isinstance(offer, Adapter) else offer

    @property
    def quarantine(self) -> tuple[Quarantined, ...]:
        """The adapters that were asked for and cannot be used."""
        known = tuple(self._known.values())
        return tuple(one for one in known if not isinstance(one, Adapter))

    def _learn(self, entry: AdapterEntry) -> Adapter | Quarantined:
        try:
            return _load(entry)
        except PluginError as error:
            return self._refused(entry, error)


def offer_faults(offer: Adapter | AdapterEntry) -> Sequence[GpucoreError]:
    """Return what is wrong with an adapter or an entry, beside its name."""
    if isinstance(offer, Adapter):
        return adapter_faults(offer)
    faults: list[GpucoreError] = []
    use: object = offer.use
    if not isinstance(use, GpuUse):
        faults.append(PluginError(f"{use!r} is no GpuUse", where="use", code="E454"))
    for name in ("title", "executable", "module"):
        value: object = getattr(offer, name)
        if not isinstance(value, str) or not value.strip():
            faults.append(PluginError(f"{value!r} is no text", where=name, code="E454"))
    return faults


def _load(entry: AdapterEntry) -> Adapter:
    """Import an entry's adapter and prove it; raise `PluginError` when it cannot be used."""
    with blame("its module cannot be imported"):
        offers = getattr(load_reference(entry.module), _HOOK, None)
    if not callable(offers):
        raise PluginError(
            f"`{entry.module}` has no {_HOOK}",
            hint=f"mend its entry, or write {_HOOK}",
            code="E454",
        )
    with blame(f"{_HOOK} failed"):
        found = [one for one in objects(_HOOK, Adapter, offers()) if one.name == entry.name]
    if len(found) != 1:
        raise PluginError(
            f"`{entry.module}` offers it {len(found)} times",
            hint="offer it once, or mend its entry",
            code="E454",
        )
    (adapter,) = found
    real = AdapterEntry.of(adapter, entry.module)
    for field in fields(AdapterEntry):
        said, is_so = getattr(entry, field.name), getattr(real, field.name)
        if said != is_so:
            raise PluginError(
                f"its entry says the {field.name} `{said}`, the adapter `{is_so}`",
                hint="make them say the same",
                where=entry.module,
                code="E454",
            )
    if faults := adapter_faults(adapter):
        raise faulty(faults, "it is wrong")
    return adapter
