"""What may run in a run, decided before anything of it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.notes import gpu_notes, lease_notes
from gpucore.planning import check_count
from gpucore.provision import no_device, sharing_note
from gpucore.standard.model import Need
from gpucore.startup import find_startup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.observers import Observers
    from gpucore.provision import Provision
    from gpucore.settings import Settings
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.step import Step
    from gpucore.surroundings import Surroundings

__all__ = ["Admission"]


class Admission:
    """Refuses what cannot run, and says what its user should know.

    Parameters
    ----------
    settings : Settings
        Of the run.
    provision : Provision
        What the run was given.
    around : Surroundings
        What its steps have in common; how programs are started is put there.
    tell : Observers
        Told notes, each once.
    """

    def __init__(
        self, settings: Settings, provision: Provision, around: Surroundings, tell: Observers
    ) -> None:
        self._settings = settings
        self._provision = provision
        self._around = around
        self._tell = tell
        self._admitted: dict[tuple[str, bool], Adapter] = {}

    def check(self, adapter: Adapter, *, use_gpu: bool) -> None:
        """Refuse an adapter that cannot run here.

        Raises
        ------
        ProgramError
            When its program is not found, or what it is started through (a module, a conda
            environment, a container's engine).
        DeviceError
            When it needs a GPU and the run has none.
        """
        if self._admitted.get((adapter.name, use_gpu)) is adapter:
            return
        around, provision = self._around, self._provision
        if adapter.name not in around.startups:
            site = self._settings.config.program.get(adapter.name)
            around.startups[adapter.name] = find_startup(adapter, site, around.environment)
        if adapter.gpu.use.requires_gpu and not provision.units:
            raise no_device(provision, f"the adapter {adapter.name}")
        if adapter.gpu.use.uses_gpu(use_gpu=use_gpu):
            note = sharing_note(adapter, provision, may_share=self._settings.may_share)
            self._tell.note_once(around.run, note)
        self._admitted[adapter.name, use_gpu] = adapter

    def note(self, steps: Iterable[Step]) -> None:
        """Tell what is to be known of steps and the GPUs that they get."""
        self._tell.note_once(self._around.run, *gpu_notes(steps, self._provision))

    def need(self, step: Step) -> Need:
        """Return what a step asks of the run's devices, in view of what steps like it held."""
        learned, provision = self._around.learned, self._provision
        counts = step.gpu_memory is not None or provision.memory != "asked"
        peaks = learned.peaks(step) if learned is not None and counts else ()
        return provision.need(step, may_share=self._settings.may_share, peaks=peaks)

    def lease_need(self, adapter: Adapter | None, gpus: int | None) -> Need:
        """Return what a lease asks of the run's devices.

        Raises
        ------
        ParameterError
            For a number of GPUs that is none.
        ProgramError, DeviceError
            As `check` does; and when the run has no devices at all.
        """
        check_count(gpus)
        if adapter is not None:
            self.check(adapter, use_gpu=True)
        if not self._provision.units:
            raise no_device(self._provision, "a lease")
        if adapter is not None and adapter.gpu.use.allows_gpu:
            notes = lease_notes(adapter, gpus, self._provision)
            self._tell.note_once(self._around.run, *notes)
        forbidden = adapter is not None and adapter.gpu.sharing == "forbidden"
        return Need(gpus=gpus, worker=False, alone=forbidden and not self._settings.may_share)
