"""Whose fault failures are: a matrix of devices and steps, and what follows for a device.

Different steps that fail one after another on one device, and pass or have not failed elsewhere,
speak against the device: it is put in soft quarantine, and later one step tries it. A step that
fails on two devices is at fault itself, and what rested on it is undone. The idea is that of
WarpTools' work queue (workers that are marked sick, tasks that are marked poison).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gpucore.scheduling.signs import BLAMED, TRIAL
from gpucore.scheduling.standing import Level, Standing
from gpucore.standard.model import FailureClass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gpucore.scheduling.standing import HealthRules

__all__ = ["CLEAR", "DOUBTFUL", "Blame"]

CLEAR = frozenset({FailureClass.DEVICE_FAULT, FailureClass.NO_DEVICE, FailureClass.CPU_FALLBACK})
"""Failures that speak against a device by themselves."""

DOUBTFUL = frozenset(
    {
        FailureClass.PROGRAM_FAULT,
        FailureClass.MISSING_OUTPUT,
        FailureClass.LIMIT,
        FailureClass.UNKNOWN,
    }
)
"""Failures that may be the program's own: they count when the step passes elsewhere.

The rest (a wrong input, memory that others hold, a full disk, an interruption) says nothing of a
device.
"""

_MOST_STEPS = 10_000
_MOST_SUSPECTS = 30
_NAMED = 3


@dataclass
class _Step:
    """Where a step that failed did so, whether clearly, and whether it passed anywhere."""

    attempts: dict[frozenset[str], bool] = field(default_factory=dict)
    passed: bool = False

    @property
    def at_fault(self) -> bool:
        """Whether it failed on devices that have nothing in common, and never passed."""
        if self.passed:
            return False
        places = list(self.attempts)
        return any(
            one.isdisjoint(other) for n, one in enumerate(places) for other in places[n + 1 :]
        )

    def speaks_against(self, uuid: str) -> bool:
        """Say whether its failure on a device is the device's, as far as is known."""
        if self.at_fault:
            return False
        clear = any(clear and uuid in place for place, clear in self.attempts.items())
        return clear or self.passed


@dataclass
class _Row:
    """What failed on a device since something passed on it."""

    suspects: dict[str, None] = field(default_factory=dict)
    failures: int = 0
    passes_before: int = 0
    failures_before: int = 0
    standing: Standing | None = None
    remembered: bool = False
    doubtful: bool = False
    trial: str = ""
    before_trial: Standing | None = None


class Blame:
    """The matrix of devices and steps of one run.

    Parameters
    ----------
    devices : iterable of str
        UUIDs.
    rules : HealthRules
        How many steps it takes, and how long soft quarantine lasts.
    """

    def __init__(self, devices: Iterable[str], rules: HealthRules) -> None:
        self._rules = rules
        self._rows = {uuid: _Row() for uuid in devices}
        self._steps: dict[str, _Step] = {}
        self._passes = 0
        self._failures = 0

    def of(self, uuid: str) -> Standing | None:
        """Return how a device stands by the matrix alone; None: well."""
        return self._rows[uuid].standing

    def at_fault(self, step: str) -> bool:
        """Say whether a step failed on two devices, and passed on none."""
        record = self._steps.get(step)
        return record is not None and record.at_fault

    def remember(self, uuid: str, standing: Standing) -> None:
        """Take over a soft quarantine of an earlier run; nothing is known of what it rests on."""
        self._rows[uuid] = _Row(standing=standing, remembered=True)

    def clear(self, uuid: str) -> None:
        """Forget all that speaks against a device: it is enabled, or its fault is known."""
        self._rows[uuid] = _Row()
        for record in self._steps.values():
            for place in [place for place in record.attempts if uuid in place]:
                del record.attempts[place]

    def passed(self, step: str, uuids: Collection[str], now: float) -> set[str]:
        """Take in that a step passed; return the devices of which something else may be thought."""
        self._passes += 1
        touched = set(uuids)
        for uuid in uuids:
            self._rows[uuid] = _Row()
        record = self._steps.get(step)
        if record is not None:
            record.passed = True
            touched |= self._rejudged(record, now)
        return touched

    def failed(self, step: str, uuids: Collection[str], *, clear: bool, now: float) -> set[str]:
        """Take in that a step failed; return the devices of which something else may be thought.

        Parameters
        ----------
        step : str
            Its name.
        uuids : collection of str
            Its devices.
        clear : bool
            Whether the failure speaks against a device by itself. On several devices it is not
            known against which.
        now : float
            Seconds since the epoch.
        """
        self._failures += 1
        place = frozenset(uuids)
        record = self._steps.setdefault(step, _Step())
        record.attempts[place] = record.attempts.get(place, False) or (clear and len(place) == 1)
        while len(self._steps) > _MOST_STEPS:
            del self._steps[next(iter(self._steps))]
        for uuid in place:
            row = self._rows[uuid]
            if not row.suspects:
                row.passes_before, row.failures_before = self._passes, self._failures - 1
            row.failures += 1
            row.suspects[step] = None
            while len(row.suspects) > _MOST_SUSPECTS:
                del row.suspects[next(iter(row.suspects))]
            if _on_trial(row) and not record.at_fault:
                self._condemn(uuid, row, step, now)
        return set(place) | self._rejudged(record, now)

    def tick(self, now: float) -> set[str]:
        """Let one step try each device whose time is over; return those devices."""
        touched = set()
        for uuid, row in self._rows.items():
            standing = row.standing
            if standing is None or standing.level is not Level.QUARANTINED:
                continue
            if now < standing.since:  # the clock was set back: it must not lengthen it
                length = standing.until - standing.since
                row.standing = standing = replace(standing, since=now, until=now + length)
                touched.add(uuid)
            if now >= standing.until:
                row.standing = replace(
                    TRIAL.seen(uuid, standing.since), until=standing.until, boot=standing.boot
                )
                touched.add(uuid)
        return touched

    def _rejudged(self, record: _Step, now: float) -> set[str]:
        """Judge anew all devices that a step failed on."""
        touched = {uuid for place in record.attempts for uuid in place}
        for uuid in touched:
            self._judge(uuid, now)
        return touched

    def _judge(self, uuid: str, now: float) -> None:
        row = self._rows[uuid]
        against = [name for name in row.suspects if self._speaks_against(name, uuid)]
        enough = len(against) >= self._rules.in_a_row
        if row.standing is None:
            row.doubtful = not enough and self._alone_fails(row)
            if enough or row.doubtful:
                row.standing = self._quarantined(uuid, against if enough else [*row.suspects], now)
            return
        enough = enough or (row.doubtful and self._innocent(row) >= self._rules.doubtful_in_a_row)
        if not (enough or row.remembered):
            row.standing, row.trial, row.before_trial = None, "", None
        elif row.trial and self.at_fault(row.trial):
            row.standing, row.trial = row.before_trial, ""

    def _speaks_against(self, name: str, uuid: str) -> bool:
        record = self._steps.get(name)
        return record is not None and record.speaks_against(uuid)

    def _innocent(self, row: _Row) -> int:
        return sum(not self.at_fault(name) for name in row.suspects)

    def _alone_fails(self, row: _Row) -> bool:
        """Say whether many steps failed here while as many passed elsewhere, and none failed."""
        many = self._rules.doubtful_in_a_row
        passed = self._passes - row.passes_before  # none of them here
        failed_elsewhere = self._failures - row.failures_before - row.failures
        return passed >= many and not failed_elsewhere and self._innocent(row) >= many

    def _quarantined(self, uuid: str, steps: list[str], now: float) -> Standing:
        named = ", ".join(steps[:_NAMED]) + ("…" if len(steps) > _NAMED else "")
        passed = all(self._steps[name].passed for name in steps if name in self._steps)
        how = "and passed elsewhere" if passed else "and not elsewhere"
        said = f"{len(steps)} different steps failed on it one after another, {how}: {named}"
        return replace(BLAMED.seen(uuid, now, said), until=now + self._rules.periods[0])

    def _condemn(self, uuid: str, row: _Row, step: str, now: float) -> None:
        """Quarantine a device for longer: the step that tried it failed, too."""
        before = row.standing
        if before is None:
            return
        last = before.until - before.since
        longer = [one for one in self._rules.periods if one > last + 1.0]
        period = longer[0] if longer else self._rules.periods[-1]
        said = f"steps failed on it, and so did the one that tried it again: {step}"
        row.standing = replace(BLAMED.seen(uuid, now, said), until=now + period)
        row.before_trial, row.trial = before, step


def _on_trial(row: _Row) -> bool:
    return row.standing is not None and row.standing.level is Level.AVOIDED
