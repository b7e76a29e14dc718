"""RELION's refinements in three dimensions: one program, `relion_refine`, in several uses.

Run them from the RELION project's folder: the images named in the STAR files are looked for from
the working directory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .class3d import RELION_CLASS3D
from .initialmodel import RELION_INITIALMODEL
from .initialmodel_sgd import RELION_INITIALMODEL_SGD
from .multibody import RELION_MULTIBODY
from .refine3d import RELION_REFINE3D
from .tomo import RELION_TOMO_CLASS3D, RELION_TOMO_INITIALMODEL, RELION_TOMO_REFINE3D

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = [
    "RELION_CLASS3D",
    "RELION_INITIALMODEL",
    "RELION_INITIALMODEL_SGD",
    "RELION_MULTIBODY",
    "RELION_REFINE3D",
    "RELION_TOMO_CLASS3D",
    "RELION_TOMO_INITIALMODEL",
    "RELION_TOMO_REFINE3D",
    "gpucore_adapters",
]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer them all."""
    return (
        RELION_CLASS3D,
        RELION_REFINE3D,
        RELION_INITIALMODEL,
        RELION_INITIALMODEL_SGD,
        RELION_MULTIBODY,
        RELION_TOMO_CLASS3D,
        RELION_TOMO_REFINE3D,
        RELION_TOMO_INITIALMODEL,
    )
