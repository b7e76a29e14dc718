"""RELION 5's steps for tomograms that start a program on GPUs: AreTomo2 and cryoCARE.

Run them from the RELION project's folder: the images named in the STAR files are looked for from
the working directory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .align import RELION_ALIGN_TILTSERIES
from .denoise import RELION_TOMO_DENOISE, RELION_TOMO_DENOISE_TRAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = [
    "RELION_ALIGN_TILTSERIES",
    "RELION_TOMO_DENOISE",
    "RELION_TOMO_DENOISE_TRAIN",
    "gpucore_adapters",
]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the three."""
    return (RELION_ALIGN_TILTSERIES, RELION_TOMO_DENOISE_TRAIN, RELION_TOMO_DENOISE)
