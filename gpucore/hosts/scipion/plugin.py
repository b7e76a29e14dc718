"""gpucore as one of Scipion's plugins: what Scipion finds by itself, and how it is told no."""

from __future__ import annotations

import logging
from typing import Any

import pyworkflow.plugin

from gpucore.errors import GpucoreError
from gpucore.hosts.scipion import install

__all__ = ["VARIABLE", "Plugin"]

VARIABLE = "GPUCORE_SCIPION"
_LOGGER = logging.getLogger(__name__)


class Plugin(pyworkflow.plugin.Plugin):  # type: ignore[misc] # pyworkflow has no types
    """gpucore, for Scipion's list of plugins."""

    # Scipion looks for a plugin's folder through the module of its class.
    __module__ = "gpucore.hosts.scipion"

    @classmethod
    def _defineVariables(cls) -> None:
        """Read the variable, and install; Scipion calls this when it has loaded the plugin."""
        cls._defineVar(VARIABLE, "on", "Run the steps of protocols by gpucore: on or off")
        wanted = str(cls.getVar(VARIABLE)).strip().lower()
        if wanted == "off":
            return
        if wanted != "on":
            _LOGGER.error("gpucore: %s=%s is neither on nor off; it counts as on", VARIABLE, wanted)
        try:
            install()
        except GpucoreError as error:
            # Scipion would call its users to send this to Scipion's developers.
            _LOGGER.error(  # noqa: TRY400 - it is told, not to be looked into
                "gpucore is not used, and Scipion uses its own executors: %s", error
            )

    @classmethod
    def getEnviron(cls) -> None:
        """Return nothing: it has no programs of its own."""

    @classmethod
    def defineBinaries(cls, env: Any) -> None:
        """Define nothing: it has no programs of its own."""
