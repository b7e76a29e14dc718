"""What all steps of a run have in common outside the standard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.holding import RunLeases
from gpucore.record import NOTHING_EARLIER, Earlier, RunRecord
from gpucore.standard.params import rooted
from gpucore.startup import Startup
from gpucore.system.folders import RunFolder
from gpucore.system.oom_kills import OomKills

if TYPE_CHECKING:
    from gpucore.learning import LearnedMemory  # noqa: TC004 - as the next
    from gpucore.monitoring import Monitor  # noqa: TC004 - few runs have devices to look at
    from gpucore.standard.step import Step

__all__ = ["Surroundings"]


def _say_nothing(text: str) -> None:
    """Stand in until somebody listens."""


@dataclass(kw_only=True)
class Surroundings:
    """What all steps of a run have in common outside the standard.

    Parameters
    ----------
    run : str
        The run's name.
    root : Path
        Relative paths are below it, and programs run in it.
    folder : RunFolder
        The run's own folder.
    environment : Mapping
        What programs inherit.
    startups : dict
        How each adapter's program is started, by adapter; found when a step is submitted.
    isolate : bool
        Whether other GPUs are hidden from every program that bears it.
    leases : RunLeases or None
        The run's kernel leases; None before its first step.
    record : RunRecord or None
        The run's journal; None without an output folder, and before its first step.
    kill_orphans : bool
        Whether programs that outlived their host are ended instead of waited for.
    stopping : bool
        Whether the run is to end.
    note : callable
        Tells the user of the run something, once.
    renumbered : bool
        Whether a GPU has fallen off the bus: CUDA counts without it, and only identities hold.
    monitor : Monitor or None
        Looks at the run's devices; None where there is nothing to look at.
    learned : LearnedMemory or None
        What is known of the memory that programs take.
    oom_kills : OomKills
        What the kernel ended for want of memory meanwhile.
    halted : GpucoreError or None
        Why the run ended before its time: no device is left, say; None: it did not.
    """

    run: str
    root: Path
    folder: RunFolder
    environment: Mapping[str, str]
    startups: dict[str, Startup]
    isolate: bool
    leases: RunLeases | None = None
    record: RunRecord | None = None
    kill_orphans: bool = False
    stopping: bool = False
    note: Callable[[str], None] = _say_nothing
    renumbered: bool = False
    monitor: Monitor | None = None
    learned: LearnedMemory | None = None
    oom_kills: OomKills = field(default_factory=OomKills)
    halted: GpucoreError | None = None

    def earlier(self, step: Step) -> Earlier:
        """Return what earlier runs of the same output folder say of a step."""
        if self.record is None:
            return NOTHING_EARLIER
        return self.record.earlier(step, rooted(step.adapter, step.values, str(self.root)))
