"""Which kind of file a TOML file is, from its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from gpucore.config.job import Job
from gpucore.config.settings import SiteConfig
from gpucore.config.shapes import keys_of
from gpucore.standard.adapter import Adapter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Kind", "kind_of"]

Kind: TypeAlias = Literal["adapter", "job", "site"]


def kind_of(data: Mapping[str, object]) -> Kind:
    """Return what a file is by what most of its keys belong to.

    Examples
    --------
    >>> kind_of({"run": {}, "stage": []})
    'job'
    >>> kind_of({"program": {"executable": "Gctf"}, "params": {}})
    'adapter'
    >>> kind_of({"program": {"gctf": {"executable": "/opt/Gctf"}}})
    'site'
    """
    program = data.get("program")
    tables = isinstance(program, dict) and all(isinstance(one, dict) for one in program.values())
    counts: dict[Kind, int] = {
        "site": len(data.keys() & keys_of(SiteConfig).keys()) + tables,
        "adapter": len(data.keys() & keys_of(Adapter).keys()) + ("program" in data and not tables),
        "job": len(data.keys() & keys_of(Job).keys()),
    }
    return max(counts, key=lambda kind: counts[kind])
