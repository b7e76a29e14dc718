"""One device under watch: everything that speaks against it, and what is thought of it for that."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from gpucore.scheduling import signs
from gpucore.scheduling.standing import GOOD, Change, Level, Standing
from gpucore.scheduling.xids import ACTIONS, DEVICE_FAULTS, FOLLOWS, GONE, sign_of_xid, xid_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.scheduling.signs import Sign
    from gpucore.scheduling.standing import HealthRules
    from gpucore.standard.readings import Reading

__all__ = ["Watched"]

_HEAT = 0x8 | 0x20 | 0x40 | 0x80
"""``nvmlClocksEventReasons``: HwSlowdown, SwThermal-, HwThermal-, HwPowerBrakeSlowdown."""

_ASKS_NOTHING = "none"
_INSTANCE = "MIG-"


class Watched:
    """A device, what it showed, and how it stands.

    Parameters
    ----------
    uuid : str
        The device.
    rules : HealthRules
        The numbers by which it is judged.
    """

    def __init__(self, uuid: str, rules: HealthRules) -> None:
        self.uuid = uuid
        self.standing = GOOD
        self.source: Standing | None = None
        """What the silence or a fault of the whole source says."""
        self.blame: Standing | None = None
        """What the steps that failed on it say."""
        self._rules = rules
        self._remembered: Standing | None = None
        self._enabled_in_spite_of = ""
        self._kept: dict[Sign, Standing] = {}
        self._shown: dict[Sign, Standing] = {}
        self._stop = False
        self._facts: tuple[object, ...] | None = None
        self._action: str | None = None
        self._errors: int | None = None
        self._contained = float("-inf")
        self._killed = float("-inf")
        self._unreadable: float | None = None
        self._unseen: float | None = None
        self._missing = False
        self._hot = float("-inf")
        self._hot_minutes: deque[int] = deque(maxlen=rules.heat_of)

    @property
    def explained(self) -> bool:
        """Whether it is known by its own signs why steps fail on it."""
        own = (*self._kept.values(), *self._shown.values())
        return any(one.withheld for one in own) or self.source is not None

    @property
    def broken(self) -> bool:
        """Whether it showed a sign for which what ran on it had to be ended."""
        return any(sign.stop_steps for sign in (*self._kept, *self._shown))

    @property
    def overruled(self) -> tuple[str, ...]:
        """What it shows in spite of which a person may have it used."""
        return tuple(sign.meaning for sign in (*self._kept, *self._shown) if sign.overruled)

    @property
    def lost(self) -> bool:
        """Whether it has fallen off the bus."""
        return signs.LOST in self._kept

    def remember(self, standing: Standing | None) -> None:
        """Take over what is remembered of it; None: nothing."""
        self._remembered, self._enabled_in_spite_of = standing, ""
        if standing is not None and standing.by and not standing.withheld:
            self._kept.clear()
            self._enabled_in_spite_of = standing.reason
        self._facts = None

    def enable(self) -> None:
        """Take in that a person has enabled it: what it showed does not count any more."""
        self.remember(None)
        self._kept.clear()

    def killed(self, now: float) -> None:
        """Take in that a program of ours on it is ended by us."""
        self._killed = now

    def passed(self) -> None:
        """Take in that a step passed on it."""
        for sign in [sign for sign in self._kept if sign.forgiven]:
            del self._kept[sign]

    def report(self, number: int, now: float) -> None:
        """Take in an Xid that was read at this time."""
        if number == FOLLOWS and 0 <= now - self._killed <= self._rules.own_kill:
            return  # the echo of our kill; after another Xid, what followed from that counts on
        sign = sign_of_xid(number, self._action)
        if sign is None:
            return
        if sign is signs.CONTAINED_ERROR:
            self._contained = now
        self._keep(sign, now, xid_text(number))

    def link_failed(self, now: float) -> None:
        """Take in that a step on several devices failed after an error of its link."""
        self._keep(signs.LINK_BROKEN, now)

    def unending(self, step: str, now: float) -> None:
        """Take in that a step's program on it lives on although it was killed."""
        self._keep(signs.UNENDING, now, f"the program of {step} cannot be ended")

    @property
    def link_suspect(self) -> bool:
        """Whether its link had an error, and the driver does not say that this is over."""
        return signs.LINK_ERROR in self._kept and self._action != _ASKS_NOTHING

    def asks(self, reading: Reading | None) -> None:
        """Take in what the driver asks for, by which its reports are understood."""
        self._action = None if reading is None else reading.recovery_action

    def look(self, reading: Reading | None, now: float) -> None:
        """Take in how it is now; None: it is not among the devices any more."""
        facts = self._facts_of(reading)
        timed = self._unreadable is not None or self._unseen is not None or bool(self._hot_minutes)
        if facts == self._facts and not timed and not self._missing:
            return
        self._facts = facts
        before, self._shown = self._shown, {}
        for sign, said in self._signs_of(reading, now):
            self._show(sign, now, said, before)
        clean = not any(one.withheld for one in self._shown.values())
        if clean and self._remembered is not None and not self._stays(self._remembered):
            self._remembered = None

    def settle(self) -> Change | None:
        """Return what is thought of it anew, or None when that is as before."""
        found = [*self._kept.values(), *self._shown.values()]
        found += [one for one in (self.source, self.blame, self._remembered) if one is not None]
        after = max(found, key=lambda one: one.rank, default=GOOD)
        before, self.standing = self.standing, after
        stop, self._stop = self._stop, False
        if after == before and not stop:
            return None
        return Change(uuid=self.uuid, before=before, after=after, stop_steps=stop)

    @staticmethod
    def _stays(standing: Standing) -> bool:
        """Say whether something remembered outlasts a look that finds the device clean."""
        return standing.hard or bool(standing.by)

    def _keep(self, sign: Sign, now: float, said: str = "") -> None:
        if sign not in self._kept:
            self._stop |= sign.stop_steps
            self._kept[sign] = sign.seen(self.uuid, now, said)

    def _show(self, sign: Sign, now: float, said: str, before: dict[Sign, Standing]) -> None:
        standing = sign.seen(self.uuid, now, said)
        if sign.overruled and sign.meaning in self._enabled_in_spite_of:
            standing = replace(standing, level=Level.NOTED, hard=False)
        elif sign.hard:
            self._keep(sign, now, said)
            return
        elif sign not in before:
            self._stop |= sign.stop_steps
        old = before.get(sign)
        same = old is not None and replace(old, since=now) == standing
        self._shown[sign] = old if old is not None and same else standing

    def _facts_of(self, reading: Reading | None) -> tuple[object, ...]:
        """Return all of a reading that says something of health: mostly it is as it was before."""
        if reading is None:
            return ()
        return (
            reading.fault,
            reading.ecc_uncorrected,
            reading.remap_pending,
            reading.remap_failed,
            reading.recovery_action,
            (reading.clock_reasons or 0) & _HEAT,
            reading.mig,
            reading.compute_mode,
            self._memory_unseen(reading),
        )

    def _signs_of(self, reading: Reading | None, now: float) -> Iterator[tuple[Sign, str]]:
        if reading is None or reading.fault in GONE:
            yield self._gone()
            return
        self._missing = False
        yield from self._fault(reading.fault, now)
        if reading.fault:
            return
        yield from self._asked(reading.recovery_action)
        if reading.remap_pending:
            yield signs.REMAPPED, ""
        if reading.remap_failed:
            yield signs.REMAP_FAILED, ""
        if reading.compute_mode == "prohibited":
            yield signs.PROHIBITED, ""
        yield from self._layout(reading.mig)
        self._memory_errors(reading, now)
        yield from self._heat(reading, now)
        yield from self._memory_held(reading, now)

    def _gone(self) -> tuple[Sign, str]:
        """Return what it means that it is not there: one look may err, two do not."""
        if not self._missing:
            self._missing = True
            return signs.MISSING, ""
        if self.uuid.startswith(_INSTANCE):
            return signs.MIG_CHANGED, ""
        return signs.LOST, signs.MISSING.meaning

    def _fault(self, fault: str, now: float) -> Iterator[tuple[Sign, str]]:
        if not fault:
            self._unreadable = None
        elif fault in DEVICE_FAULTS:
            yield DEVICE_FAULTS[fault], f"{DEVICE_FAULTS[fault].meaning} ({fault})"
        else:
            if self._unreadable is None:
                self._unreadable = now
            long = now - self._unreadable >= self._rules.quarantined_after
            sign = signs.UNREADABLE_LONG if long else signs.UNREADABLE
            yield sign, f"{sign.meaning} ({fault})"

    def _asked(self, action: str | None) -> Iterator[tuple[Sign, str]]:
        if action is None:
            return
        if action not in ACTIONS:
            yield signs.ACTION_UNEXPLAINED, f"{signs.ACTION_UNEXPLAINED.meaning} ({action})"
        elif (sign := ACTIONS[action]) is not None:
            yield sign, ""

    def _layout(self, mig: tuple[bool, bool] | None) -> Iterator[tuple[Sign, str]]:
        if mig is None:
            return
        now, later = mig
        if now != self.uuid.startswith(_INSTANCE):
            yield signs.MIG_CHANGED, ""
        elif now != later:
            yield signs.MIG_PENDING, ""

    def _memory_errors(self, reading: Reading, now: float) -> None:
        errors = reading.ecc_uncorrected
        if errors is None:
            return
        before, self._errors = self._errors, errors
        if before is None:
            if errors:
                self._keep(signs.EARLIER_ERRORS, now)
            return
        if errors <= before:  # fewer: the driver was loaded anew
            return
        contained = now - self._contained <= self._rules.contained_within
        if contained or reading.recovery_action == _ASKS_NOTHING:
            self._keep(signs.CONTAINED_ERROR, now)
        else:
            said = f"{signs.MEMORY_ERROR.meaning}: uncorrectable errors rose from {before} to"
            self._keep(signs.MEMORY_ERROR, now, f"{said} {errors}")

    def _heat(self, reading: Reading, now: float) -> Iterator[tuple[Sign, str]]:
        minute = int(now // 60)
        if (reading.clock_reasons or 0) & _HEAT:
            self._hot = now
            if not self._hot_minutes or self._hot_minutes[-1] != minute:
                self._hot_minutes.append(minute)
        while self._hot_minutes and not 0 <= minute - self._hot_minutes[0] < self._rules.heat_of:
            self._hot_minutes.popleft()
        if len(self._hot_minutes) >= self._rules.heat_minutes:
            yield signs.SLOWED_OFTEN, ""
        elif 0 <= now - self._hot < self._rules.heat_over:
            yield signs.SLOWED, ""

    def _memory_unseen(self, reading: Reading) -> bool:
        used = reading.memory_used_mib
        idle = reading.processes == () and reading.utilisation == 0
        return idle and used is not None and used >= self._rules.unseen_mib

    def _memory_held(self, reading: Reading, now: float) -> Iterator[tuple[Sign, str]]:
        if not self._memory_unseen(reading):
            self._unseen = None
            return
        if self._unseen is None:
            self._unseen = now
        if now - self._unseen >= self._rules.unseen_after:
            yield signs.UNSEEN_MEMORY, ""
