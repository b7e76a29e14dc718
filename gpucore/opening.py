"""What a run begins with: its folder, its journal, its leases, and what its steps share."""

from __future__ import annotations

import itertools
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from gpucore.holding import RunLeases
from gpucore.record import RunRecord, state_home
from gpucore.standard.model import Noted, RunStarted
from gpucore.surroundings import Surroundings
from gpucore.system.folders import RunFolder
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpucore.dispatch import Dispatch
    from gpucore.observers import Observers
    from gpucore.provision import Provision
    from gpucore.settings import Settings
    from gpucore.standard.model import Event


__all__ = ["Beginning", "surroundings"]

_RUNS = itertools.count(1)


def surroundings(settings: Settings, output: str | None) -> Surroundings:
    """Return what all steps of a run have in common; its folder is made when it is used.

    Parameters
    ----------
    output : str or None
        The run's logs lie below it, in ``.gpucore``; None: in a temporary folder.
    """
    # Two runs of one process in one second still have names of their own.
    run = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{next(_RUNS)}"
    config = settings.config
    return Surroundings(
        run=run,
        root=settings.root,
        folder=RunFolder(None if output is None else settings.root / output, run),
        environment=settings.environment,
        startups={},
        isolate=config.isolate,
    )


class Beginning:
    """Begins a run with its first step, whichever thread has it; called before every step.

    Parameters
    ----------
    around : Surroundings
        What its steps share; the journal, the leases and the monitor are put there.
    settings : Settings
        Of the run.
    provision : Provision
        What it is given.
    dispatch : Dispatch
        Hears of its devices.
    tell : Observers
        Told that it begins.
    output : str or None
        Where its journal lies; None: it keeps none.
    resume : bool
        Whether it goes on with what an earlier run left there.
    """

    def __init__(
        self,
        around: Surroundings,
        settings: Settings,
        provision: Provision,
        dispatch: Dispatch,
        tell: Observers,
        *,
        output: str | None,
        resume: bool,
    ) -> None:
        self._around = around
        self._settings = settings
        self._provision = provision
        self._dispatch = dispatch
        self._tell = tell
        self._output = output
        self._resume = resume
        self._lock = threading.Lock()
        self._has_begun = False
        self._is_over = False

    def __call__(self) -> None:
        """Begin the run, or wait until another thread has begun it.

        Raises
        ------
        GpucoreError
            When the folder cannot be written, another run writes the journal, or the lease
            directory cannot be trusted.
        """
        if self._is_over:  # no thread waits for another
            return
        around, settings, provision = self._around, self._settings, self._provision
        with self._lock:
            if not self._has_begun:
                _begin(
                    around,
                    settings,
                    provision,
                    output=self._output,
                    resume=self._resume,
                    tell=self._tell,
                )
                self._has_begun = True
                _open_monitor(around, settings, provision, self._dispatch, self._tell)
            self._is_over = True


def _begin(
    around: Surroundings,
    settings: Settings,
    provision: Provision,
    *,
    output: str | None,
    resume: bool,
    tell: Callable[[Event], None],
) -> None:
    """Make a run's folder, open its journal, and find where its leases lie."""

    def note(text: str) -> None:
        tell(Noted(run=around.run, text=text))

    if provision.units and settings.config.leases == "machine":
        told = settings.config.lease_directory
        directory = find_lease_directory(around.environment, configured=told)
        uuids = [device.uuid for device in provision.devices]
        shares = dict.fromkeys(uuids, settings.config.shares)
        around.leases = RunLeases(Leases(directory, shares=shares))
    around.folder.make()
    if output is not None:
        around.record = RunRecord(
            settings.root / output,
            around.run,
            around.environment,
            resume=resume,
            checksum=settings.config.checksum,
            devices=provision.devices,
            workers=provision.workers,
            on_trouble=note,
        )
    tell(
        RunStarted(
            run=around.run,
            devices=provision.devices,
            slots=tuple(unit.devices for unit in provision.units),
            workers=provision.workers,
        )
    )
    for text in around.record.notes if around.record is not None else ():
        note(text)


def _open_monitor(
    around: Surroundings,
    settings: Settings,
    provision: Provision,
    dispatch: Dispatch,
    tell: Observers,
) -> None:
    """Have somebody look at a run's devices while it goes on, where there is something to see."""
    name, _, argument = settings.config.devices.partition(":")
    devices = provision.devices
    if not settings.config.watch or all(device.simulated for device in devices):
        return
    source = settings.plugins.device_source(name)
    if source.watch is None:
        return
    # Runs without devices to look at need none of it.
    from gpucore.learning import LearnedMemory  # noqa: PLC0415
    from gpucore.monitoring import Monitor  # noqa: PLC0415
    from gpucore.stewardship import RunSteward  # noqa: PLC0415
    from gpucore.system.memory_notes import MemoryNotes  # noqa: PLC0415
    from gpucore.system.quarantine import find_quarantine_store  # noqa: PLC0415

    folder = state_home(around.environment) / "gpucore" / "memory"
    around.learned = LearnedMemory(MemoryNotes(folder), around.root)
    around.monitor = Monitor(
        partial(source.watch, argument, around.environment),
        devices,
        run=around.run,
        steward=RunSteward(dispatch, around, tell, provision),
        store=find_quarantine_store(state_home(around.environment)),
        period=settings.config.watch,
        foreign=provision.foreign,
        by_hand=provision.by_hand,
    )
    around.monitor.start()
