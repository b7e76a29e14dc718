"""Why a step failed: its class, from what its program said and what was seen of it meanwhile.

What proves most comes first: what the kernel and the driver reported, then a full disk, the
adapter's own marks, the texts of the libraries, and last what is likely.
"""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.scheduling.signs import CONTAINED_ERROR, LINK_ERROR, PROGRAM_ERROR
from gpucore.scheduling.standing import Level
from gpucore.scheduling.xids import FOLLOWS, sign_of_xid, xid_text
from gpucore.standard.messages import CERTAIN, LIKELY, TEXTS
from gpucore.standard.model import FailureClass
from gpucore.symptoms import symptoms
from gpucore.system.filesystems import full_place
from gpucore.system.logs import holds_any, holds_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gpucore.attempts import Started
    from gpucore.plugins.offers import Exit
    from gpucore.standard.adapter import Failure
    from gpucore.standard.evidence import Evidence

__all__ = [
    "Cause",
    "class_of_code",
    "find_cause",
    "has_room",
    "lacks_room",
    "remarks",
    "says_no_room",
]

_BY_SIGNAL = 128
_KILLED = frozenset({-signal.SIGKILL, _BY_SIGNAL + signal.SIGKILL})
_ENDED = frozenset(
    code
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    for code in (-one, _BY_SIGNAL + one)
)
_KILLED_CHILD = r"(?:^|[\s:])\d+ Killed\b|^Killed$"
"""What a shell prints when a program that it had started was ended by SIGKILL."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_MOST_FULL = 0.98
_ENOUGH_LOOKS = 5
_UNTOLD = frozenset({FailureClass.PROGRAM_FAULT, FailureClass.MISSING_OUTPUT, FailureClass.UNKNOWN})
_MAY_BE_A_FULL_DISK = _UNTOLD | {FailureClass.BAD_INPUT}
_MORE_MEMORY = "fewer steps at once (`--threads`), or a machine with more memory"


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why a step failed.

    Parameters
    ----------
    failure : FailureClass
        Its class.
    line : str
        What tells of it: a line that was printed, say. Empty when that is the exit code alone.
    hint : str
        What can be done about it.
    """

    failure: FailureClass
    line: str = ""
    hint: str = ""


def class_of_code(code: int) -> FailureClass:
    """Return what an exit code alone says; a shell adds 128 to the signal that ended its child."""
    if code in _ENDED:
        return FailureClass.INTERRUPTED
    if code in _KILLED:
        # Nobody of ours sent it: on Linux that is most often the kernel, out of memory.
        return FailureClass.HOST_MEMORY
    return FailureClass.PROGRAM_FAULT


def lacks_room(error: BaseException) -> bool:
    """Say whether an error is that of a full disk, whatever it was wrapped in since."""
    one: BaseException | None = error
    while one is not None:
        if isinstance(one, OSError) and one.errno in _NO_ROOM:
            return True
        one = one.__cause__
    return False


def says_no_room(text: str) -> bool:
    """Say whether a text holds the words of the C library for a full disk."""
    return any(os.strerror(number) in text for number in _NO_ROOM)


def has_room(started: Started) -> bool:
    """Say whether there is room on the disks that a step writes to, as far as can be seen."""
    return not full_place(_places(started))


def find_cause(
    started: Started, ended: Exit, evidence: Evidence | None, presumed: FailureClass
) -> Cause | None:
    """Return why a step failed; None when nothing tells more than is presumed.

    Parameters
    ----------
    started : Started
        The step.
    ended : Exit
        How its program ended.
    evidence : Evidence or None
        What was seen of it meanwhile.
    presumed : FailureClass
        What its exit code or its outputs say.
    """
    if evidence is not None and evidence.oom_kills and ended.code in _KILLED:
        return Cause(
            failure=FailureClass.HOST_MEMORY,
            line="the machine ran out of memory, and the kernel ended it",
            hint=_MORE_MEMORY,
        )
    if cause := _device_event(evidence):
        return cause
    own = _first(started, ended, [one for one in started.step.adapter.failure if _explains(one)])
    told = own.failure if own else presumed
    if told in _MAY_BE_A_FULL_DISK and (place := full_place(_places(started))):
        line = f"{own.line}; " if own and own.line else ""
        return Cause(
            failure=FailureClass.DISK_FULL,
            line=f"{line}no room is left on the disk of {place}",
            hint="make room there, then `gpucore resume`",
        )
    return own or _general(started, ended, evidence, presumed)


def remarks(started: Started, ended: Exit, evidence: Evidence | None) -> Iterator[str]:
    """Yield what the user should know of a step although it ended well."""
    if holds_any(started.log, TEXTS):
        for failure, line in symptoms(started, ended, CERTAIN, but=_known(started))[:1]:
            yield f"{line}; {failure.hint}"
    if evidence is None:
        return
    if grave := _graves(evidence):
        yield f"of its GPU the driver reported: {xid_text(grave[0])}; look at its results"
    for uuid in evidence.strays:
        yield (
            f"its processes were on {uuid}, which is not its GPU: the adapter "
            f"{started.step.adapter.name} does not tell the program its GPUs rightly"
        )
    if _ran_without(started, evidence):
        yield (
            "nothing was seen on its GPU while it ran: it computed on the processor, as far as "
            "could be seen"
        )


def _explains(failure: Failure) -> bool:
    return failure.effect != "warn"


def _device_event(evidence: Evidence | None) -> Cause | None:
    """Return the fault of a device that was reported while the step ran on it."""
    if evidence is None:
        return None
    line = ""
    if grave := _graves(evidence):
        line = f"of its GPU the driver reported: {xid_text(grave[0])}"
    elif evidence.device_fault:
        line = f"its GPU could not be read any more ({evidence.device_fault})"
    if not line:
        return None
    hint = "`gpucore gpus` shows how the GPU is"
    return Cause(failure=FailureClass.DEVICE_FAULT, line=line, hint=hint)


def _graves(evidence: Evidence) -> list[int]:
    """Return what the driver reported that is the device's own, whatever ran on it."""
    signs = ((number, sign_of_xid(number, None)) for number in evidence.xids)
    return [
        number
        for number, sign in signs
        if sign is not None and (sign.level is Level.QUARANTINED or sign is CONTAINED_ERROR)
    ]


def _general(
    started: Started, ended: Exit, evidence: Evidence | None, presumed: FailureClass
) -> Cause | None:
    """Return what the libraries' texts and the evidence say, where the adapter says nothing."""
    if presumed is FailureClass.INTERRUPTED:
        return None  # whatever it had said before, somebody ended it
    known = _known(started)
    return (
        _first(started, ended, CERTAIN, known)
        or _program_event(evidence)
        or _first(started, ended, LIKELY, known)
        or _killed(ended, evidence)
        or (_child_was_killed(started, evidence) if presumed in _UNTOLD else None)
        or (_was_full(evidence) if presumed in _UNTOLD else None)
    )


def _program_event(evidence: Evidence | None) -> Cause | None:
    """Return what the driver reported of a program on a device that is sound."""
    mild = (PROGRAM_ERROR, LINK_ERROR)
    xids = evidence.xids if evidence is not None else ()
    found = [one for one in xids if one != FOLLOWS and sign_of_xid(one, None) in mild]
    if not found:
        return None
    return Cause(
        failure=FailureClass.DEVICE_FAULT,
        line=f"of its GPU the driver reported: {xid_text(found[0])}",
        hint="when it fails on another GPU, too, its input or the program is wrong",
    )


def _killed(ended: Exit, evidence: Evidence | None) -> Cause | None:
    """Return that a program was killed, and not by the kernel, where that is known."""
    if ended.code not in _KILLED or evidence is None or evidence.oom_kills != 0:
        return None
    return Cause(
        failure=FailureClass.UNKNOWN,
        line="somebody killed it, and it was not the kernel for want of memory",
        hint="ask who did: the batch system, another user, `systemd-oomd`",
    )


def _child_was_killed(started: Started, evidence: Evidence | None) -> Cause | None:
    """Return that a process of the program's own was killed, and most likely by the kernel."""
    if evidence is not None and evidence.oom_kills == 0:
        return None
    if not holds_line(started.log, _KILLED_CHILD):
        return None
    line = "a process that it had started was killed"
    return Cause(failure=FailureClass.HOST_MEMORY, line=line, hint=_MORE_MEMORY)


def _was_full(evidence: Evidence | None) -> Cause | None:
    """Return that a device's memory was used up: not every program looks whether it got some."""
    if evidence is None or not evidence.peak_memory_mib or not evidence.memory_total_mib:
        return None
    held, total = evidence.peak_memory_mib, evidence.memory_total_mib
    if held + evidence.foreign_mib < _MOST_FULL * total:
        return None
    others = f", programs of others {evidence.foreign_mib:,}" if evidence.foreign_mib else ""
    return Cause(
        failure=FailureClass.OUT_OF_MEMORY,
        line=f"its GPU was full: it held {held:,} of {total:,} MiB{others}",
        hint="smaller batches or images, or a GPU with more memory",
    )


def _known(started: Started) -> list[str]:
    """Return the lines that the adapter knows: what they mean in its program it says itself."""
    return [one.match for one in started.step.adapter.failure if one.match]


def _first(
    started: Started, ended: Exit, failures: Iterable[Failure], but: Iterable[str] = ()
) -> Cause | None:
    found = symptoms(started, ended, failures, but=but)
    if not found:
        return None
    failure, line = found[0]
    return Cause(failure=failure.class_, line=line, hint=failure.hint)


def _places(started: Started) -> Iterator[str]:
    yield from started.made_in
    for output in started.outputs:
        yield output.path
    yield started.folder


def _ran_without(started: Started, evidence: Evidence) -> bool:
    """Say whether a step that held a GPU left it alone, in more than a few looks.

    Whose processes are in a container cannot always be told: nobody may have used it.
    """
    return (
        bool(started.devices)
        and not any(device.simulated for device in started.devices)
        and evidence.peak_memory_mib == 0
        and not evidence.foreign_mib
        and not evidence.peak_utilisation
        and evidence.looks >= _ENOUGH_LOOKS
    )
