"""How a step ended: its exit code, what it printed and what it made, all looked at."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from gpucore.attempts import ExpectedOutput, Started, expected_outputs, put_back
from gpucore.causes import class_of_code, find_cause, lacks_room, remarks, says_no_room
from gpucore.errors import GpucoreError
from gpucore.plugins.offers import LostProgramError
from gpucore.staging import put_in_place
from gpucore.standard.model import FailureClass, Outcome, StepState
from gpucore.symptoms import symptoms
from gpucore.system.files import file_fault, made_anew
from gpucore.system.logs import holds_line, last_line
from gpucore.system.moving import find_made

if TYPE_CHECKING:
    from gpucore.plugins.offers import Exit
    from gpucore.standard.evidence import Evidence
    from gpucore.standard.step import Step

__all__ = [
    "ExpectedOutput",
    "InputFaultError",
    "Started",
    "expected_outputs",
    "judge",
    "unjudged",
    "unstarted",
]


_MAKE_ROOM = "make room there, then `gpucore resume`"


class InputFaultError(GpucoreError):
    """An input that is not there, or is not what it should be, when its step starts."""

    default_code = "E510"


def judge(started: Started, ended: Exit, evidence: Evidence | None = None) -> Outcome:
    """Return how a step ended.

    Success needs all of: an exit code of success, every declared output there, written anew and
    sane, and no message that the adapter says is a failure. A step that failed gets a class.

    Parameters
    ----------
    started : Started
        The step.
    ended : Exit
        How its program ended.
    evidence : Evidence or None
        What was seen of it meanwhile; None: nobody looked.
    """
    verdict = _Verdict(started, ended, evidence)
    verdict.decide()
    return Outcome(
        step=started.step.name,
        adapter=started.step.adapter.name,
        state=verdict.state,
        reason=verdict.reason,
        hint=verdict.hint,
        failure=verdict.failure,
        exit_code=ended.code,
        outputs=verdict.outputs,
        devices=started.devices,
        command=started.command,
        warnings=tuple(verdict.warnings),
        log=started.log if ended.code is not None else "",
        started=ended.started,
        ended=ended.ended,
        peak_memory_mib=None if evidence is None else evidence.peak_memory_mib,
        peak_utilisation=None if evidence is None else evidence.peak_utilisation,
    )


def unjudged(started: Started, ended: Exit, error: Exception) -> Outcome:
    """Return the outcome of a step of which it could not be told how it ended."""
    return Outcome(
        step=started.step.name,
        adapter=started.step.adapter.name,
        state=StepState.FAILED,
        reason=f"its outputs could not be looked at ({error!r})",
        failure=FailureClass.UNKNOWN,
        exit_code=ended.code,
        devices=started.devices,
        command=started.command,
        log=started.log if ended.code is not None else "",
        started=ended.started,
        ended=ended.ended,
    )


def unstarted(step: Step, state: StepState, reason: str, attempts: int) -> Outcome:
    """Return the outcome of a step that ended without a program of its own, or without another.

    Parameters
    ----------
    step : Step
        The step.
    state : StepState
        FAILED (refused), SKIPPED or CANCELLED.
    reason : str
        Why.
    attempts : int
        How often it was begun before.
    """
    return Outcome(
        step=step.name,
        adapter=step.adapter.name,
        state=state,
        reason=reason,
        failure=FailureClass.NOT_STARTED if state is StepState.FAILED else None,
        attempts=attempts,
    )


class _Verdict:
    """Collects what speaks for and against one step."""

    def __init__(self, started: Started, ended: Exit, evidence: Evidence | None) -> None:
        self.started = started
        self.ended = ended
        self.evidence = evidence
        self.adapter = started.step.adapter
        self.state = StepState.DONE
        self.reason = ""
        self.hint = ""
        self.failure: FailureClass | None = None
        self.outputs: dict[str, str] = {}
        self.warnings: list[str] = []
        self._placed: list[tuple[ExpectedOutput, str]] = []

    def decide(self) -> None:
        if self.started.lost and self.ended.stopped:
            what = f"its GPU was taken from it: {self.started.lost}"
            self._fail(FailureClass.DEVICE_FAULT, what, "nothing: it is tried on another GPU")
        elif self.ended.stopped:
            self.state, self.reason = StepState.CANCELLED, "it was stopped"
        elif self.ended.limit:
            self._fail(FailureClass.LIMIT, f"it was ended: {self.ended.limit}")
        elif self.ended.code is None:
            self._not_started()
        elif self.ended.code not in self.adapter.success_codes:
            self._fail(class_of_code(self.ended.code), _code_text(self.ended.code))
            self._explain()
        else:
            self._look_at_outputs()
            self._look_at_messages()
            self._look_for_success()
            if self.state is StepState.DONE:
                self._put_in_place()
            if self.state is StepState.DONE:
                self.warnings += remarks(self.started, self.ended, self.evidence)
        if self.state is not StepState.DONE:
            self.outputs.clear()
            if said := put_back(self.started):
                self.hint = f"{self.hint}; {said}" if self.hint else said

    def _fail(self, failure: FailureClass, reason: str, hint: str = "") -> None:
        self.state, self.failure, self.reason, self.hint = StepState.FAILED, failure, reason, hint

    def _not_started(self) -> None:
        error = self.ended.error
        if isinstance(error, LostProgramError):
            self._fail(FailureClass.UNKNOWN, error.what, error.hint)
        elif error is not None and lacks_room(error):
            said = error.what if isinstance(error, GpucoreError) else _os_text(error)
            self._fail(FailureClass.DISK_FULL, said, _MAKE_ROOM)
        elif isinstance(error, GpucoreError):
            bad_input = isinstance(error, InputFaultError)
            self._fail(
                FailureClass.BAD_INPUT if bad_input else FailureClass.NOT_STARTED,
                error.what,
                error.hint,
            )
        elif isinstance(error, OSError):
            self._fail(FailureClass.NOT_STARTED, _os_text(error))
        else:
            self._fail(FailureClass.NOT_STARTED, f"it could not be started ({error!r})")

    def _look_at_outputs(self) -> None:
        missing = []
        for output in self.started.outputs:
            place = self._place(output)
            if output.optional and not self._made(output, place):
                continue
            if fault := self._output_fault(output, place):
                missing.append(f"{output.name} ({output.path}): {fault}")
            else:
                self.outputs[output.name] = output.path
                self._placed.append((output, place))
        if missing:
            self._fail_for(missing, "look at what it printed")
            self._explain()

    def _fail_for(self, faults: list[str], hint: str) -> None:
        self._fail(
            FailureClass.MISSING_OUTPUT,
            f"the program ended with exit code {self.ended.code}, but of its outputs "
            + "; ".join(faults),
            hint,
        )

    def _place(self, output: ExpectedOutput) -> str:
        """Return where an output was made; empty when it was not, in the step's own directory."""
        place = output.there
        if output.made:
            place = find_made(self.started.folder, output.made)
        if place != output.path and self.started.adopted and not (place and _holds(place)):
            # Its host had moved it, and died before that was on record.
            return output.path if self._there_anew(output) else place
        return place

    def _made(self, output: ExpectedOutput, place: str) -> bool:
        """Say whether an output was made at all."""
        if place != output.path or output.check in {"any", "directory"}:
            return bool(place) and _exists(place)
        return self._there_anew(output)

    def _there_anew(self, output: ExpectedOutput) -> bool:
        before = self.started.before.get(output.path)
        return _exists(output.path) and made_anew(output.path, before)

    def _output_fault(self, output: ExpectedOutput, place: str) -> str:
        if not place:
            return f"the program did not make {output.made}"
        if fault := file_fault(place, output.check, result=True):
            return fault
        fresh = place != output.path or output.check in {"any", "directory"}
        if not fresh and not made_anew(place, self.started.before.get(output.path)):
            return "it is from before, and was not written anew"
        if output.match and not holds_line(place, output.match):
            return f"no line of it fits `{output.match}`: it holds no result"
        return ""

    def _put_in_place(self) -> None:
        if faults := put_in_place(self.started.made_in, self._placed):
            self._fail_for(faults, "make room there, or let it be written to")
            if any(says_no_room(fault) for fault in faults):
                self.failure, self.hint = FailureClass.DISK_FULL, _MAKE_ROOM

    def _look_at_messages(self) -> None:
        telling = [one for one in self.adapter.failure if one.effect != "explain"]
        for failure, told in symptoms(self.started, self.ended, telling):
            line = told or f"exit code {self.ended.code}"
            if failure.effect == "warn":
                self.warnings.append(f"{line}; {failure.hint}" if failure.hint else line)
            elif self.state is StepState.DONE:
                self._fail(failure.class_, line, failure.hint)

    def _look_for_success(self) -> None:
        wanted = self.adapter.success_match
        if self.state is StepState.DONE and wanted and not holds_line(self.started.log, wanted):
            self._fail(
                FailureClass.PROGRAM_FAULT,
                f"the program ended with exit code {self.ended.code}, but no line of what it "
                f"printed fits `{wanted}`",
                "look at what it printed",
            )
            self._explain()

    def _explain(self) -> None:
        """Put what tells of the cause before the bare fact that it failed."""
        assert self.failure is not None  # noqa: S101 - it failed just now
        cause = find_cause(self.started, self.ended, self.evidence, self.failure)
        if cause is not None:
            self.failure = cause.failure
            self.hint = cause.hint or self.hint
        if cause is not None and cause.line:
            self.reason = f"{cause.line} ({self.reason})"
        elif last := last_line(self.started.log):
            self.reason = f"{self.reason}; its last words: {last}"


def _os_text(error: BaseException) -> str:
    name = getattr(error, "filename", None)
    where = f": {name}" if name else ""
    return f"it could not be started ({getattr(error, 'strerror', error)}{where})"


def _holds(path: str) -> bool:
    """Say whether a file is there, or a directory of which something was not moved yet."""
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is not None
    except NotADirectoryError:
        return True
    except OSError:
        return False


def _exists(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - on the way of every step


def _code_text(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"
