"""cryoDRGN: heterogeneous reconstruction by neural networks.

Its commands take no ids: they use the GPUs that they see, the first of them or all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .abinit import ABINIT
from .abinit_old import ABINIT_HET_OLD, ABINIT_HOMO_OLD
from .analysis import ANALYZE, ANALYZE_LANDSCAPE, ANALYZE_LANDSCAPE_FULL
from .train_decoders import TRAIN_DEC, TRAIN_NN
from .train_vae import TRAIN_VAE
from .volumes import BACKPROJECT_VOXEL, EVAL_VOL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["ADAPTERS", "gpucore_adapters"]

ADAPTERS = (
    TRAIN_VAE,
    TRAIN_NN,
    TRAIN_DEC,
    ABINIT,
    ABINIT_HOMO_OLD,
    ABINIT_HET_OLD,
    BACKPROJECT_VOXEL,
    EVAL_VOL,
    ANALYZE,
    ANALYZE_LANDSCAPE,
    ANALYZE_LANDSCAPE_FULL,
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer its commands."""
    return ADAPTERS
