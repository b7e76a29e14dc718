"""What each class of failure means, and what gpucore does about a step that failed so."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from gpucore.standard.model import FailureClass

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLASSES", "ClassFacts"]


@dataclass(frozen=True, kw_only=True)
class ClassFacts:
    """A class of failures, for people.

    Parameters
    ----------
    means : str
        What it says of a step.
    follows : str
        What gpucore does.
    """

    means: str
    follows: str


_ELSEWHERE = "tried on another GPU, as often as `retries` says"
_FOR_GOOD = "not tried again"

CLASSES: Mapping[FailureClass, ClassFacts] = MappingProxyType(
    {
        FailureClass.BAD_INPUT: ClassFacts(
            means="an input is not what it should be", follows=_FOR_GOOD
        ),
        FailureClass.OUT_OF_MEMORY: ClassFacts(
            means="its GPU had too little memory left",
            follows="tried again at most twice, whatever `retries` says: elsewhere or later when "
            "programs of others held the memory, else alone on the GPU, then on a larger one",
        ),
        FailureClass.NO_DEVICE: ClassFacts(
            means="its program found no GPU that it can use",
            follows="tried once on another GPU, whatever `retries` says; three steps in a row stop "
            "the run",
        ),
        FailureClass.DEVICE_FAULT: ClassFacts(
            means="its GPU failed, or stopped the program",
            follows="tried on another GPU, whatever `retries` says; when it fails there, too, the "
            "step is at fault",
        ),
        FailureClass.PROGRAM_FAULT: ClassFacts(
            means="its program crashed, or ended with an exit code that is no success",
            follows=_ELSEWHERE,
        ),
        FailureClass.MISSING_OUTPUT: ClassFacts(
            means="its program ended well, and an output is not there or not sane",
            follows=_ELSEWHERE,
        ),
        FailureClass.LIMIT: ClassFacts(
            means="it took longer, or was silent longer, than its limit", follows=_ELSEWHERE
        ),
        FailureClass.HOST_MEMORY: ClassFacts(
            means="the machine's memory was full, and its program was ended or gave up",
            follows="tried again as often as `retries` says, with fewer steps at once",
        ),
        FailureClass.DISK_FULL: ClassFacts(
            means="there was no room for what it writes",
            follows="the run starts nothing new, unless there is room again",
        ),
        FailureClass.INTERRUPTED: ClassFacts(means="somebody ended its program", follows=_FOR_GOOD),
        FailureClass.CPU_FALLBACK: ClassFacts(
            means="it held a GPU and computed on the processor", follows=_ELSEWHERE
        ),
        FailureClass.NOT_STARTED: ClassFacts(
            means="its program could not be started", follows=_FOR_GOOD
        ),
        FailureClass.UNKNOWN: ClassFacts(
            means="nobody knows how it ended", follows="tried again as often as `retries` says"
        ),
    }
)
