"""OPUS-DSD: structural disentanglement of particles, trained on a number of GPUs.

It names its results after the epoch, counted from 0, so that the last of 20 is `weights.19.pkl`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .train import OPUSDSD_TRAIN_CV, OPUSDSD_TRAIN_MULTI
from .volumes import OPUSDSD_ANALYZE, OPUSDSD_EVAL_VOL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["ADAPTERS", "gpucore_adapters"]

ADAPTERS = (OPUSDSD_TRAIN_CV, OPUSDSD_TRAIN_MULTI, OPUSDSD_ANALYZE, OPUSDSD_EVAL_VOL)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer its commands."""
    return ADAPTERS
