"""What follows for a run from what its monitor finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.errors import DeviceError
from gpucore.scheduling import (
    STRANGERS,
    DeviceAvoided,
    DeviceReturned,
    DeviceWithheld,
    MemorySeen,
    Together,
)
from gpucore.scheduling.foreign import WAIT
from gpucore.scheduling.standing import GOOD, Level
from gpucore.standard.model import DeviceRegarded, DevicesSeen

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from gpucore.dispatch import Dispatch
    from gpucore.observers import Observers
    from gpucore.provision import Provision
    from gpucore.scheduling.standing import Standing
    from gpucore.standard.readings import Snapshot
    from gpucore.surroundings import Surroundings

__all__ = ["RunSteward"]


class RunSteward:
    """Acts on what is found of a run's devices; see `gpucore.monitoring.Steward`.

    Parameters
    ----------
    dispatch : Dispatch
        Gives devices out and takes them back.
    around : Surroundings
        The run.
    tell : Observers
        Told what is thought of devices.
    provision : Provision
        What the run was given.
    """

    def __init__(
        self,
        dispatch: Dispatch,
        around: Surroundings,
        tell: Observers,
        provision: Provision,
    ) -> None:
        self._dispatch = dispatch
        self._around = around
        self._tell = tell
        self._devices = {device.uuid: device for device in provision.devices}
        self._event = DeviceWithheld if provision.foreign == WAIT else DeviceAvoided
        self._quarantined: dict[str, str] = {}
        self._standings: dict[str, Standing] = {}
        self._busy: dict[str, str] = {}

    def stands(self, standings: Mapping[str, Standing]) -> None:
        """Give devices to steps, or do not, by what is thought of them from now on."""
        events = tuple(_given(uuid, standing) for uuid, standing in standings.items())
        self._dispatch.handle(Together(events))
        self._standings.update(standings)
        for uuid, standing in standings.items():
            self._tell_standing(uuid, standing)
            if standing.level is Level.QUARANTINED:
                index = self._devices[uuid].index
                self._quarantined[uuid] = f"GPU {index}: {standing.reason} ({standing.remedy})"
            else:
                self._quarantined.pop(uuid, None)

    def end_steps(self, uuid: str, reason: str) -> None:
        """End what runs there; it is tried elsewhere."""
        self._dispatch.end_steps(uuid, reason)

    def strangers(self, busy: Mapping[str, str]) -> None:
        """Hear on which devices programs of others compute now, and which."""
        came = {uuid: reason for uuid, reason in busy.items() if uuid not in self._busy}
        left = self._busy.keys() - busy.keys()
        self._busy = dict(busy)
        if not came and not left:
            return
        events = [self._event(uuid, reason, by=STRANGERS) for uuid, reason in came.items()]
        self._dispatch.handle(
            Together((*events, *(DeviceReturned(uuid, by=STRANGERS) for uuid in left)))
        )
        for uuid, reason in came.items():
            self._tell_regard(uuid, "busy", reason, "")
        for uuid in left:
            self._tell_standing(uuid, self._standings.get(uuid, GOOD))

    def memory(self, free: Mapping[str, int], held: Mapping[int, int]) -> None:
        """Hear what the run may use of each device, and what each step holds, in MiB."""
        self._dispatch.handle(MemorySeen(free, held))

    def sampled(self, snapshot: Snapshot) -> None:
        """Put on record what devices say of themselves."""
        if self._around.record is not None:
            self._around.record.see(snapshot, self._devices, self._dispatch.first_waiting())

    def seen(self, snapshot: Snapshot) -> None:
        """Show people what devices say of themselves."""
        self._tell(DevicesSeen(run=self._around.run, snapshot=snapshot))

    def lost(self, uuids: Collection[str]) -> None:
        """Hear which devices have fallen off the bus: CUDA's numbers are not what they were."""
        if not self._around.renumbered:
            self._around.renumbered = True
            self.note("a GPU is lost: from now on programs find theirs by identity, not by number")
        if len(uuids) > 1:
            names = " and ".join(f"GPU {self._devices[uuid].index}" for uuid in sorted(uuids))
            self._dispatch.halt(
                DeviceError(
                    f"{names} have fallen off the bus: the machine is not to be trusted",
                    hint="restart it; `gpucore resume` goes on then",
                    code="E606",
                )
            )

    def looked(self) -> None:
        """End the run when no device is left to it: what is remembered may be cured by a look."""
        if len(self._quarantined) == len(self._devices):
            # Nothing that was done is lost: `gpucore resume` goes on when they are back.
            self._dispatch.halt(
                DeviceError(
                    f"no GPU is left to the run: {'; '.join(self._quarantined.values())}",
                    hint="`gpucore gpus` shows them; `gpucore resume` goes on when one is back",
                    code="E606",
                )
            )

    def note(self, text: str) -> None:
        """Tell the user something, once."""
        self._tell.note_once(self._around.run, text)

    def _tell_standing(self, uuid: str, standing: Standing) -> None:
        level = standing.level.name.lower()
        self._tell_regard(uuid, level, standing.reason, standing.remedy)

    def _tell_regard(self, uuid: str, level: str, reason: str, remedy: str) -> None:
        if self._around.record is not None:
            self._around.record.regard(uuid, level, reason, remedy)
        self._tell(
            DeviceRegarded(
                run=self._around.run,
                device=self._devices[uuid],
                level=level,
                reason=reason,
                remedy=remedy,
            )
        )


def _given(uuid: str, standing: Standing) -> DeviceWithheld | DeviceAvoided | DeviceReturned:
    """Return how freely a device is given that stands so."""
    if standing.withheld:
        return DeviceWithheld(uuid, standing.reason)
    if standing.level is Level.AVOIDED:
        # One that is to prove itself must be given to somebody: last, but not never.
        return DeviceAvoided(uuid, standing.reason, last=bool(standing.until))
    return DeviceReturned(uuid)
