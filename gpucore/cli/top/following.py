"""One run's journal, read again only where it has grown."""

from __future__ import annotations

import sqlite3
from collections import deque
from dataclasses import replace
from heapq import nlargest
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.cli.top.picture import RunNow, StepNow
from gpucore.errors import GpucoreError
from gpucore.report.reading import LATEST
from gpucore.standard.model import StepState
from gpucore.system.journal_coding import KIND, decode
from gpucore.system.journal_following import TICK, file_facts, rows_after
from gpucore.system.journal_place import find_place
from gpucore.system.journal_reading import read_place
from gpucore.system.journal_records import Began, Finished, Regarded, RunBegan
from gpucore.system.journal_replay import Replay
from gpucore.system.journal_steps import regards
from gpucore.system.orphans import find_marked

if TYPE_CHECKING:
    from gpucore.system.journal_following import FileFacts
    from gpucore.system.journal_place import Place
    from gpucore.system.journal_replay import JournalState
    from gpucore.system.journal_store import Row
    from gpucore.system.present_runs import PresentRun

__all__ = ["Follower"]

_BEGAN, _FINISHED = KIND[Began], KIND[Finished]
_REGARDED, _RUN_BEGAN = KIND[Regarded], KIND[RunBegan]
_FAILED_KEPT = 50
_ENDS = 64
"""Ends that a rate is made of: the latest say most of how it goes on."""

_RELOAD = 10.0
"""Seconds between two times at which all of a journal is read."""

_DONE_OR_FAILED = (StepState.DONE, StepState.FAILED)


class Follower:
    """One run, as its journal tells of it.

    Parameters
    ----------
    present : PresentRun
        The run.
    user : str
        Whose it is.
    state_home : Path
        The user's directory for state.
    """

    def __init__(self, present: PresentRun, user: str, state_home: Path) -> None:
        self.present = present
        self._user = user
        self._home = state_home
        self._seen: FileFacts | None = None
        self._changed = 0.0
        self._again = 0.0
        self._fault = ""
        self._state: JournalState | None = None
        self._file = 0
        self._running: dict[str, StepNow] = {}
        self._failed: dict[str, StepNow] = {}
        self._regards: dict[str, tuple[str, str, str]] = {}
        self._ends: deque[float] = deque(maxlen=_ENDS)
        self._first = present.began

    def look(self, now: float) -> RunNow:
        """Return how the run stands at a time, in seconds since the epoch; never raises."""
        try:
            place = find_place(Path(self.present.folder), self._home, own=False)
            facts = file_facts(place)
            if facts != self._seen:
                self._changed = now
            if now - self._changed <= TICK:
                # All of it is not read again and again, whatever has happened to it.
                self._seen = facts if self._read(place, now) else None
        except OSError as error:
            self._lose(f"its journal cannot be read ({error.strerror})")
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            self._lose(f"its journal cannot be read ({error})")
        except GpucoreError as error:
            self._lose(error.what)
        return self._now(now)

    def _lose(self, fault: str) -> None:
        self._state, self._fault, self._seen = None, fault, None

    def _read(self, place: Place, now: float) -> bool:
        """Take in what is new, all of it when the file is another; return whether it was done."""
        file = place.journal.stat().st_ino
        state = self._state
        if state is None or file != self._file or state.source != place.journal:
            if now < self._again:
                return False
            self._again = now + _RELOAD
            self._load(place)
            self._file = file
            return True
        rows, fault = rows_after(place.journal, state)
        fault = Replay(state).take(rows) or fault
        self._take(state, rows)
        if fault:
            raise ValueError(fault)
        self._fault = ""
        return True

    def _load(self, place: Place) -> None:
        state = read_place(place, whole=False)
        if not state.runs:
            raise ValueError(state.loss or "there is no journal of a run")
        self._state, self._fault = state, ""
        self._running, self._failed = {}, {}
        fates = state.steps
        with state:
            for name in fates.named(StepState.RUNNING):
                if (began := state.began(name)) is not None:
                    self._running[name] = _runs(began)
            failed = ((fates[name].finished, name) for name in fates.named(StepState.FAILED))
            for _, name in reversed(nlargest(_FAILED_KEPT, failed)):
                if (finished := state.finished(name)) is not None:
                    self._failed[name] = _has_failed(finished, state.began(name))
            self._regards = {
                uuid: (one.level, one.reason, one.remedy) for uuid, one in regards(state).items()
            }
            self._begin_rate(state)

    def _begin_rate(self, state: JournalState) -> None:
        """Take the latest ends of this run, and not of earlier ones in its folder."""
        began = state.steps.of_runs[-1] if state.steps.of_runs else 0
        ended = nlargest(
            _ENDS + 1,
            (
                (n, name)
                for n, name in zip(state.steps.finished, state.steps.places, strict=True)
                if n > began
            ),
        )
        times = []
        for _, name in reversed(ended):
            finished = state.finished(name.decode("utf-8", "surrogatepass"))
            if finished is not None and finished.state in _DONE_OR_FAILED:
                times.append(finished.time)
        self._first = self.present.began
        self._ends.clear()
        for time in map(_moment, times):
            self._note_end(time)

    def _take(self, state: JournalState, rows: list[Row]) -> None:
        """Bring what is shown of steps in line with new events."""
        # Of several attempts in these events the last counts.
        begun = {row[2]: row for row in rows if row[1] == _BEGAN}
        ended = {row[2]: row for row in rows if row[1] == _FINISHED}
        for raw in {**begun, **ended}:
            name = raw.decode("utf-8", "surrogatepass")
            self._failed.pop(name, None)
            step = self._running.pop(name, None)
            began = decode(*begun[raw][1:5]) if raw in begun else None
            if isinstance(began, Began):
                step = _runs(began)
            finished = decode(*ended[raw][1:5]) if raw in ended else None
            how = state.steps[name].state
            if how is StepState.RUNNING and step is not None:
                self._running[name] = step
            elif isinstance(finished, Finished) and how in _DONE_OR_FAILED:
                self._note_end(_moment(finished.time))
                if how is StepState.FAILED:
                    self._failed[name] = _has_failed(finished, step)
        for row in rows:
            if row[1] == _RUN_BEGAN:
                self._regards.clear()
            record = decode(*row[1:5]) if row[1] == _REGARDED else None
            if isinstance(record, Regarded):
                self._regards[record.device] = record.level, record.reason, record.remedy
        while len(self._failed) > _FAILED_KEPT:
            del self._failed[next(iter(self._failed))]

    def _note_end(self, time: float) -> None:
        if len(self._ends) == _ENDS:
            self._first = self._ends[0]
        self._ends.append(time)

    def _now(self, now: float) -> RunNow:
        present, state = self.present, self._state
        counts: dict[str, int] = {}
        how, reason = "unread", self._fault
        devices: tuple[tuple[str, int, str, int, bool], ...] = ()
        if state is not None:
            counts = {step.value: count for step, count in state.counts().items() if count}
            began, finished = state.runs[-1]
            devices = began.devices
            if finished is not None or began.run != present.run:
                how, reason = "ended", finished.reason if finished is not None else ""
            elif not present.lives:
                how, reason = "died", "its process died"
            else:
                how, reason = "runs" if self._running else "waits", state.loss
        if how == "died":
            self._cut_off()
        running = () if how == "ended" else tuple(self._running.values())
        rate = self._rate(now) if how in {"runs", "waits"} else None
        ahead = counts.get("waiting", 0) + counts.get("running", 0)
        return RunNow(
            key=present.run,
            folder=present.folder,
            user=self._user,
            own=True,
            pid=present.pid,
            state=how,
            reason=reason,
            began=present.began,
            counts=counts,
            rate=rate,
            left=ahead / rate if rate and ahead else None,
            running=running,
            failed=tuple(reversed(self._failed.values())),
            devices=devices,
            regards={uuid: one for uuid, one in self._regards.items() if one[0] != "good"},
        )

    def _cut_off(self) -> None:
        """Tell the steps whose programs outlived their run from those that ended with it."""
        going = [name for name, step in self._running.items() if step.state == "running"]
        if going:
            marked = {one.step for one in find_marked((self.present.run,))}
            for name in going:
                if name not in marked:
                    step = self._running[name]
                    self._running[name] = replace(step, state="cut off", gpus=())

    def _rate(self, now: float) -> float | None:
        if not self._ends or now <= self._first:
            return None
        return len(self._ends) / (now - self._first)


def _moment(at: float) -> float:
    """Return a time of a record.

    Raises
    ------
    ValueError
        When no clock can have told it.
    """
    if not (isinstance(at, float | int) and 0 <= at < LATEST):
        raise ValueError(f"it tells a time that cannot be: {at!r}")
    return at


def _runs(began: Began) -> StepNow:
    return StepNow(
        step=began.step,
        state="running",
        attempt=began.attempt,
        since=_moment(began.time),
        gpus=began.devices,
        log=began.log,
        mark=began.env.get("GPUCORE_RUN", ""),
    )


def _has_failed(finished: Finished, began: Began | StepNow | None) -> StepNow:
    gpus = began.devices if isinstance(began, Began) else began.gpus if began is not None else ()
    return StepNow(
        step=finished.step,
        state="failed",
        attempt=finished.attempt,
        since=_moment(finished.time),
        gpus=gpus,
        reason=finished.reason,
        log=finished.log or (began.log if began is not None else ""),
    )
