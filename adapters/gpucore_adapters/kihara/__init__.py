"""Programs of the Kihara lab: CryoREAD, DAQ, DeepMainMast and Emap2sec+."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl

from .cryoread import CRYOREAD
from .daq import DAQ
from .deepmainmast import DEEPMAINMAST
from .emap2sec import EMAP2SECPLUS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard import Adapter

__all__ = ["ADAPTERS", "gpucore_adapters"]

ADAPTERS = (CRYOREAD, DAQ, DEEPMAINMAST, EMAP2SECPLUS)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer these programs."""
    return ADAPTERS
