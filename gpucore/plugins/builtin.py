"""The policies that gpucore brings itself, as a plugin like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins.markers import hookimpl
from gpucore.scheduling.policies import POOL, SLOTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.scheduling.policies import Policy

__all__ = ["gpucore_policies"]


@hookimpl
def gpucore_policies() -> Iterable[Policy]:
    """Offer the policies ``slots`` and ``pool``."""
    return (SLOTS, POOL)
