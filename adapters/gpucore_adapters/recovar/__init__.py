"""RECOVAR: heterogeneity by covariance and kernel regression, on JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .pipeline import RECOVAR_PIPELINE
from .results import RECOVAR_ANALYZE, RECOVAR_COMPUTE_STATE, RECOVAR_COMPUTE_TRAJECTORY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["ADAPTERS", "gpucore_adapters"]

ADAPTERS = (
    RECOVAR_PIPELINE,
    RECOVAR_ANALYZE,
    RECOVAR_COMPUTE_STATE,
    RECOVAR_COMPUTE_TRAJECTORY,
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer its commands."""
    return ADAPTERS
