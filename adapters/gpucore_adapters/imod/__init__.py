"""IMOD: back-projection, phase flipping, the motion of movies, and the defocus.

Those that can use a GPU count GPUs from 1, and 0 is not the first but the best one, whichever
that is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .alignframes import IMOD_ALIGNFRAMES
from .ctfphaseflip import IMOD_CTFPHASEFLIP
from .ctfplotter import IMOD_CTFPLOTTER
from .tilt import IMOD_TILT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = [
    "IMOD_ALIGNFRAMES",
    "IMOD_CTFPHASEFLIP",
    "IMOD_CTFPLOTTER",
    "IMOD_TILT",
    "gpucore_adapters",
]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer all of them."""
    return (IMOD_TILT, IMOD_CTFPHASEFLIP, IMOD_ALIGNFRAMES, IMOD_CTFPLOTTER)
