"""Whether a program uses a GPU: the three questions of Scipion's standard."""

from __future__ import annotations

from enum import Enum

__all__ = ["GpuUse"]


class GpuUse(str, Enum):
    """How a program stands to GPUs.

    Examples
    --------
    >>> GpuUse.OPTIONAL.allows_gpu, GpuUse.OPTIONAL.requires_gpu
    (True, False)
    >>> GpuUse.OPTIONAL.uses_gpu(use_gpu=False)
    False
    >>> GpuUse.COMPULSORY.uses_gpu(use_gpu=False)
    True
    """

    NONE = "none"
    OPTIONAL = "optional"
    COMPULSORY = "compulsory"

    @property
    def allows_gpu(self) -> bool:
        """Whether the program can use a GPU: it then has the parameter ``GPU_LIST``."""
        return self is not GpuUse.NONE

    @property
    def requires_gpu(self) -> bool:
        """Whether the program cannot run without one: it then has no ``USE_GPU``."""
        return self is GpuUse.COMPULSORY

    def uses_gpu(self, *, use_gpu: bool = True) -> bool:
        """Say whether a step takes a slot, given the user's ``USE_GPU``."""
        return self is GpuUse.COMPULSORY or (self is GpuUse.OPTIONAL and use_gpu)
