"""What the machine is told, and what it answers: events in, actions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from gpucore.errors import NeedError
from gpucore.scheduling.ledger import Grant
from gpucore.standard.model import Need

__all__ = [
    "HEALTH",
    "STRANGERS",
    "Action",
    "Cancelled",
    "DeviceAvoided",
    "DeviceLost",
    "DeviceReturned",
    "DeviceWithheld",
    "Drained",
    "Ended",
    "Fate",
    "FewerWorkers",
    "Launch",
    "MachineEvent",
    "MemorySeen",
    "Refuse",
    "Skip",
    "Stop",
    "Submitted",
    "Together",
]

HEALTH = "health"
"""Says of a device that it is not fit: it does not come back by waiting."""
STRANGERS = "strangers"
"""Says of a device that programs of others compute on it."""


class Fate(IntEnum):
    """Where a step stands with the machine."""

    WAITING = 0
    READY = 1
    RUNNING = 2
    DONE = 3
    FAILED = 4
    SKIPPED = 5
    CANCELLED = 6


@dataclass(frozen=True)
class Submitted:
    """A step is to be run; steps are numbered 0, 1, 2, … in the order of submission.

    One that is ``done`` already, in an earlier run, takes its number and nothing else. Of those
    that are ready a higher ``priority`` comes first.
    """

    step: int
    need: Need
    after: Sequence[int] = ()
    done: bool = False
    priority: int = 0


@dataclass(frozen=True)
class Ended:
    """A step that was launched ended, well or not; one not done may be tried ``again``.

    A new try keeps the place in the queue, and asks for what it asked before, or for ``need``.
    While the machine drains there is none, and the step is told as cancelled.
    """

    step: int
    done: bool
    again: bool = False
    need: Need | None = None


@dataclass(frozen=True)
class Cancelled:
    """A step is not wanted any more."""

    step: int


@dataclass(frozen=True)
class Drained:
    """Nothing new is to be started; every step that does not run is cancelled."""


@dataclass(frozen=True)
class DeviceLost:
    """A device must not be given out any more; who has it is stopped."""

    uuid: str


@dataclass(frozen=True)
class DeviceWithheld:
    """A device is not to be given out for the time being; who has it runs on.

    Steps that need it wait. It is given again when all who withhold it (``by``) have returned it.
    """

    uuid: str
    reason: str = ""
    by: str = HEALTH


@dataclass(frozen=True)
class DeviceAvoided:
    """A device is to be given out only to steps that could never run on the others.

    With ``last`` it is given to everybody, after the others that are free.
    """

    uuid: str
    reason: str = ""
    by: str = HEALTH
    last: bool = False


@dataclass(frozen=True)
class DeviceReturned:
    """Who withheld or avoided a device (``by``) does so no longer."""

    uuid: str
    by: str = HEALTH


@dataclass(frozen=True)
class MemorySeen:
    """How much memory there is.

    Parameters
    ----------
    free : Mapping[str, int]
        MiB by device: what this run may use, whether its steps do or not. A device that is not
        named has what it had before.
    held : Mapping[int, int]
        By running step: the most MiB that it was seen to hold on one of its devices.
    """

    free: Mapping[str, int]
    held: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Together:
    """Several things that are known of devices at once: nothing is started in between.

    When a driver falls silent none of its devices may be given for want of another.
    """

    events: tuple[DeviceWithheld | DeviceAvoided | DeviceReturned, ...]


@dataclass(frozen=True)
class FewerWorkers:
    """The machine is too small for so many steps at once: half as many from now on, at least one.

    Those that run go on.
    """


@dataclass(frozen=True)
class Launch:
    """Start a step on what it was given."""

    step: int
    grant: Grant


@dataclass(frozen=True)
class Stop:
    """End a step that runs; its `Ended` is still to come."""

    step: int


@dataclass(frozen=True)
class Skip:
    """Tell that a step will not run: what it hangs on did not end well, or it was cancelled."""

    step: int
    fate: Fate
    because: int


@dataclass(frozen=True)
class Refuse:
    """Tell that a step can never run on the devices that are left."""

    step: int
    error: NeedError


MachineEvent: TypeAlias = (
    Submitted
    | Ended
    | Cancelled
    | Drained
    | DeviceLost
    | DeviceWithheld
    | DeviceAvoided
    | DeviceReturned
    | MemorySeen
    | FewerWorkers
    | Together
)
Action: TypeAlias = Launch | Stop | Skip | Refuse
