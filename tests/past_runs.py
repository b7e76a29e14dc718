"""Journals of runs that are over, as the report reads them: written by the journal itself."""

from __future__ import annotations

import heapq
import random
import socket
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.standard.model import FailureClass, StepState
from gpucore.system.journal import (
    Began,
    Fingerprint,
    Finished,
    Journal,
    Planned,
    RunBegan,
    RunFinished,
    read_journal,
)
from gpucore.system.journal_records import Record, Regarded, Sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpucore.system.journal import JournalState

__all__ = ["ZERO", "PastRun", "night", "uuid"]

ZERO = 1_795_400_000.0
"""When the first run began, in seconds since the epoch; all times here count from there."""

MIB = 24_576


def uuid(index: int) -> str:
    """Return the identity of a GPU."""
    return f"GPU-{index:08x}-1111-4222-8333-444455556666"


@dataclass
class PastRun:
    """Runs of one output folder; times are seconds since the first began.

    Parameters
    ----------
    folder : Path
        The output folder.
    gpus : int
        How many GPUs its runs have.
    workers : int
        How many steps they run at once.
    """

    folder: Path
    gpus: int = 2
    workers: int = 2
    _journal: Journal | None = field(default=None, repr=False)

    def begin(self, at: float = 0.0, name: str = "first", **facts: object) -> None:
        """Begin a run."""
        self._close()
        record = RunBegan(
            run=name,
            time=ZERO + at,
            pid=99_999_999,
            host=socket.gethostname(),
            boot="b",
            version="0.1.0",
            argv=("gpucore", "run", "job.toml"),
            cwd="/data/session",
            devices=tuple((uuid(n), n, "RTX A5000", MIB, False) for n in range(self.gpus)),
            workers=self.workers,
        )
        record = replace(record, **facts)  # type: ignore[arg-type]
        self.folder.mkdir(parents=True, exist_ok=True)
        self._journal = Journal.open(
            self.folder, state_home=self.folder.parent / "state", run=record
        )

    def add(self, record: Record) -> None:
        """Put a record into the run."""
        assert self._journal is not None
        self._journal.append(record)

    def plan(self, *steps: str, adapter: str = "copy") -> None:
        """Let steps come into the run; a stage is what stands before the slash."""
        for step in steps:
            self.add(Planned(step=step, stage=step.partition("/")[0], adapter=adapter))

    def ran(
        self,
        step: str,
        began: float,
        ended: float,
        *gpus: int,
        attempt: int = 1,
        inputs: Sequence[str] = (),
        **end: object,
    ) -> None:
        """Let a step run on some GPUs, without anything else meanwhile."""
        self.began(step, began, *gpus, attempt=attempt, inputs=inputs)
        self.ended(step, ended, attempt=attempt, **end)

    def began(
        self,
        step: str,
        at: float,
        *gpus: int,
        attempt: int = 1,
        inputs: Sequence[str] = (),
        **facts: object,
    ) -> None:
        """Let a step begin."""
        record = Began(
            step=step,
            attempt=attempt,
            time=ZERO + at,
            argv=("prog", "-in", f"/data/{step}.tif", "-out", f"/out/{step}.mrc"),
            env={"CUDA_VISIBLE_DEVICES": ",".join(map(str, gpus)), "GPUCORE_RUN": "first"},
            devices=tuple(map(uuid, gpus)),
            log=str(self.log(step, attempt)),
            inputs={one: Fingerprint(size=1, changed_ns=1) for one in inputs},
        )
        self.add(replace(record, **facts))  # type: ignore[arg-type]

    def ended(self, step: str, at: float, *, attempt: int = 1, **facts: object) -> None:
        """Let a step end; well, when nothing else is said."""
        record = Finished(
            step=step,
            attempt=attempt,
            time=ZERO + at,
            state=StepState.DONE,
            exit_code=0,
            outputs={"out": f"/out/{step}.mrc"},
        )
        self.add(replace(record, **facts))  # type: ignore[arg-type]

    def failed(self, step: str, at: float, reason: str, *, attempt: int = 1) -> None:
        """Let a step fail."""
        self.ended(
            step,
            at,
            attempt=attempt,
            state=StepState.FAILED,
            reason=reason,
            hint="look at the input",
            failure=FailureClass.PROGRAM_FAULT,
            exit_code=3,
            outputs={},
        )

    def log(self, step: str, attempt: int = 1) -> Path:
        """Return the log of an attempt."""
        name = f"{step.replace('/', '_')}.{attempt}.txt"
        return self.folder / ".gpucore" / "runs" / "first" / "log" / name

    def write_log(self, step: str, text: str, attempt: int = 1) -> None:
        """Let a step's program have printed something."""
        log = self.log(step, attempt)
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text, "utf-8")

    def sample(self, at: float, *loads: tuple[int | None, int | None, int | None]) -> None:
        """Let GPUs say what memory they use, how busy and how hot they are."""
        self.add(Sampled(time=ZERO + at, devices={uuid(n): one for n, one in enumerate(loads)}))

    def regard(self, gpu: int, at: float, level: str, reason: str = "", remedy: str = "") -> None:
        """Let something be thought of a GPU."""
        self.add(
            Regarded(time=ZERO + at, device=uuid(gpu), level=level, reason=reason, remedy=remedy)
        )

    def end(self, at: float, reason: str = "") -> None:
        """End the run in order."""
        self.add(RunFinished(run="first", time=ZERO + at, reason=reason))
        self._close()

    def settle(self, at: float) -> None:
        """Come back when all that was told is on disk; the run goes on."""
        assert self._journal is not None
        self._journal.commit(Regarded(time=ZERO + at, device=uuid(0), level="good"))

    def read(self) -> JournalState:
        """Return what the journal says; a run that was not ended in order has died."""
        self._close()
        return read_journal(self.folder, self.folder.parent / "state")

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def night(folder: Path, steps: int, *, gpus: int = 4, seed: int = 5) -> PastRun:
    """Return a night at the microscope: movies come, are aligned, and their CTF is fitted.

    Parameters
    ----------
    folder : Path
        The output folder.
    steps : int
        How many steps: half of them align, the others fit what was aligned.
    """
    pick = random.Random(seed)
    past = PastRun(folder, gpus=gpus, workers=gpus)
    past.begin()
    every = 11.0 / gpus
    came, ready, told = 0.0, [], []
    for number in range(steps // 2):
        came += every * pick.choice([0.5, 1, 1, 1.5]) + (1800 if number % 900 == 700 else 0)
        step = f"align/movie_{number:05d}"
        heapq.heappush(ready, (came, number, 1, step, f"/data/{step}.tif"))
        told.append((came, past.plan, (step,), {"adapter": "align"}))
    lost = (came * 0.4, came * 0.5)
    free = [0.0] * gpus
    while ready:
        at, number, attempt, step, source = heapq.heappop(ready)
        usable = [
            gpu for gpu in range(gpus) if gpu != 1 or not lost[0] < max(free[gpu], at) < lost[1]
        ]
        gpu = min(usable, key=lambda gpu: max(free[gpu], at))
        begins = max(free[gpu], at) + 0.05
        fits = step.startswith("ctf/")
        took = (
            pick.uniform(1.5, 3) if fits else pick.uniform(6, 9) * (1 + 3 * (number % 400 == 399))
        )
        ends = free[gpu] = begins + took
        where = {"attempt": attempt, "inputs": [source]}
        told.append((begins, past.began, (step, begins, gpu), where))
        if not fits and number % 200 == 150 and (attempt == 1 or number % 600 == 150):
            reason = f"exit code 3; its last words: CUDA error in {step}"
            told.append((ends, past.failed, (step, ends, reason), {"attempt": attempt}))
            past.write_log(step, f"reading {step}\nframe 1\nframe 2\nCUDA error\n", attempt)
            if attempt == 1:
                heapq.heappush(ready, (ends, number, 2, step, source))
            continue
        peaks = {"peak_memory_mib": pick.randrange(4000, 9000), "peak_utilisation": 97}
        told.append((ends, past.ended, (step, ends), {"attempt": attempt, **peaks}))
        if not fits:
            fit = f"ctf/{step.partition('/')[2]}"
            told.append((ends, past.plan, (fit,), {"adapter": "ctf"}))
            heapq.heappush(ready, (ends, number, 1, fit, f"/out/{step}.mrc"))
    for place in range(int(max(free) // 30)):
        loads = [(pick.randrange(3000, 9000), pick.randrange(60, 99), 70) for _ in free]
        told.append((place * 30.0, past.sample, (place * 30.0, *loads), {}))
    why = ("quarantined", "Xid 79: fell off the bus", "restart the machine")
    told.append((lost[0], past.regard, (1, lost[0], *why), {}))
    told.append((lost[1], past.regard, (1, lost[1], "good"), {}))
    for _, call, arguments, named in sorted(told, key=lambda one: one[0]):
        call(*arguments, **named)
    past.end(max(free) + 1)
    return past
