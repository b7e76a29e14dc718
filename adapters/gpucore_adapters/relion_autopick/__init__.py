"""RELION particle picking: by references on the CPU or GPUs, or by blobs on the CPU.

Picking by blobs cannot use a GPU. So it is an adapter of its own: what an adapter says of GPUs must
be true of all of its runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .blobs import RELION_AUTOPICK_LOG
from .references import RELION_AUTOPICK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["RELION_AUTOPICK", "RELION_AUTOPICK_LOG", "gpucore_adapters"]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both."""
    return (RELION_AUTOPICK, RELION_AUTOPICK_LOG)
