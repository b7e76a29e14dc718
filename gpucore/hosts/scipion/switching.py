"""pyworkflow's executors replaced in this process, and put back; nothing on disk is touched."""

from __future__ import annotations

import functools
from typing import Any

import pyworkflow.protocol as package
from pyworkflow.protocol import protocol as module
from pyworkflow.protocol.constants import VOID_GPU

from gpucore.hosts.scipion.executors import ParallelExecutor, SerialExecutor
from gpucore.hosts.scipion.holds import here
from gpucore.hosts.scipion.queued import QueueExecutor

__all__ = ["is_switched", "keep_void", "switch", "switch_back"]

_OWN = {
    "StepExecutor": SerialExecutor,
    "ThreadStepExecutor": ParallelExecutor,
    "QueueStepExecutor": QueueExecutor,
}
_before: dict[tuple[Any, str], Any] = {}


def is_switched() -> bool:
    """Say whether gpucore's executors are in place."""
    return bool(_before)


def switch() -> None:
    """Put gpucore's executors in the place of pyworkflow's; a second time does nothing."""
    if _before:
        return
    for place in (package, module):
        for name, own in _OWN.items():
            _put(place, name, own)
        _put(place, "anonimizeGPUs", keep_void(module.anonimizeGPUs))
    _put(module.Protocol, "getGpuList", _leasing(module.Protocol.getGpuList))
    _put(module.Protocol, "getSubmitDict", _counting(module.Protocol.getSubmitDict))


def switch_back() -> None:
    """Put pyworkflow's own executors back, for protocols that start from now on."""
    while _before:
        (place, name), own = _before.popitem()
        setattr(place, name, own)


def keep_void(renumber: Any) -> Any:
    """Return what renumbers a GPU list for a queue, with void places left void.

    pyworkflow's own gives them the number of a real GPU.
    """

    @functools.wraps(renumber)
    def renumbered(gpus: list[int]) -> list[int]:
        real = iter(renumber([gpu for gpu in gpus if gpu != VOID_GPU]))
        return [gpu if gpu == VOID_GPU else next(real) for gpu in gpus]

    return renumbered


def _leasing(own: Any) -> Any:
    """Return ``Protocol.getGpuList`` that takes the lease: who asks for the list will use it."""

    @functools.wraps(own)
    def leased(self: Any) -> Any:
        hold = here()
        if hold is not None:
            hold.use()
        return own(self)

    return leased


def _counting(own: Any) -> Any:
    """Return ``Protocol.getSubmitDict`` that asks a queue for the GPUs that will be used."""

    @functools.wraps(own)
    def counted(self: Any) -> Any:
        submit = own(self)
        _, chosen = self.getQueueParams()
        if "GPU_COUNT" not in chosen:
            gpus = {gpu for gpu in self.getGpuList() if gpu != VOID_GPU}
            submit["GPU_COUNT"] = len(gpus) if self.usesGpu() else 0
        return submit

    return counted


def _put(place: Any, name: str, own: Any) -> None:
    _before[place, name] = getattr(place, name)
    setattr(place, name, own)
