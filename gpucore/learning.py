"""What a run learns of the GPU memory that its programs take, and what was learned before."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gpucore.scheduling.memory import memory_key
from gpucore.standard.params import rooted
from gpucore.system.memory_notes import MemoryNotes, sizes_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gpucore.standard.model import Outcome
    from gpucore.standard.step import Step

__all__ = ["LearnedMemory"]

_LOGGER = logging.getLogger(__name__)


class LearnedMemory:
    """The memory that steps were seen to hold, in terms of steps.

    Parameters
    ----------
    notes : MemoryNotes
        What is remembered on this machine.
    root : Path
        Relative paths are below it.
    """

    def __init__(self, notes: MemoryNotes, root: Path) -> None:
        self._notes = notes
        self._root = str(root)

    def peaks(self, step: Step) -> Sequence[int]:
        """Return the most that steps like one held of a device, in MiB."""
        return self._notes.peaks(step.adapter.name, self._key(step))

    def hear(self, step: Step, outcome: Outcome) -> None:
        """Remember what a step that ended well was seen to hold; a run goes on without."""
        if not outcome.done or not outcome.peak_memory_mib:
            return
        declared = step.gpu_memory or step.adapter.gpu.memory or 0
        try:
            self._notes.add(step.adapter.name, self._key(step), declared, outcome.peak_memory_mib)
        except Exception:  # the step has ended as it has, and must be told to have ended
            _LOGGER.exception("what step %s held is not remembered", step.name)

    def _key(self, step: Step) -> str:
        values = rooted(step.adapter, step.values, self._root)
        return memory_key(step.adapter, values, sizes_of(step.adapter, values), gpus=step.gpus or 1)
