"""SUSAN: the CTF of tilt series, alignment and averages of substacks, on GPUs.

These are the programs that SUSAN's Python modules start, and that Scipion's scripts
`estimate_ctf.py`, `mra.py` and `average.py` run: an iteration of its multi-reference alignment is
one of alignment and one of averaging.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .aligner import SUSAN_ALIGNER
from .ctf import SUSAN_ESTIMATE_CTF
from .reconstruct import SUSAN_RECONSTRUCT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["SUSAN_ALIGNER", "SUSAN_ESTIMATE_CTF", "SUSAN_RECONSTRUCT", "gpucore_adapters"]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer all three."""
    return (SUSAN_ESTIMATE_CTF, SUSAN_ALIGNER, SUSAN_RECONSTRUCT)
