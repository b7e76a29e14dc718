"""Hax: conformational landscapes by neural networks, on JAX and one GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .adjustments import HAX_IMAGE_ADJUSTMENT, HAX_VOLUME_ADJUSTMENT
from .networks import HAX_HETSIREN, HAX_RECONSIREN, HAX_ZERNIKE3DEEP
from .spaces import HAX_DECODE_STATES, HAX_FILTER_LATENTS, HAX_FLEXCONSENSUS, HAX_MODART

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["ADAPTERS", "gpucore_adapters"]

ADAPTERS = (
    HAX_HETSIREN,
    HAX_ZERNIKE3DEEP,
    HAX_RECONSIREN,
    HAX_MODART,
    HAX_FLEXCONSENSUS,
    HAX_FILTER_LATENTS,
    HAX_DECODE_STATES,
    HAX_IMAGE_ADJUSTMENT,
    HAX_VOLUME_ADJUSTMENT,
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer its programs."""
    return ADAPTERS
