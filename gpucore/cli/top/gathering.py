"""All that the live view shows, gathered: devices, leases, and the runs that go on."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

from gpucore.cli.gpus_listing import Look
from gpucore.cli.top.assembling import assemble
from gpucore.cli.top.following import Follower
from gpucore.cli.top.picture import Picture
from gpucore.errors import GpucoreError
from gpucore.system.journal_place import state_home
from gpucore.system.lease_files import user_name
from gpucore.system.present_runs import present_runs

if TYPE_CHECKING:
    from gpucore.cli.gpus_listing import Listing
    from gpucore.cli.top.picture import RunNow
    from gpucore.plugins.offers import DeviceWatch
    from gpucore.settings import Settings

__all__ = ["Gatherer", "runs_now"]

_RETRY = 30.0
"""Seconds after which devices that could not be read are tried again: it starts a process."""

_REMEMBERED = 600.0
"""Seconds for which a run is shown after it has ended."""

_MOST_ENDED = 20


def runs_now() -> list[RunNow]:
    """Return this user's runs of this machine that go on, in the order in which they began."""
    return _Runs().look(time.time())


class Gatherer:
    """Looks at the machine again and again; used by one thread.

    Parameters
    ----------
    settings : Settings
        Those of the command line.
    watch : DeviceWatch or None
        A look at the devices of all processes; None: their source cannot.
    patience : float
        Seconds to wait for what devices say.
    """

    def __init__(self, settings: Settings, watch: DeviceWatch | None, *, patience: float) -> None:
        self._look = Look(settings, watch, patience=patience)
        self._runs = _Runs()
        self._trouble = ""
        self._again = 0.0

    def take(self) -> Picture:
        """Return how everything is now; what could not be found out is in its notes."""
        now = time.time()
        runs = self._runs.look(now)
        listing = self._listing()
        notes = (self._trouble,) if self._trouble else ()
        return Picture(
            time=now,
            host=socket.gethostname(),
            **assemble(listing, runs, user_name(os.geteuid())),
            notes=notes + (listing.notes if listing is not None else ()),
        )

    def _listing(self) -> Listing | None:
        if time.monotonic() < self._again:
            return None
        try:
            listing = self._look.take()
        except GpucoreError as error:
            self._trouble = error.what
            self._again = time.monotonic() + _RETRY
            return None
        self._trouble = ""
        return listing


class _Runs:
    """The runs of this user, those that have just ended among them."""

    def __init__(self) -> None:
        self._home = state_home(os.environ)
        self._user = user_name(os.geteuid())
        self._followed: dict[str, Follower] = {}
        self._gone: dict[str, float] = {}

    def look(self, now: float) -> list[RunNow]:
        present = {one.run: one for one in present_runs(self._home)}
        for run, one in present.items():
            if run not in self._followed:
                self._followed[run] = Follower(one, self._user, self._home)
        found = []
        for run, follower in self._followed.items():
            if run in present:
                self._gone.pop(run, None)
            else:
                self._gone.setdefault(run, now)
            found.append(follower.look(now))
        for run in self._outdated(now):
            del self._followed[run], self._gone[run]
        return found

    def _outdated(self, now: float) -> list[str]:
        last = sorted(self._gone, key=self._gone.__getitem__)
        return [
            run
            for place, run in enumerate(last)
            if now - self._gone[run] > _REMEMBERED or place < len(last) - _MOST_ENDED
        ]
