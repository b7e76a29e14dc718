"""GPUs for the programs of cryo-EM: the standard, the allocator, adapters and executors.

`StepExecutor` is what a host application opens; `gpucore.standard` holds the values it deals in,
`gpucore.plugins` what a plugin needs.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpucore.errors import GpucoreError, StepError
    from gpucore.executor import StepExecutor
    from gpucore.lease import Lease
    from gpucore.standard import Adapter, Outcome, StepState

__all__ = [
    "Adapter",
    "GpucoreError",
    "Lease",
    "Outcome",
    "StepError",
    "StepExecutor",
    "StepState",
]
__version__ = "0.1.0"

_HOMES = {
    "Adapter": "gpucore.standard",
    "GpucoreError": "gpucore.errors",
    "Lease": "gpucore.lease",
    "Outcome": "gpucore.standard",
    "StepError": "gpucore.errors",
    "StepExecutor": "gpucore.executor",
    "StepState": "gpucore.standard",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: an adapter needs the standard alone."""
    if name not in _HOMES:
        raise AttributeError(f"module 'gpucore' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
