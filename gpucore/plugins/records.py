"""What a host knows of each plugin: that it is loaded, or why it is not."""

from __future__ import annotations

from dataclasses import dataclass, field

from gpucore.errors import PluginError

__all__ = ["LoadedPlugin", "Provider", "Quarantined"]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Who offers something.

    Parameters
    ----------
    origin : str
        Distribution and version, or the file it is from.
    plugin : str
        The plugin's name; empty for a file.
    """

    origin: str
    plugin: str = ""

    def __str__(self) -> str:
        return f"{self.origin} (plugin `{self.plugin}`)" if self.plugin else self.origin


@dataclass(frozen=True, kw_only=True)
class LoadedPlugin:
    """A plugin that is in use.

    Parameters
    ----------
    name : str
        Its entry point's name.
    distribution, version : str
        The package that it came with.
    module : str
        What its entry point names.
    adapters, device_sources, policies, engines : tuple of str
        Names of what it offers.
    observes : bool
        Whether it is told of events.
    seconds : float
        How long it took to load.
    """

    name: str
    distribution: str
    version: str
    module: str
    adapters: tuple[str, ...] = ()
    device_sources: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    engines: tuple[str, ...] = ()
    observes: bool = False
    seconds: float = field(default=0.0, compare=False)

    @property
    def origin(self) -> str:
        """Distribution and version."""
        return f"{self.distribution} {self.version}".strip()


@dataclass(frozen=True, kw_only=True)
class Quarantined:
    """A plugin, or one adapter of it, that is not in use, with the reason.

    Parameters
    ----------
    name : str
        Its entry point's name; the adapter's, when the rest of its plugin is in use.
    distribution, version : str
        The package that it came with.
    module : str
        What its entry point, or the adapter's entry, names.
    reason : str
        What is wrong with it, one line.
    hint : str
        How its author can mend it; may be empty.
    file : str
        File and line of the fault, as far as they are known.
    offers : tuple of str
        Names of what it would have offered, as far as they are known.
    alone : bool
        Whether it is one adapter, and the rest of its plugin is in use.
    code : str
        The kind of fault, as ``gpucore explain`` knows it.
    """

    name: str
    distribution: str
    version: str
    module: str
    reason: str
    hint: str = ""
    file: str = ""
    offers: tuple[str, ...] = ()
    alone: bool = False
    code: str = PluginError.default_code

    @property
    def origin(self) -> str:
        """Distribution and version."""
        return f"{self.distribution} {self.version}".strip()

    def error(self, what: str) -> PluginError:
        """Return the error for somebody who needs what this plugin would have offered."""
        place = f" ({self.file})" if self.file else ""
        whose = "" if self.alone else f" belongs to the plugin `{self.name}`, which"
        return PluginError(
            f"{what}{whose} is in quarantine: {self.reason}{place}",
            hint=f"mend or update {self.distribution}, or ask its author"
            + (f": {self.hint}" if self.hint else ""),
            where=self.origin,
            code="E450",
        )
