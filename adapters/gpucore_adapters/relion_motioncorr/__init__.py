"""RELION's motion correction: by its own implementation on the CPU, or by MotionCor2 on GPUs.

They are two adapters, because they are two algorithms with parameters of their own: which of them
runs must be what the user asked for, and never what the machine happens to have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .motioncor2 import RELION_MOTIONCORR_GPU
from .own import RELION_MOTIONCORR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["RELION_MOTIONCORR", "RELION_MOTIONCORR_GPU", "gpucore_adapters"]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both."""
    return (RELION_MOTIONCORR, RELION_MOTIONCORR_GPU)
