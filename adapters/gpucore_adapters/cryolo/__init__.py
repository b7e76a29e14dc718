"""crYOLO: pick particles and filaments in micrographs and tomograms, and train its networks.

It reads digits only out of its `-g` words and writes CUDA_VISIBLE_DEVICES itself: `-g 0,1` would
mean GPU 01 and `-g -1` GPU 1. So it gets one word for each GPU, the machine's numbers, and no mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .micrographs import CRYOLO_PREDICT
from .tomograms import CRYOLO_PREDICT_TOMO
from .training import CRYOLO_TRAIN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["CRYOLO_PREDICT", "CRYOLO_PREDICT_TOMO", "CRYOLO_TRAIN", "gpucore_adapters"]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the three commands."""
    return (CRYOLO_PREDICT, CRYOLO_PREDICT_TOMO, CRYOLO_TRAIN)
