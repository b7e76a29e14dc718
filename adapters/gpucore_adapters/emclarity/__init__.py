"""emClarity: tilt-series alignment, CTF and subtomogram averaging, on GPUs.

Its GPUs are a count in its parameter file, `nGPUs`, and it compares that with what it sees. Two
commands work on one tilt series: they run in the step's own directory with a parameter file that
is written for them. The others work on a project, whose parameter file is the user's, so they run
in the working directory and `nGPUs` there must be what a step gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .projects import (
    EMCLARITY_ALIGN_RAW,
    EMCLARITY_AVG,
    EMCLARITY_CTF_3D,
    EMCLARITY_TEMPLATE_SEARCH,
)
from .tilt_series import EMCLARITY_AUTOALIGN, EMCLARITY_CTF_ESTIMATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = [
    "EMCLARITY_ALIGN_RAW",
    "EMCLARITY_AUTOALIGN",
    "EMCLARITY_AVG",
    "EMCLARITY_CTF_3D",
    "EMCLARITY_CTF_ESTIMATE",
    "EMCLARITY_TEMPLATE_SEARCH",
    "gpucore_adapters",
]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the commands that use GPUs."""
    return (
        EMCLARITY_AUTOALIGN,
        EMCLARITY_CTF_ESTIMATE,
        EMCLARITY_CTF_3D,
        EMCLARITY_TEMPLATE_SEARCH,
        EMCLARITY_AVG,
        EMCLARITY_ALIGN_RAW,
    )
