"""Settings as lines that say the same: each with its key, its value and where it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from gpucore.config.adaptertoml import toml_line
from gpucore.config.settings import ProgramConfig, SiteConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.config.site import Site

__all__ = ["ToldSetting", "told_settings"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True)
class ToldSetting:
    """One setting.

    Parameters
    ----------
    key : tuple of str
        Its place in ``gpucore.toml``.
    value : object
        What holds; None: nothing is said, and there is no default that TOML could write.
    origin : str
        What said it, as in `Site.origins`.
    """

    key: tuple[str, ...]
    value: object
    origin: str

    @property
    def name(self) -> str:
        """Its key with dots: ``program.gctf.executable``."""
        return ".".join(self.key)

    @property
    def variable(self) -> str:
        """The variable that it is the value of; empty when it is none of a program's."""
        of_a_program = len(self.key) == 4 and self.key[0] == "program" and self.key[2] == "env"  # noqa: PLR2004 - program.NAME.env.VARIABLE
        return self.key[3] if of_a_program else ""

    def line(self, value: object = None) -> str:
        """Return the line of ``gpucore.toml`` that says it, or another value instead of its own."""
        key = ".".join(
            one if _BARE.fullmatch(one) else toml_line(one, 0).rpartition(" = ")[0]
            for one in self.key
        )
        said = self.value if value is None else value
        if said is None:
            return f"# {key} is not set"
        return f"{key}{toml_line('x', _writable(said)).removeprefix('x')}"


def told_settings(site: Site) -> Iterator[ToldSetting]:
    """Yield the settings that hold, in the order of the form; of programs what somebody said."""
    config = site.config
    for one in fields(SiteConfig):
        if one.name == "program":
            for name, program in sorted(config.program.items()):
                yield from _of_program(site, name, program)
        elif one.name == "plugins":
            yield _told(site, ("plugins", "disable"), config.plugins.disable)
        else:
            yield _told(site, (one.name,), getattr(config, one.name))


def _of_program(site: Site, name: str, program: ProgramConfig) -> Iterator[ToldSetting]:
    for one in fields(ProgramConfig):
        value = getattr(program, one.name)
        if one.name == "env":
            inner: dict[str, Any] = dict(value)
        elif one.name == "container":
            inner = {part.name: getattr(value, part.name) for part in fields(value)}
        else:
            key = ("program", name, one.name)
            if ".".join(key) in site.origins:
                yield _told(site, key, value)
            continue
        for part, said in inner.items():
            inside = ("program", name, one.name, part)
            if ".".join(inside) in site.origins:
                yield _told(site, inside, said)


def _told(site: Site, key: tuple[str, ...], value: object) -> ToldSetting:
    return ToldSetting(key=key, value=value, origin=site.origins.get(".".join(key), "built-in"))


def _writable(value: object) -> object:
    """Return a value with the bytes of a name that is no Unicode as their codes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return tuple(map(_writable, value)) if isinstance(value, tuple) else value
