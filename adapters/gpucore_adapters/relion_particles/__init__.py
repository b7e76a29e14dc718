"""RELION's programs for particles that use no GPU: CTF refinement, polishing, class ranking.

Run them from the RELION project's folder: the images named in the STAR files are looked for from
the working directory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .class_ranker import RELION_CLASS_RANKER
from .ctf_refine import RELION_CTF_REFINE
from .motion_refine import RELION_MOTION_REFINE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = [
    "RELION_CLASS_RANKER",
    "RELION_CTF_REFINE",
    "RELION_MOTION_REFINE",
    "gpucore_adapters",
]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer them all."""
    return (RELION_CTF_REFINE, RELION_MOTION_REFINE, RELION_CLASS_RANKER)
