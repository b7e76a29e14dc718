"""EMAN2: its batch programs that use a GPU; its windows (e2gmm.py, e2gmm_analysis.py) are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl
from gpucore_adapters.eman2.convnet import BOXER, SEGMENT, SEGMENT_TRAIN
from gpucore_adapters.eman2.drivers import HETER_REFINE, REFINE_ITER, SPT_REFINE_ITER
from gpucore_adapters.eman2.gmm import GMM_REFINE
from gpucore_adapters.eman2.gmm_new import GMM_ALIGN, GMM_JAX, GMM_REFINE_NEW
from gpucore_adapters.eman2.gmm_point import GMM_POINT
from gpucore_adapters.eman2.missing_wedge import FILL_WEDGE, FILL_WEDGE_TRAIN
from gpucore_adapters.eman2.particles import MAKE3D, SPT_ALIGN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["gpucore_adapters"]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer these programs."""
    return (
        GMM_REFINE,
        GMM_REFINE_NEW,
        GMM_ALIGN,
        GMM_JAX,
        GMM_POINT,
        SPT_ALIGN,
        REFINE_ITER,
        SPT_REFINE_ITER,
        HETER_REFINE,
        BOXER,
        SEGMENT_TRAIN,
        SEGMENT,
        MAKE3D,
        FILL_WEDGE_TRAIN,
        FILL_WEDGE,
    )
