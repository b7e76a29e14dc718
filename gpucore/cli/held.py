"""Who else holds the GPUs of a run: looked up now and then by whoever draws its picture."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from gpucore.cli.terminal import clean
from gpucore.errors import GpucoreError
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases

if TYPE_CHECKING:
    from gpucore.settings import Settings

__all__ = ["HeldByOthers"]

_EVERY = 2.0


class HeldByOthers:
    """What other processes hold of this machine's GPUs.

    Parameters
    ----------
    settings : Settings
        Those of the run: they say where leases lie.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._looked = 0.0
        self._told: dict[str, str] = {}

    def __call__(self) -> dict[str, str]:
        """Return who holds them, as a text for people, by UUID; two seconds old at most."""
        now = time.monotonic()
        if now - self._looked >= _EVERY and self._settings.config.leases == "machine":
            self._looked = now
            self._told = self._look()
        return self._told

    def _look(self) -> dict[str, str]:
        try:
            leases = Leases(
                find_lease_directory(
                    self._settings.environment, configured=self._settings.config.lease_directory
                )
            )
            try:
                holders = leases.holders()
            finally:
                leases.close()
        except (GpucoreError, OSError):
            return {}  # the run itself says what is wrong with them
        told = {}
        for one in holders:
            if one.pid == os.getpid():
                continue
            who = f"process {one.pid}" if one.pid else "another process"
            user = f" of {clean(one.user)}" if one.user else ""
            step = f", for {clean(one.step)}" if one.step else ""
            told[one.uuid] = f"leased by {who}{user}{step}"
        return told
