"""Warp on the command line: WarpTools for frame series and tilt series, and M's MCore.

A run goes through all series of a project and gives each of its GPUs a worker of its own, so the
item of a stage is the project's settings file, and a step may have several GPUs. Each command goes
on from what the others left in the processing folder, so it works there. WarpWorker and WarpWorker2
are started by these, never by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .frame_series import WARP_FS_CTF, WARP_FS_MOTION, WARP_FS_MOTION_AND_CTF
from .mcore import WARP_MCORE
from .tilt_particles import WARP_TS_EXPORT_PARTICLES, WARP_TS_TEMPLATE_MATCH
from .tilt_series import WARP_TS_CTF, WARP_TS_RECONSTRUCT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = [
    "WARP_FS_CTF",
    "WARP_FS_MOTION",
    "WARP_FS_MOTION_AND_CTF",
    "WARP_MCORE",
    "WARP_TS_CTF",
    "WARP_TS_EXPORT_PARTICLES",
    "WARP_TS_RECONSTRUCT",
    "WARP_TS_TEMPLATE_MATCH",
    "gpucore_adapters",
]


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the commands that use GPUs."""
    return (
        WARP_FS_MOTION,
        WARP_FS_CTF,
        WARP_FS_MOTION_AND_CTF,
        WARP_TS_CTF,
        WARP_TS_RECONSTRUCT,
        WARP_TS_TEMPLATE_MATCH,
        WARP_TS_EXPORT_PARTICLES,
        WARP_MCORE,
    )
