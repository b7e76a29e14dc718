"""The two marks: ``@hookimpl`` for whoever writes a plugin, ``@hookspec`` for gpucore itself."""

from __future__ import annotations

from pluggy import HookimplMarker, HookspecMarker

__all__ = ["PROJECT", "hookimpl", "hookspec"]

PROJECT = "gpucore"

hookspec = HookspecMarker(PROJECT)
hookimpl = HookimplMarker(PROJECT)
