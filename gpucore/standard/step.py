"""One run of one adapter, described but not started."""

from __future__ import annotations

from dataclasses import dataclass

from gpucore.standard.adapter import Adapter
from gpucore.standard.model import NO_GPU, SLOT, Need
from gpucore.standard.params import Values

__all__ = ["NO_LIMITS", "Limits", "Step"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a program may take, and how often it is tried again.

    Parameters
    ----------
    wall : float or None
        Seconds from its start to its end.
    quiet : float or None
        Seconds without anything new in what it prints.
    retries : int
        Further attempts after one that failed in a way that another may not.
    """

    wall: float | None = None
    quiet: float | None = None
    retries: int = 0


NO_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What is to be run: a name, an adapter and its values.

    Parameters
    ----------
    name : str
        Unique in its run.
    adapter : Adapter
        The program.
    shared : dict
        Checked values that it has in common with its stage; one dict serves a million steps.
    own : dict
        Checked values of its own: the item and the outputs.
    stage : str
        The stage it belongs to; empty for a single step.
    use_gpu : bool
        The user's ``USE_GPU``.
    gpus : int or None
        Devices it asks for; None: a slot.
    gpu_memory : int or None
        MiB that each of its devices must have free; None: the user said nothing.
    limits : Limits
        How long and how often it may run.
    """

    name: str
    adapter: Adapter
    shared: Values
    own: Values
    stage: str
    use_gpu: bool
    gpus: int | None
    gpu_memory: int | None = None
    limits: Limits = NO_LIMITS

    @property
    def values(self) -> Values:
        """All its values."""
        return {**self.shared, **self.own}

    def need(self, *, may_share: bool) -> Need:
        """Return what it asks for.

        Parameters
        ----------
        may_share : bool
            Whether the site lets every program share (``sharing = "repeat"``), whatever its
            adapter says.
        """
        gpu = self.adapter.gpu
        if not gpu.use.uses_gpu(use_gpu=self.use_gpu):
            return NO_GPU
        alone = gpu.sharing == "forbidden" and not may_share
        if self.gpus is None and self.gpu_memory is None and not alone:
            return SLOT
        return Need(gpus=self.gpus, alone=alone, memory_mib=self.gpu_memory or 0)
