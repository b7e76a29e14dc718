"""Topaz: pick particles, train for it, denoise, and prepare micrographs, each on one GPU.

Its `-d` is one whole number: below 0 the CPU, else a GPU. What it cannot have it does on the CPU,
with a warning and exit code 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .denoising import TOPAZ_DENOISE, TOPAZ_DENOISE3D
from .extracting import TOPAZ_EXTRACT, TOPAZ_SEGMENT
from .preparing import TOPAZ_NORMALIZE, TOPAZ_PREPROCESS
from .training import TOPAZ_TRAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = [
    "TOPAZ_DENOISE",
    "TOPAZ_DENOISE3D",
    "TOPAZ_EXTRACT",
    "TOPAZ_NORMALIZE",
    "TOPAZ_PREPROCESS",
    "TOPAZ_SEGMENT",
    "TOPAZ_TRAIN",
    "gpucore_adapters",
]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer its commands."""
    return (
        TOPAZ_DENOISE,
        TOPAZ_DENOISE3D,
        TOPAZ_EXTRACT,
        TOPAZ_NORMALIZE,
        TOPAZ_PREPROCESS,
        TOPAZ_SEGMENT,
        TOPAZ_TRAIN,
    )
