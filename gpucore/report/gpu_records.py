"""What a journal's records tell of GPUs: which there were, what they said, what was thought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.report.history import Gpu, GpuNote, Sample
from gpucore.system.simulated import simulated_index

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.system.journal_records import Began, Regarded, RunBegan, Sampled

__all__ = ["GpuRecords"]

_GOOD = "good"


class GpuRecords:
    """GPUs in the order in which they are first told of.

    Attributes
    ----------
    gpus : list of Gpu
        All that were told of; elsewhere they are known by their places in it.
    notes : list of GpuNote
        What was thought of them, as far as that is over.
    samples : dict of int to list of Sample
        What they said, by place.
    """

    def __init__(self) -> None:
        self.gpus: list[Gpu] = []
        self.notes: list[GpuNote] = []
        self.samples: dict[int, list[Sample]] = {}
        self._places: dict[str, int] = {}
        self._regarded: dict[int, Regarded] = {}

    def of_run(self, record: RunBegan) -> set[int]:
        """Return the places of the GPUs that a run was given."""
        places = set()
        for uuid, index, name, memory_mib, simulated in record.devices:
            place = self._place(uuid)
            self.gpus[place] = Gpu(
                uuid=uuid, index=index, name=name, memory_mib=memory_mib, simulated=simulated
            )
            places.add(place)
        return places

    def of_step(self, record: Began) -> tuple[int, ...]:
        """Return the places of the GPUs that a step began on, each once."""
        places = tuple(self._place(uuid) for uuid in dict.fromkeys(record.devices))
        if record.held_by and record.granted:
            self.notes += [
                GpuNote(
                    gpu=place,
                    began=record.granted,
                    ended=max(record.time, record.granted),
                    level="held",
                    reason=record.held_by,
                )
                for place in places
            ]
        return places

    def sampled(self, record: Sampled) -> None:
        """Take in what they said."""
        for uuid, (memory_mib, utilisation, temperature) in record.devices.items():
            place = self._place(uuid)
            self.samples.setdefault(place, []).append(
                Sample(
                    time=record.time,
                    gpu=place,
                    utilisation=utilisation,
                    memory_mib=memory_mib,
                    temperature=temperature,
                )
            )

    def regarded(self, record: Regarded) -> None:
        """Take in what is thought of one from now on."""
        place = self._place(record.device)
        self._end(place, record.time)
        if record.level != _GOOD:
            self._regarded[place] = record

    def run_ended(self, at: float) -> None:
        """Hear that what was thought in a run is known of no longer."""
        for place in list(self._regarded):
            self._end(place, at)

    def standing(self, at: float) -> list[GpuNote]:
        """Return all notes, those that are not over as they stand at a moment."""
        return [*self.notes, *self.open(at)]

    def open(self, at: float) -> list[GpuNote]:
        """Return the notes that are not over, as they stand at a moment."""
        return [_note(place, one, at) for place, one in self._regarded.items()]

    def labels(self, places: Iterable[int]) -> tuple[str, ...]:
        """Return what people call them."""
        return tuple(self.gpus[place].label for place in places)

    def _end(self, place: int, at: float) -> None:
        record = self._regarded.pop(place, None)
        if record is not None:
            self.notes.append(_note(place, record, at))

    def _place(self, uuid: str) -> int:
        place = self._places.get(uuid)
        if place is None:
            place = self._places[uuid] = len(self.gpus)
            index = simulated_index(uuid)
            self.gpus.append(Gpu(uuid=uuid, index=index, simulated=index is not None))
        return place


def _note(place: int, record: Regarded, at: float) -> GpuNote:
    return GpuNote(
        gpu=place,
        began=record.time,
        ended=max(at, record.time),
        level=record.level,
        reason=record.reason,
        remedy=record.remedy,
    )
