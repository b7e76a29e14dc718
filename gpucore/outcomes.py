"""How a step ended: its exit code, what it printed and what it made, all looked at."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.plugins.offers import LostProgramError
from gpucore.standard.adapter import FileCheck
from gpucore.standard.model import Command, Device, FailureClass, Outcome, StepState
from gpucore.standard.params import Values
from gpucore.standard.step import Step
from gpucore.standard.template import fill_text, holds
from gpucore.symptoms import symptoms
from gpucore.system.files import TICK_NS, Stamp, collect, file_fault, made_anew, stamp
from gpucore.system.logs import holds_line, last_line

if TYPE_CHECKING:
    from gpucore.plugins.offers import Exit
    from gpucore.standard.adapter import Output
    from gpucore.system.journal_records import Began

__all__ = ["ExpectedOutput", "InputFaultError", "Started", "expected_outputs", "judge", "unjudged"]


class InputFaultError(GpucoreError):
    """An input that is not there, or is not what it should be, when its step starts."""


@dataclass(frozen=True)
class ExpectedOutput:
    """An output that a step must make: its name, where it belongs, and where it is made."""

    name: str
    path: str
    check: FileCheck
    made: str = ""
    match: str = ""
    optional: bool = False


@dataclass(kw_only=True)
class Started:
    """What is known of a step from its start on.

    Parameters
    ----------
    step : Step
        What was to be run.
    devices : tuple of Device
        What it holds.
    values : dict
        Its values, paths absolute.
    folder : str
        Its own directory.
    log : str
        What its program prints.
    status : str
        Where its shepherd leaves the exit code.
    command : Command or None
        What was started, once it was.
    before : dict
        Stamps of its outputs as they were before.
    adopted : bool
        Whether an earlier host had started it, and may have moved some of its outputs already.
    """

    step: Step
    devices: tuple[Device, ...]
    values: Values
    folder: str
    log: str
    status: str = ""
    command: Command | None = None
    before: Mapping[str, Stamp | None] = field(default_factory=dict)
    adopted: bool = False

    def adopt(self, began: Began) -> None:
        """Take the place of what an earlier host had started."""
        log = Path(began.log)
        self.adopted = True
        self.log = began.log
        self.folder = str(log.parent.parent / "steps" / log.stem)
        self.command = Command(argv=began.argv, env=dict(began.env))
        # What is older than the beginning was there before it.
        outputs = expected_outputs(self.step, self.values, gpu=bool(self.devices))
        stamps = {output.path: stamp(output.path) for output in outputs}
        begun = began.time * 1e9 - TICK_NS
        self.before = {
            path: one if one and one.changed_ns < begun else None for path, one in stamps.items()
        }


def expected_outputs(step: Step, values: Values, *, gpu: bool) -> list[ExpectedOutput]:
    """Return the outputs that these values ask for, the output parameters first."""
    adapter = step.adapter
    extra = {
        output.name: output
        for output in adapter.output
        if holds(output, values, adapter.params, gpu=gpu)
    }
    expected = []
    for name in adapter.output_params:
        value = values.get(name)
        if value is not None:
            check = adapter.params[name].check
            expected.append(_expected(name, str(value), check, extra.pop(name, None), step, values))
    for name, output in extra.items():
        if output.path:
            path = fill_text(output.path, values, adapter.params)
            expected.append(_expected(name, path, output.check, output, step, values))
    return expected


def judge(started: Started, ended: Exit) -> Outcome:
    """Return how a step ended.

    Success needs all of: an exit code of success, every declared output there, written anew and
    sane, and no message that the adapter says is a failure.
    """
    verdict = _Verdict(started, ended)
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


def _expected(
    name: str, path: str, check: FileCheck, output: Output | None, step: Step, values: Values
) -> ExpectedOutput:
    if output is None:
        return ExpectedOutput(name, path, check)
    made = fill_text(output.made, values, step.adapter.params)
    return ExpectedOutput(name, path, check, made, output.match, output.optional)


class _Verdict:
    """Collects what speaks for and against one step."""

    def __init__(self, started: Started, ended: Exit) -> None:
        self.started = started
        self.ended = ended
        self.adapter = started.step.adapter
        self.state = StepState.DONE
        self.reason = ""
        self.hint = ""
        self.failure: FailureClass | None = None
        self.outputs: dict[str, str] = {}
        self.warnings: list[str] = []
        self._move_faults: dict[str, str] = {}

    def decide(self) -> None:
        if self.ended.stopped:
            self.state, self.reason = StepState.CANCELLED, "it was stopped"
        elif self.ended.limit:
            self._fail(FailureClass.LIMIT, f"it was ended: {self.ended.limit}")
        elif self.ended.code is None:
            self._not_started()
        elif self.ended.code not in self.adapter.success_codes:
            self._fail(_code_class(self.ended.code), _code_text(self.ended.code))
            self._explain()
        else:
            self._look_at_outputs()
            self._look_at_messages()
            self._look_for_success()

    def _fail(self, failure: FailureClass, reason: str, hint: str = "") -> None:
        self.state, self.failure, self.reason, self.hint = StepState.FAILED, failure, reason, hint

    def _not_started(self) -> None:
        error = self.ended.error
        if isinstance(error, LostProgramError):
            self._fail(FailureClass.UNKNOWN, error.what, error.hint)
        elif isinstance(error, GpucoreError):
            bad_input = isinstance(error, InputFaultError)
            self._fail(
                FailureClass.BAD_INPUT if bad_input else FailureClass.NOT_STARTED,
                error.what,
                error.hint,
            )
        elif isinstance(error, OSError):
            name = f": {error.filename}" if error.filename else ""
            self._fail(
                FailureClass.NOT_STARTED, f"it could not be started ({error.strerror}{name})"
            )
        else:
            self._fail(FailureClass.NOT_STARTED, f"it could not be started ({error!r})")

    def _look_at_outputs(self) -> None:
        gpu = bool(self.started.devices)
        missing = []
        for output in expected_outputs(self.started.step, self.started.values, gpu=gpu):
            if not self._made(output) and output.optional:
                continue
            if fault := self._output_fault(output):
                missing.append(f"{output.name} ({output.path}): {fault}")
            else:
                self.outputs[output.name] = output.path
        if missing:
            self._fail(
                FailureClass.MISSING_OUTPUT,
                f"the program ended with exit code {self.ended.code}, but of its outputs "
                + "; ".join(missing),
                "look at what it printed",
            )
            self._explain()

    def _made(self, output: ExpectedOutput) -> bool:
        """Say whether an output was made at all, moving it to where it belongs."""
        if output.made:
            fault = collect(Path(self.started.folder), output.made, output.path)
            if fault and self.started.adopted and self._there_anew(output):
                fault = ""  # its host had moved it, and died before that was on record
            self._move_faults[output.path] = fault
            return not fault
        if output.check in {"any", "directory"}:
            return Path(output.path).exists()
        return self._there_anew(output)

    def _there_anew(self, output: ExpectedOutput) -> bool:
        before = self.started.before.get(output.path)
        return Path(output.path).exists() and made_anew(output.path, before)

    def _output_fault(self, output: ExpectedOutput) -> str:
        if fault := self._move_faults.get(output.path):
            return fault
        if fault := file_fault(output.path, output.check, result=True):
            return fault
        fresh = output.made or output.check in {"any", "directory"}
        if not fresh and not made_anew(output.path, self.started.before.get(output.path)):
            return "it is from before, and was not written anew"
        if output.match and not holds_line(output.path, output.match):
            return f"no line of it fits `{output.match}`: it holds no result"
        return ""

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
        """Put the program's own words before the bare fact that it failed."""
        failures = [one for one in self.adapter.failure if one.effect != "warn"]
        line = ""
        if found := symptoms(self.started, self.ended, failures):
            failure, line = found[0]
            self.failure = failure.class_
            self.hint = failure.hint or self.hint
        if line:
            self.reason = f"{line} ({self.reason})"
        elif last := last_line(self.started.log):
            self.reason = f"{self.reason}; its last words: {last}"


def _code_text(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def _code_class(code: int) -> FailureClass:
    if code in {-signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}:
        return FailureClass.INTERRUPTED
    if code == -signal.SIGKILL:
        # Nobody of ours sent it: on Linux that is most often the kernel, out of memory.
        return FailureClass.HOST_MEMORY
    return FailureClass.PROGRAM_FAULT
