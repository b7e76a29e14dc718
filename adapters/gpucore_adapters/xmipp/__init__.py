"""Xmipp: its programs that use GPUs, each in the way that its own source has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl
from gpucore_adapters.xmipp.alignment import ALIGN_SIGNIFICANT, CONTINUOUS_ASSIGN
from gpucore_adapters.xmipp.deep_denoising import DENOISE, DENOISE_TRAIN
from gpucore_adapters.xmipp.deep_maps import DEEPRES, MISALIGNMENT, POSTPROCESSING
from gpucore_adapters.xmipp.deep_particles import (
    CENTER,
    CENTER_PREDICT,
    CONE_ALIGN,
    CONE_ALIGN_PREDICT,
)
from gpucore_adapters.xmipp.deep_pictures import (
    CONSENSUS_SCORE,
    CONSENSUS_TRAIN,
    MICROGRAPH_CLEANER,
)
from gpucore_adapters.xmipp.fourier import MPI_RECONSTRUCT_FOURIER, RECONSTRUCT_FOURIER
from gpucore_adapters.xmipp.movies import FLEXALIGN, OPTICAL_FLOW
from gpucore_adapters.xmipp.pca_classes import ALIGN_PCA, CLASSIFY_PCA, CLASSIFY_PCA_TRAIN
from gpucore_adapters.xmipp.zernike import FORWARD_ART, VOLUME_DEFORM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["gpucore_adapters"]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer these programs."""
    return (
        FLEXALIGN,
        OPTICAL_FLOW,
        RECONSTRUCT_FOURIER,
        MPI_RECONSTRUCT_FOURIER,
        ALIGN_SIGNIFICANT,
        CONTINUOUS_ASSIGN,
        VOLUME_DEFORM,
        FORWARD_ART,
        MICROGRAPH_CLEANER,
        CONSENSUS_TRAIN,
        CONSENSUS_SCORE,
        DENOISE_TRAIN,
        DENOISE,
        POSTPROCESSING,
        DEEPRES,
        MISALIGNMENT,
        CENTER,
        CENTER_PREDICT,
        CONE_ALIGN,
        CONE_ALIGN_PREDICT,
        ALIGN_PCA,
        CLASSIFY_PCA_TRAIN,
        CLASSIFY_PCA,
    )
