"""Commands of adapters, as tests ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.standard import render
from gpucore.standard.checks import example_devices, named_outputs
from gpucore.standard.params import read_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.standard import Adapter, Command

HOSTILE = "a b\n\"'%(GPU)s 50% $(touch x);`id` #@1:é\udcff"
"""A name with whatever a shell, a template or a RELION STAR file takes for its own syntax."""


def command(adapter: Adapter, given: Mapping[str, object], gpus: tuple[int, ...] = ()) -> Command:
    """Return the command of a step with these parameters on these devices."""
    values = named_outputs(adapter, read_values(adapter, given), "")
    return render(adapter, values, example_devices(gpus))


def after(argv: tuple[str, ...], flag: str) -> str:
    """Return the argument that follows a flag."""
    return argv[argv.index(flag) + 1]
