"""Checks that end: each has a thread and a deadline of its own, whatever it waits for.

What hangs is left behind. The threads are daemons: a file system that does not answer would keep
any other thread, and with it this process, for as long as it likes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gpucore.errors import Faults, GpucoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Check", "Finding", "Notes", "Result", "carry_out", "for_each"]

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is not as it should be.

    Parameters
    ----------
    level : str
        ``wrong``, or ``note``: a run can do with it, and its user should know.
    what : str
        What it is.
    help : str
        How to mend it, a command where there is one.
    exit_code : int
        That of the doctor; 0 for a note.
    code : str
        The kind of error, as ``gpucore explain`` knows it; empty when it is none.
    """

    level: Literal["wrong", "note"]
    what: str
    help: str
    exit_code: int = 0
    code: str = ""


@dataclass(kw_only=True)
class Notes:
    """What a check has found so far: what it found before it hangs is not lost.

    Parameters
    ----------
    facts : dict
        What was found out, for `--json`.
    findings : list of Finding
        What is not as it should be.
    """

    facts: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def wrong(self, what: str, help_: str, exit_code: int = 1, *, code: str = "") -> None:
        """Take down what is wrong."""
        self.findings.append(
            Finding(level="wrong", what=what, help=help_, exit_code=exit_code, code=code)
        )

    def note(self, what: str, help_: str) -> None:
        """Take down what is to be known."""
        self.findings.append(Finding(level="note", what=what, help=help_))

    def fault(self, error: GpucoreError) -> None:
        """Take down an error, or each of several."""
        for one in error.errors if isinstance(error, Faults) else (error,):
            what = f"{one.where}: {one.what}" if one.where else one.what
            self.wrong(what, one.hint, one.exit_code, code=one.code)


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something to look at.

    Parameters
    ----------
    name : str
        What it is called.
    look : callable
        Fills in the notes that it is given.
    deadline : float
        Seconds that it may take.
    waits_for : str
        What did not answer when it takes longer.
    help : str
        What to do then.
    """

    name: str
    look: Callable[[Notes], None]
    deadline: float
    waits_for: str
    help: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a check ended.

    Parameters
    ----------
    check : str
        Its name.
    state : str
        ``well``, ``note``, ``wrong``, or ``silent``: it did not end within its deadline.
    seconds : float
        How long it took.
    facts : dict
        What it found out.
    findings : tuple of Finding
        What is not as it should be.
    """

    check: str
    state: Literal["well", "note", "wrong", "silent"]
    seconds: float
    facts: dict[str, Any]
    findings: tuple[Finding, ...]


class _Carried:
    """A check that is being carried out."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.notes = Notes()
        self.seconds = 0.0
        self._begun = time.monotonic()
        self._thread = threading.Thread(target=self._look, name=check.name, daemon=True)
        self._thread.start()

    def result(self) -> Result:
        """Wait for its end, or for its deadline."""
        self._thread.join(max(self._begun + self.check.deadline - time.monotonic(), 0.0))
        silent = self._thread.is_alive()
        facts, findings = dict(self.notes.facts), list(self.notes.findings)
        if silent:
            what = f"{self.check.waits_for} did not answer within {self.check.deadline:g} seconds"
            findings.append(Finding(level="wrong", what=what, help=self.check.help, exit_code=1))
        levels = {one.level for one in findings}
        state: Literal["well", "note", "wrong"] = "note" if levels else "well"
        return Result(
            check=self.check.name,
            state="silent" if silent else "wrong" if "wrong" in levels else state,
            seconds=round(time.monotonic() - self._begun if silent else self.seconds, 3),
            facts=facts,
            findings=tuple(findings),
        )

    def _look(self) -> None:
        try:
            self.check.look(self.notes)
        except GpucoreError as error:
            self.notes.fault(error)
        except Exception as error:  # noqa: BLE001 - the other checks are told all the same
            what = f"the check itself failed: {type(error).__name__}: {error}"
            self.notes.wrong(what, "this is a fault of gpucore: please report it", 4)
        finally:
            self.seconds = time.monotonic() - self._begun


def carry_out(checks: Sequence[Check]) -> list[Result]:
    """Carry out checks, all at once; return how each ended, in their order."""
    return [one.result() for one in [_Carried(check) for check in checks]]


def for_each(
    function: Callable[[_Item], _Answer], items: Iterable[_Item], *, at_once: int
) -> list[_Answer]:
    """Return a function's answers, in threads that nothing waits for when the check is given up."""
    ahead = list(enumerate(items))
    answers: dict[int, _Answer] = {}
    faults: list[Exception] = []
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not ahead:
                    return
                place, item = ahead.pop(0)
            try:
                answers[place] = function(item)
            except Exception as error:  # noqa: BLE001 - raised again by who waits
                faults.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(at_once, len(ahead)))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    if faults:
        raise faults[0]
    return [answers[place] for place in sorted(answers)]
