"""How a device stands: what is thought of it, why, and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gpucore.errors import InternalError

__all__ = ["GOOD", "Change", "HealthRules", "Level", "Standing"]


class Level(IntEnum):
    """What is thought of a device; the higher, the less it is given."""

    GOOD = 0
    """Given to whoever asks."""
    NOTED = 1
    """As good, and something is to be known of it."""
    AVOIDED = 2
    """Given when no other is free."""
    UNKNOWN = 3
    """Given to no new step until it can be looked at again; running ones go on."""
    QUARANTINED = 4
    """Given to no new step."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is thought of a device.

    Parameters
    ----------
    level : Level
        How it is given.
    reason : str
        Why, said of the device (`it has fallen off the bus (Xid 79)`); empty when it is good.
    remedy : str
        What a person can do; empty when it is good.
    since : float
        Seconds since the epoch.
    until : float
        Soft quarantine: seconds since the epoch from when one step may try it. It keeps the value
        while that is tried (then it is AVOIDED). 0: none.
    hard : bool
        Whether a quarantine lasts until `gpucore gpus enable`, or until the machine was started
        anew and the device is found clean. One that is neither hard nor soft lasts until the
        device is found clean.
    boot : str
        The identity of the boot in which it came about; filled in where it is remembered.
    by : str
        The user who said so by hand. It lasts until a user says otherwise.

    Raises
    ------
    InternalError
        When it is above GOOD without a reason and a remedy.
    """

    level: Level
    reason: str = ""
    remedy: str = ""
    since: float = 0.0
    until: float = 0.0
    hard: bool = False
    boot: str = ""
    by: str = ""

    def __post_init__(self) -> None:
        """Refuse one that a person could do nothing with."""
        if self.level > Level.GOOD and not (self.reason and self.remedy):
            raise InternalError(f"a device is {self.level.name} without a reason and a remedy")

    @property
    def withheld(self) -> bool:
        """Whether no new step gets the device."""
        return self.level >= Level.UNKNOWN

    @property
    def lasting(self) -> bool:
        """Whether it is to be remembered on this machine when the run has ended.

        What lasts only as long as its sign needs no memory: the sign shows itself again.
        """
        return bool(self.by or (self.until and self.level >= Level.AVOIDED)) or (
            self.hard and self.level is Level.QUARANTINED
        )

    @property
    def rank(self) -> tuple[int, bool, bool, float]:
        """Sorts what is thought of one device for several reasons; the last is what counts."""
        return self.level, bool(self.by), self.hard, self.until


GOOD = Standing(level=Level.GOOD)


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something new is thought of a device.

    Parameters
    ----------
    uuid : str
        The device.
    before, after : Standing
        What was thought of it, and what is.
    stop_steps : bool
        Whether programs on it must be ended; their steps are tried elsewhere. What they have made
        since the fault is suspect.
    """

    uuid: str
    before: Standing
    after: Standing
    stop_steps: bool = False


@dataclass(frozen=True, kw_only=True)
class HealthRules:
    """The numbers by which a device is judged; times in seconds.

    Parameters
    ----------
    unknown_after : float
        Silence until devices are unknown. A driver that is well answers within milliseconds, one
        that wakes a sleeping GPU within two or three seconds.
    quarantined_after : float
        Silence, or a device that cannot be read, until it is quarantined (Slurm gives an
        unkillable step 60 s: ``UnkillableStepTimeout``, slurm.conf(5)).
    own_kill : float
        How long after a program of ours was ended an Xid 45 on its device is its echo.
    heat_minutes, heat_of : int
        A device is said to be slowed down often when that was seen in so many of so many minutes
        (leptonai/gpud, ``hw-slowdown/component.go``: 0.6 events a minute over 10 minutes).
    heat_over : float
        How long its clocks must have been free until it is not avoided any more, so that one at
        its limit is not told of again and again.
    in_a_row : int
        Different steps that fail one after another on a device, by what speaks against devices,
        until it is put in soft quarantine.
    doubtful_in_a_row : int
        The same for failures that may be the programs' own, while on other devices as many steps
        pass and none fails.
    periods : tuple of float
        How long soft quarantine lasts until one step may try the device; the next is taken when
        that step fails.
    contained_within : float
        How long after an Xid 94 a rise of the error counter is the same contained error.
    unseen_mib : int
        Memory in use on an idle device by no process that can be seen, in MiB, from which it is
        noted; a driver keeps up to some hundreds for itself.
    unseen_after : float
        How long that must last: a program that is ending gives its memory back in less.
    """

    unknown_after: float = 5.0
    quarantined_after: float = 60.0
    own_kill: float = 5.0
    heat_minutes: int = 6
    heat_of: int = 10
    heat_over: float = 60.0
    in_a_row: int = 2
    doubtful_in_a_row: int = 5
    periods: tuple[float, ...] = (600.0, 1800.0, 7200.0)
    contained_within: float = 10.0
    unseen_mib: int = 1024
    unseen_after: float = 60.0
