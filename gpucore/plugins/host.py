"""Loads plugins one by one, keeps the broken ones apart, and answers by name.

One host for each executor, never a global one. Each hook implementation is called by itself
rather than all of them through pluggy's relay, so that the host knows who answered and who failed.
"""

from __future__ import annotations

import contextlib
import logging
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from pluggy import PluginManager

from gpucore.errors import AdapterError, GpucoreError, PluginError, did_you_mean, raise_faults
from gpucore.plugins import hookspecs
from gpucore.plugins.catalogue import AdapterEntry, Catalogue, offer_faults
from gpucore.plugins.faults import blame
from gpucore.plugins.found import CORE, Found, canonical, find_plugins
from gpucore.plugins.implementations import EVENT, implementations
from gpucore.plugins.markers import PROJECT
from gpucore.plugins.offers import DeviceSource, EngineSpec
from gpucore.plugins.records import LoadedPlugin, Provider, Quarantined
from gpucore.plugins.shelf import Offer, Shelf, Staged
from gpucore.scheduling.policies import Policy
from gpucore.standard.adapter import Adapter
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pluggy import HookImpl

    from gpucore.standard.model import Event

__all__ = ["PluginHost"]

_log = logging.getLogger(__name__)

OfferT = TypeVar("OfferT", bound=Offer)

_NOT_THERE = {"adapter": "E401", "device source": "E109", "policy": "E218", "engine": "E218"}


class PluginHost:
    """The plugins of one executor, and what they offer.

    Made by `load`; made directly it is empty.
    """

    def __init__(self) -> None:
        self._manager = PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._adapters: Shelf[Adapter | AdapterEntry] = Shelf(
            "adapter",
            {"gpucore_adapters": Adapter, "gpucore_adapter_entries": AdapterEntry},
            offer_faults,
        )
        self._device_sources = Shelf(
            "device source", {"gpucore_device_sources": DeviceSource}, _needs("read")
        )
        self._policies = Shelf("policy", {"gpucore_policies": Policy}, _needs("cut"))
        self._engines = Shelf("engine", {"gpucore_engines": EngineSpec}, _needs("open"))
        self._shelves: tuple[Shelf[Any], ...] = (
            self._device_sources,
            self._policies,
            self._engines,
        )
        self._plugins: list[LoadedPlugin] = []
        self._quarantine: list[Quarantined] = []
        self._disabled: list[str] = []
        self._observers: tuple[tuple[LoadedPlugin, Callable[[Event], object]], ...] = ()
        self._failed_observers: set[str] = set()
        self._catalogue = Catalogue(self._adapters.items, self._refused)
        #: What is offered, by name; views that follow what is added later.
        self.adapters: Mapping[str, Adapter] = self._catalogue
        self.device_sources: Mapping[str, DeviceSource] = MappingProxyType(
            self._device_sources.items
        )
        self.policies: Mapping[str, Policy] = MappingProxyType(self._policies.items)
        self.engines: Mapping[str, EngineSpec] = MappingProxyType(self._engines.items)

    @classmethod
    def load(
        cls,
        *,
        builtin: Sequence[object] = (),
        extra: Mapping[str, object] = MappingProxyType({}),
        disable: Collection[str] = (),
        installed: bool = True,
    ) -> PluginHost:
        """Return a host with every plugin that is sound; no plugin's fault is raised.

        They are loaded in a fixed order, and of two that offer the same name the first has it:
        ``builtin``, gpucore's own distribution, ``extra``, then the others by distribution.

        Parameters
        ----------
        builtin : Sequence of object
            Modules or objects of gpucore itself that implement hooks.
        extra : Mapping
            Plugins that the host application brings, by name.
        disable : Collection of str
            Not even imported: names of plugins, of distributions, or ``distribution:plugin``. Of a
            plugin that is in use an adapter can be named in the same way.
        installed : bool
            Whether to look for installed distributions at all.
        """
        host = cls()
        found = find_plugins() if installed else []
        own = [one for one in found if one.is_core]
        version = own[0].version if own else ""
        order = [
            *(_given(_name_of(one), CORE, version, one) for one in builtin),
            *own,
            *(_given(name, "the host application", "", one) for name, one in extra.items()),
            *(one for one in found if not one.is_core),
        ]
        for one in order:
            if one.is_named(disable):
                host._disabled.append(one.key)
            else:
                host._admit(one, one.names_within(disable))
        return host

    @property
    def plugins(self) -> tuple[LoadedPlugin, ...]:
        """The plugins in use, in the order of loading."""
        return tuple(self._plugins)

    @property
    def quarantine(self) -> tuple[Quarantined, ...]:
        """What is not in use because something is wrong with it: plugins, then single adapters.

        An adapter that is offered by an entry is there only once it was asked for.
        """
        return (*self._quarantine, *self._catalogue.quarantine)

    @property
    def disabled(self) -> tuple[str, ...]:
        """What was left out as told, as ``distribution:plugin`` or ``distribution:adapter``."""
        return tuple(self._disabled)

    def adapter(self, name: str) -> Adapter:
        """Return the adapter of this name.

        Raises
        ------
        AdapterError
            When nobody offers it.
        PluginError
            When it, or the plugin that offers it, is in quarantine.
        """
        return self.adapters[self._named(self._adapters, name, AdapterError)]

    def entry(self, name: str) -> AdapterEntry:
        """Return what a list shows of an adapter, without importing it.

        Raises
        ------
        AdapterError, PluginError
            When nobody offers it; when the plugin that offers it is in quarantine.
        """
        return self._catalogue.entry(self._named(self._adapters, name, AdapterError))

    def load_adapters(self) -> dict[str, Adapter]:
        """Import and prove all adapters; return the sound ones, the others are in quarantine."""
        sound: dict[str, Adapter] = {}
        for name in self.adapters:
            with contextlib.suppress(PluginError):
                sound[name] = self.adapters[name]
        return sound

    def device_source(self, name: str) -> DeviceSource:
        """Return the device source of this name, or raise `PluginError`."""
        return self._find(self._device_sources, name, PluginError)

    def policy(self, name: str) -> Policy:
        """Return the policy of this name, or raise `PluginError`."""
        return self._find(self._policies, name, PluginError)

    def engine(self, name: str) -> EngineSpec:
        """Return the engine of this name, or raise `PluginError`."""
        return self._find(self._engines, name, PluginError)

    def origin_of(self, name: str) -> str:
        """Return who offers an adapter: distribution and version, or the file it is from.

        Raises
        ------
        AdapterError
            When nobody offers it.
        """
        return self._adapters.providers[self._named(self._adapters, name, AdapterError)].origin

    def add_adapter(self, adapter: Adapter, origin: str) -> None:
        """Add an adapter that comes from no plugin.

        Parameters
        ----------
        origin : str
            Where it is from: the path of its TOML file, say.

        Raises
        ------
        AdapterError
            When its name is taken (both origins are named), or it contradicts itself.
        """
        if not isinstance(adapter, Adapter):
            raise AdapterError(
                f"`{type(adapter).__name__}` is no Adapter", where=origin, code="E454"
            )
        if adapter.name in self.adapters:
            raise AdapterError(
                f"the adapter `{adapter.name}` is offered by "
                f"{self._adapters.providers[adapter.name]} already, and again by {origin}",
                hint="give it another name, or disable the plugin that offers the other one",
                where=origin,
                code="E455",
            )
        raise_faults(fault.at(origin) for fault in adapter_faults(adapter))
        self._adapters.items[adapter.name] = adapter
        self._adapters.providers[adapter.name] = Provider(origin=origin)

    @property
    def is_observed(self) -> bool:
        """Whether a plugin wants to know of events."""
        return bool(self._observers)

    def publish(self, event: Event) -> None:
        """Tell every plugin that wants to know; no fault of theirs comes back."""
        for plugin, observe in self._observers:
            try:
                observe(event)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - an observer cannot harm a run
                self._observer_failed(plugin, event, error)

    def _observer_failed(self, plugin: LoadedPlugin, event: Event, error: BaseException) -> None:
        key = f"{plugin.distribution}:{plugin.name}"
        if key in self._failed_observers:
            return
        self._failed_observers.add(key)
        _log.warning(
            "plugin %s of %s failed on %s; it is told of later events, its later faults are not "
            "logged",
            plugin.name,
            plugin.origin,
            type(event).__name__,
            exc_info=error,
        )

    def _find(self, shelf: Shelf[OfferT], name: str, error: type[GpucoreError]) -> OfferT:
        return shelf.items[self._named(shelf, name, error)]

    def _named(self, shelf: Shelf[OfferT], name: str, error: type[GpucoreError]) -> str:
        """Return the name of something that is offered, or raise why it is not."""
        if name in shelf.items:
            return name
        for one in self._quarantine:
            if name == one.name or name in one.offers:
                raise one.error(f"the {shelf.word} `{name}`")
        hint = did_you_mean(name, shelf.items)
        if self._quarantine:
            broken = ", ".join(dict.fromkeys(one.name for one in self._quarantine))
            hint += f" (in quarantine: {broken}; see `gpucore plugins`)"
        code = _NOT_THERE[shelf.word]
        raise error(f"no {shelf.word} is called `{name}`", hint=hint, code=code)

    def _refused(self, entry: AdapterEntry, error: PluginError) -> Quarantined:
        """Return the record of one adapter that cannot be used; the rest of its plugin can."""
        plugin = next(one for one in self._plugins if entry.name in one.adapters)
        return Quarantined(
            name=entry.name,
            distribution=plugin.distribution,
            version=plugin.version,
            module=entry.module,
            reason=" ".join(error.what.split()),
            hint=error.hint,
            code=error.code,
            file=error.where,
            offers=(entry.name,),
            alone=True,
        )

    def _admit(self, found: Found, unwanted: Collection[str]) -> None:
        """Load one plugin, wholly or not at all, but for the adapters that are not wanted."""
        start = time.perf_counter()
        provider = Provider(
            origin=f"{found.distribution} {found.version}".strip(), plugin=found.name
        )
        adapters = self._adapters.stage(provider, unwanted)
        stages: dict[str, Staged[Any]] = dict.fromkeys(self._adapters.kinds, adapters)
        for shelf in self._shelves:
            stages.update(dict.fromkeys(shelf.kinds, shelf.stage(provider)))
        observers: list[Callable[[Event], object]] = []
        try:
            with blame("cannot be imported"):
                plugin = found.load()
            with blame("cannot be registered"):
                known = implementations(self._manager, plugin, found.key)
            for hook, one in known:
                if hook == EVENT:
                    observers.append(_observer(one))
                else:
                    with blame(f"{hook} failed"):
                        stages[hook].take(hook, one.function())
        except PluginError as error:
            if self._manager.has_plugin(found.key):
                self._manager.unregister(name=found.key)
            offers = tuple(name for stage in dict.fromkeys(stages.values()) for name in stage.names)
            self._quarantine.append(_quarantined(found, error, offers))
            return
        for stage in stages.values():
            stage.commit()
        self._disabled += (f"{canonical(found.distribution)}:{name}" for name in adapters.left_out)
        loaded = LoadedPlugin(
            name=found.name,
            distribution=found.distribution,
            version=found.version,
            module=found.module,
            adapters=adapters.names,
            device_sources=stages["gpucore_device_sources"].names,
            policies=stages["gpucore_policies"].names,
            engines=stages["gpucore_engines"].names,
            observes=bool(observers),
            seconds=time.perf_counter() - start,
        )
        self._plugins.append(loaded)
        self._observers += tuple((loaded, one) for one in observers)


def _quarantined(found: Found, error: PluginError, offers: tuple[str, ...]) -> Quarantined:
    return Quarantined(
        name=found.name,
        distribution=found.distribution,
        version=found.version,
        module=found.module,
        reason=" ".join(error.what.split()),
        hint=error.hint,
        code=error.code,
        file=error.where,
        offers=offers,
    )


def _given(name: str, distribution: str, version: str, plugin: object) -> Found:
    """Return a plugin that is there already as one that was found."""
    return Found(
        name=name,
        distribution=distribution,
        version=version,
        module=_name_of(plugin),
        load=lambda: plugin,
    )


def _name_of(plugin: object) -> str:
    name = getattr(plugin, "__name__", None)
    return name if isinstance(name, str) else type(plugin).__name__


def _observer(one: HookImpl) -> Callable[[Event], object]:
    """Return what is called with an event; an implementation need not ask for it."""
    return one.function if one.argnames else lambda _: one.function()


def _needs(method: str) -> Callable[[object], Sequence[GpucoreError]]:
    """Return the check that an offer can do its work."""

    def faults(offer: object) -> Sequence[GpucoreError]:
        if callable(getattr(offer, method, None)):
            return ()
        return (PluginError(f"`{method}` cannot be called", hint="give a function", code="E454"),)

    return faults
