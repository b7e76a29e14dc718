"""The Flexutils toolkit: networks for the continuous heterogeneity of particles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl
from gpucore_adapters.flexutils.flexsiren import PREDICT_FLEXSIREN, TRAIN_FLEXSIREN
from gpucore_adapters.flexutils.het_siren import (
    DENOISE_HET_SIREN,
    PREDICT_HET_SIREN,
    TRAIN_HET_SIREN,
)
from gpucore_adapters.flexutils.landscapes import (
    PREDICT_CONSENSUS,
    REDUCE_DIMENSIONS,
    TRAIN_CONSENSUS,
)
from gpucore_adapters.flexutils.reconsiren import PREDICT_RECONSIREN, TRAIN_RECONSIREN
from gpucore_adapters.flexutils.zernike3deep import PREDICT_ZERNIKE, TRAIN_ZERNIKE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["gpucore_adapters"]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer these programs."""
    return (
        TRAIN_ZERNIKE,
        PREDICT_ZERNIKE,
        TRAIN_HET_SIREN,
        PREDICT_HET_SIREN,
        DENOISE_HET_SIREN,
        TRAIN_RECONSIREN,
        PREDICT_RECONSIREN,
        TRAIN_FLEXSIREN,
        PREDICT_FLEXSIREN,
        TRAIN_CONSENSUS,
        PREDICT_CONSENSUS,
        REDUCE_DIMENSIONS,
    )
