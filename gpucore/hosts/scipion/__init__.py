"""Scipion: its protocols run their steps on the GPUs that gpucore gives them.

`install` puts gpucore's executors in the place of pyworkflow's, in this process and in memory. In a
Scipion into whose Python gpucore is installed nobody has to call it: Scipion finds this package as
it finds its plugins, and ``GPUCORE_SCIPION=off`` keeps its own executors.
"""

from __future__ import annotations

import importlib

from gpucore.hosts.scipion.versions import check_pyworkflow

__all__ = ["install", "remove"]


def install() -> None:
    """Let protocols that start in this process from now on run their steps by gpucore.

    A second time does nothing. Nothing on disk is changed.

    Raises
    ------
    ProgramError
        When pyworkflow is not here, or its version is not known to work.
    """
    check_pyworkflow()
    from gpucore.hosts.scipion.switching import switch  # noqa: PLC0415 - it imports pyworkflow

    switch()


def remove() -> None:
    """Let protocols that start from now on use pyworkflow's own executors again.

    Raises
    ------
    ProgramError
        As `install` does.
    """
    check_pyworkflow()
    from gpucore.hosts.scipion.switching import switch_back  # noqa: PLC0415

    switch_back()


def __getattr__(name: str) -> object:
    """Make the plugin when Scipion asks for it, for it is made of Scipion's."""
    if name != "Plugin":
        raise AttributeError(f"module 'gpucore.hosts.scipion' has no attribute {name!r}")
    return importlib.import_module("gpucore.hosts.scipion.plugin").Plugin
