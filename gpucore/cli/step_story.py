"""What the journal tells of one step: how it stands, why, on which GPUs, and its inputs."""

from __future__ import annotations

import itertools
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.cli.history import gpu_names, life, run_names
from gpucore.errors import ParameterError, did_you_mean
from gpucore.report.failures import log_file
from gpucore.scheduling.cases import BLAMING
from gpucore.standard.model import FailureClass, StepState
from gpucore.system.journal_steps import RecordedAttempt, recorded_attempts
from gpucore.system.logs import last_lines
from gpucore.system.orphans import find_marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gpucore.system.journal_records import Began, Fingerprint, Finished
    from gpucore.system.journal_replay import JournalState

__all__ = [
    "InputFact",
    "Story",
    "code_text",
    "device_labels",
    "find_step",
    "place_and_step",
    "story_of",
    "unusual_inputs",
]

_NEAR = 5_000
_OTHERS = 100
_LEAST_OTHERS = 2
_SMALLER, _LARGER = 0.5, 2.0
_LINES = 6
_SIZED = frozenset(
    {
        FailureClass.BAD_INPUT,
        FailureClass.MISSING_OUTPUT,
        FailureClass.PROGRAM_FAULT,
        FailureClass.OUT_OF_MEMORY,
        FailureClass.HOST_MEMORY,
    }
)


@dataclass(frozen=True, kw_only=True)
class InputFact:
    """An input of a step that is unlike those of the other steps of its stage.

    Parameters
    ----------
    path : str
        The file.
    size : int or None
        Bytes, when the step began; None: it was not there.
    least, most : int
        Bytes of the smallest and the largest of the others.
    """

    path: str
    size: int | None
    least: int = 0
    most: int = 0


@dataclass(kw_only=True)
class Story:
    """How one step stands.

    Parameters
    ----------
    step, stage, adapter : str
        Names.
    state : str
        As in `StepState`, or ``cut off``: its host died while it ran.
    attempts : list of RecordedAttempt
        As on record.
    labels : dict
        What people call devices, by UUID.
    folder : str
        The output folder.
    lives : bool
        Whether its run goes on.
    """

    step: str
    stage: str
    adapter: str
    state: str
    attempts: list[RecordedAttempt]
    labels: dict[str, str]
    folder: str
    lives: bool

    @property
    def finished(self) -> Finished | None:
        """Its last end."""
        ends = [one.finished for one in self.attempts if one.finished is not None]
        return ends[-1] if ends else None

    @property
    def began(self) -> Began | None:
        """Its last beginning."""
        begun = [one.began for one in self.attempts if one.began is not None]
        return begun[-1] if begun else None

    @property
    def log(self) -> Path | None:
        """What its last attempt printed."""
        return log_file(self.folder, self.began.log) if self.began is not None else None

    @property
    def last_lines(self) -> list[str]:
        """The last lines of that."""
        return last_lines(str(self.log))[-_LINES:] if self.log is not None else []

    @property
    def is_at_fault(self) -> bool:
        """Whether it failed on GPUs that have nothing in common."""
        failed = [
            frozenset(one.began.devices)
            for one in self.attempts
            if one.began is not None
            and one.began.devices
            and one.finished is not None
            and one.finished.failure in BLAMING
        ]
        return any(one.isdisjoint(other) for one, other in itertools.combinations(failed, 2))

    def gpus(self, uuids: Sequence[str]) -> str:
        """Return what people call devices."""
        known = [self.labels.get(uuid) or gpu_names([uuid]) for uuid in dict.fromkeys(uuids)]
        return ", ".join(known) or "no GPU"


def place_and_step(given: Sequence[str]) -> tuple[str, str]:
    """Return output folder and step of a call that may leave the folder out.

    Raises
    ------
    ParameterError
        When the working directory, which counts then, is no output folder.
    """
    if len(given) == 2:  # noqa: PLR2004 - both
        return given[0], given[1]
    if not os.path.isdir(".gpucore"):  # noqa: PTH112 - the working directory
        raise ParameterError(
            f"`{given[0]}` is one name, and the working directory is no output folder",
            hint="give the output folder and the step: `gpucore status DIR` lists steps",
            code="E717",
        )
    return ".", given[0]


def find_step(state: JournalState, folder: str, step: str) -> str:
    """Return a step's name as the journal has it: given whole, or as the end of one alone.

    Raises
    ------
    ParameterError
        When there is no such step, or several.
    """
    if state.steps.place(step) is not None:
        return step
    alike = list(itertools.islice((one for one in state.steps if one.endswith(f"/{step}")), 4))
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise ParameterError(
            f"`{step}` is the end of several steps' names",
            hint=f"one of: {', '.join(alike)}",
            code="E717",
        )
    last = step.rpartition("/")[2]
    near = (one for one in state.steps if last[:3] in one)
    known = list(itertools.islice(near, _NEAR)) or list(itertools.islice(state.steps, _NEAR))
    listed = f"`gpucore status {folder}`"
    raise ParameterError(
        f"there is no step `{step}` in `{folder}`",
        hint=did_you_mean(step, known, listed=listed),
        code="E717",
    )


def story_of(state: JournalState, folder: str, step: str) -> Story:
    """Return how a step stands.

    Raises
    ------
    GpucoreError
        When the journal was damaged since it was read.
    """
    fate = state.steps[step]
    lives = bool(state.runs) and life(state, len(state.runs) - 1) in {"runs", "unknown"}
    story = Story(
        step=step,
        stage=fate.stage,
        adapter=fate.adapter,
        state=fate.state.value,
        attempts=recorded_attempts(state, step),
        labels=device_labels(state),
        folder=folder,
        lives=lives,
    )
    if fate.state is StepState.RUNNING and not _runs(state, story):
        story.state = "cut off"
    return story


def unusual_inputs(state: JournalState, story: Story) -> Iterator[InputFact]:
    """Yield the inputs of a step that failed which are not like those of others of its stage."""
    finished, began = story.finished, story.began
    if finished is None or finished.failure not in _SIZED or began is None:
        return
    others = list(_other_inputs(state, story))
    for place, (path, own) in enumerate(began.inputs.items()):
        sizes = [
            one.size
            for inputs in others
            if place < len(inputs)
            for name, one in [inputs[place]]
            if one is not None and name != path
        ]
        if own is None:
            yield InputFact(path=path, size=None)
        elif len(sizes) >= _LEAST_OTHERS and not (
            _SMALLER * min(sizes) <= own.size <= _LARGER * max(sizes)
        ):
            yield InputFact(path=path, size=own.size, least=min(sizes), most=max(sizes))


def code_text(finished: Finished) -> str:
    """Return how a program ended."""
    if finished.signal:
        with suppress(ValueError):
            return f"ended by {signal.Signals(finished.signal).name}"
        return f"ended by signal {finished.signal}"
    return "not started" if finished.exit_code is None else f"exit code {finished.exit_code}"


def device_labels(state: JournalState) -> dict[str, str]:
    """Return what people call the devices of the runs, by UUID."""
    labels = {}
    for run, _ in state.runs:
        for uuid, index, _, _, simulated in run.devices:
            labels[uuid] = f"GPU {index} (simulated)" if simulated else f"GPU {index}"
    return labels


def _other_inputs(
    state: JournalState, story: Story
) -> Iterator[list[tuple[str, Fingerprint | None]]]:
    alike = (
        name
        for name, fate in state.steps.items()
        if fate.began and name != story.step
        and (fate.stage, fate.adapter) == (story.stage, story.adapter)
    )  # fmt: skip
    for name in itertools.islice(alike, _OTHERS):
        if (began := state.began(name)) is not None:
            yield list(began.inputs.items())


def _runs(state: JournalState, story: Story) -> bool:
    began, last = story.began, state.runs[-1][0].run if state.runs else ""
    if began is None:
        return story.lives
    # Its program may be about to be started.
    own = story.lives and began.env.get("GPUCORE_RUN") == last
    return own or bool(find_marked(run_names(state), story.step))
