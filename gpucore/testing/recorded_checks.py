"""Checks on recordings of the program: what went well is done, what failed is known by name."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, ClassVar

import pytest

from gpucore.standard.model import FailureClass, StepState
from gpucore.standard.template import fill_text, holds
from gpucore.system.logs import find_marks
from gpucore.testing.recording import replay, stage, write_image
from gpucore.testing.samples import HOSTILE, suffix_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpucore.standard.adapter import Failure
    from gpucore.testing.recording import RecordingFolder, Replay
    from gpucore.testing.subject import Subject

__all__ = ["RecordedChecks"]


_KILLED = (FailureClass.UNKNOWN, FailureClass.HOST_MEMORY)
"""Whether it was the kernel for want of memory is the kernel's to say, and not each does."""


class RecordedChecks:
    """What is checked on recordings.

    Parameters
    ----------
    unrecorded : tuple of str
        ``match`` of declared failures of which nobody has seen the text: they are read from the
        program's source, or guessed, and no recording is asked for.
    tells_out_of_memory, tells_no_device : bool
        Whether the program says so; asked only of one that uses a GPU.
    """

    unrecorded: ClassVar[tuple[str, ...]] = ()
    tells_out_of_memory: ClassVar[bool] = True
    tells_no_device: ClassVar[bool] = True

    def test_a_good_run_is_recorded(self) -> None:
        assert any(one.state == "done" for one in self.recorded())

    def test_a_recorded_run_ends_as_it_did(
        self, subject: Subject, recording: RecordingFolder, tmp_path: Path
    ) -> None:
        outcome = replay(subject.adapter, recording, tmp_path).outcome
        told = recording.told
        assert outcome.state.value == told.state, outcome.reason
        assert outcome.failure is told.class_, outcome.reason
        said = [outcome.reason, *outcome.warnings]
        assert any(re.search(told.says, one) for one in said), said
        if told.state == "done" and not told.says:
            assert not outcome.warnings

    def test_the_program_gets_its_arguments_byte_for_byte(
        self, subject: Subject, recording: RecordingFolder, tmp_path: Path
    ) -> None:
        _given_as_commanded(replay(subject.adapter, recording, tmp_path))

    def test_an_item_of_a_hostile_name_reaches_the_program(
        self, subject: Subject, good: RecordingFolder, tmp_path: Path
    ) -> None:
        item = subject.adapter.item
        if not item:
            pytest.skip("the program has no item")
        param = subject.adapter.params[item]
        hostile = "".join(HOSTILE[one] for one in ("mark", "shell", "percent", "glob"))
        if param.blanks and not subject.adapter.command.stdin and not subject.adapter.file:
            hostile = "".join(text for kind, text in HOSTILE.items() if kind != "dash")
        changed = {item: hostile.replace("/", "_") + suffix_of(param)}
        if not subject.takes({**good.told.params, **changed}):
            pytest.skip("the program cannot be given such a name, and is not")
        _given_as_commanded(replay(subject.adapter, good, tmp_path, changes=changed))

    def test_no_failure_is_seen_in_a_good_run(
        self, subject: Subject, good: RecordingFolder
    ) -> None:
        seen = [one for one in recognised(subject, good) if one.effect != "warn"]
        assert not seen

    def test_a_program_that_makes_nothing_has_failed_whatever_its_exit_code(
        self, subject: Subject, good: RecordingFolder, tmp_path: Path
    ) -> None:
        if not _files(subject, good, tmp_path / "a"):
            pytest.skip("the program makes no file")
        nothing = tmp_path / "nothing"
        for part in ("made", "out"):
            (nothing / part).mkdir(parents=True)
        _has_failed(subject, good, tmp_path / "b", nothing, FailureClass.MISSING_OUTPUT)

    def test_an_output_that_is_cut_off_is_none(
        self, subject: Subject, good: RecordingFolder, tmp_path: Path
    ) -> None:
        for place, file in enumerate(_files(subject, good, tmp_path / "a")):
            made = stage(good, tmp_path / f"cut{place}")
            whole = (made / file).read_bytes()
            # Of a text nobody can tell where it was to end.
            (made / file).write_bytes(whole[: len(whole) // 2] if file in good.told.images else b"")
            _has_failed(subject, good, tmp_path / f"b{place}", made, FailureClass.MISSING_OUTPUT)

    def test_a_constant_image_is_no_result(
        self, subject: Subject, good: RecordingFolder, tmp_path: Path
    ) -> None:
        images = [one for one in _files(subject, good, tmp_path / "a") if one in good.told.images]
        if not images:
            pytest.skip("the program makes no image that is looked into")
        for place, file in enumerate(images):
            made = stage(good, tmp_path / f"flat{place}")
            write_image(made / file, constant=True)
            _has_failed(subject, good, tmp_path / f"b{place}", made, FailureClass.MISSING_OUTPUT)

    def test_an_output_of_an_earlier_run_is_not_taken_for_this_ones(
        self, subject: Subject, good: RecordingFolder, tmp_path: Path
    ) -> None:
        if not _files(subject, good, tmp_path / "a"):
            pytest.skip("the program makes no file")
        first = replay(subject.adapter, good, tmp_path / "b").outcome
        for path in filter(os.path.isfile, first.outputs.values()):
            os.utime(path, (0, 0))
        nothing = tmp_path / "nothing"
        for part in ("made", "out"):
            (nothing / part).mkdir(parents=True)
        again = replay(subject.adapter, good, tmp_path / "b", made=nothing, again=True).outcome
        assert again.failure is FailureClass.MISSING_OUTPUT

    @pytest.mark.parametrize(
        ("code", "failures"),
        [(77, (FailureClass.PROGRAM_FAULT,)), (-9, _KILLED),
         (-11, (FailureClass.PROGRAM_FAULT,)), (-15, (FailureClass.INTERRUPTED,))],
    )  # fmt: skip
    def test_a_program_that_ends_badly_has_failed_whatever_it_made(
        self,
        subject: Subject,
        good: RecordingFolder,
        tmp_path: Path,
        code: int,
        failures: tuple[FailureClass, ...],
    ) -> None:
        outcome = replay(subject.adapter, good, tmp_path, exit_code=code).outcome
        assert outcome.state is StepState.FAILED
        assert outcome.failure in failures
        assert outcome.exit_code == code

    def test_every_declared_failure_is_recognised_in_a_recorded_run(self, subject: Subject) -> None:
        known = [_label(one) for one in subject.adapter.failure]
        assert set(self.unrecorded) <= set(known), "`unrecorded` names failures that are no more"
        seen = {_label(one) for record in self.recorded() for one in recognised(subject, record)}
        missing = [one for one in known if one not in seen and one not in self.unrecorded]
        assert not missing, "record these, or say in `unrecorded` that nobody has seen their text"

    def test_it_knows_what_any_program_on_a_gpu_may_meet(self, subject: Subject) -> None:
        if not subject.adapter.gpu.use.allows_gpu:
            pytest.skip("the program uses no GPU")
        declared = {one.class_ for one in subject.adapter.failure}
        assert FailureClass.OUT_OF_MEMORY in declared or not self.tells_out_of_memory
        assert FailureClass.NO_DEVICE in declared or not self.tells_no_device

    @classmethod
    def recorded(cls) -> tuple[RecordingFolder, ...]:
        """Return the recordings; the contract says where they lie."""
        raise NotImplementedError


def _given_as_commanded(replayed: Replay) -> None:
    command = replayed.outcome.command
    assert command is not None, replayed.outcome.reason
    assert replayed.argv == tuple(os.fsencode(one) for one in command.argv[1:])
    assert replayed.stdin == os.fsencode(command.stdin or "")
    for name, value in command.env.items():
        assert replayed.environment[os.fsencode(name)] == os.fsencode(value)


def _has_failed(
    subject: Subject, good: RecordingFolder, folder: Path, made: Path, failure: FailureClass
) -> None:
    outcome = replay(subject.adapter, good, folder, made=made).outcome
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure), outcome.reason
    assert outcome.exit_code == good.told.exit_code


_NEEDED: dict[Path, list[str]] = {}  # finding out takes a run for each file


def _files(subject: Subject, good: RecordingFolder, folder: Path) -> list[str]:
    """Return the files that the program must make, as the recording's folder calls them."""
    if good.folder not in _NEEDED:
        whole = stage(good, folder / "whole")
        files = _all_files(whole)
        _NEEDED[good.folder] = [one for one in files if _is_needed(subject, good, folder, one)]
    return _NEEDED[good.folder]


def _all_files(made: Path) -> Iterator[str]:
    for file in sorted(made.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(made))


def _is_needed(subject: Subject, good: RecordingFolder, folder: Path, file: str) -> bool:
    """Say whether a step fails without a file, which some programs may leave out."""
    name = file.replace("/", "_")
    made = stage(good, folder / f"without_{name}")
    (made / file).unlink()
    return not replay(subject.adapter, good, folder / f"run_{name}", made=made).outcome.done


def _label(failure: Failure) -> str:
    """Return what a failure is called in ``unrecorded``."""
    return failure.match or failure.file or f"exit code {failure.codes[0]}"


def recognised(subject: Subject, recording: RecordingFolder) -> Iterator[Failure]:
    """Yield the failures that a recording shows: the first that explains it, and every warning."""
    explained = False
    for failure in subject.adapter.failure:
        if (failure.effect == "warn" or not explained) and _fits(subject, recording, failure):
            explained = explained or failure.effect != "warn"
            yield failure


def _fits(subject: Subject, recording: RecordingFolder, failure: Failure) -> bool:
    told, params = recording.told, subject.adapter.params
    values = subject.values(told.params)
    if failure.codes and told.exit_code not in failure.codes:
        return False
    if not holds(failure, values, params, gpu=len(told.gpus)):
        return False
    files = [recording.log]
    if failure.file:
        name = PurePosixPath(fill_text(failure.file, values, params)).name
        files = [str(one) for one in sorted(recording.folder.glob(f"*/**/{name}"))]
    if not failure.match:
        return bool(files)
    return any(find_marks(file, [failure]) for file in files)
