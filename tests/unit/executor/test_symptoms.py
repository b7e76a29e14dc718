"""What tells of a failure beside a message: exit codes, files, and no word of success."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase

from gpucore.standard import (
    Adapter,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Param,
    Program,
    StepState,
    Template,
)
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Outcome

MADE = "out/m.txt"


def case(*failures: Failure, gpus: tuple[int, ...] = (), **changes: object) -> AdapterCase:
    adapter = Adapter(
        name="prog",
        title="prog: a program",
        program=Program(executable="prog"),
        gpu=Gpu(use=GpuUse.OPTIONAL, form="none"),
        command=Template(argv=("%(EXE)s", "%(out)s"), own_directory=True),
        params={
            "mic": Param(type="path", item=True, check="any", help="a micrograph"),
            "out": Param(type="path", output="%(mic.stem)s.txt", help="a result"),
        },
        failure=failures,
        **changes,  # type: ignore[arg-type]
    )
    assert adapter_faults(adapter) == []
    return AdapterCase(adapter, {"mic": "m.mrc"}, gpus=gpus)


def told(outcome: Outcome) -> tuple[StepState, FailureClass | None]:
    return outcome.state, outcome.failure


BUSY = Failure(codes=(5, -11), class_=FailureClass.NO_DEVICE, hint="wait")


@pytest.mark.parametrize(
    ("code", "failure"),
    [(5, FailureClass.NO_DEVICE), (-11, FailureClass.NO_DEVICE), (4, FailureClass.PROGRAM_FAULT)],
)
def test_an_exit_code_says_what_failed(tmp_path: Path, code: int, failure: FailureClass) -> None:
    ended = case(BUSY).ended(tmp_path, "something\nlast words\n", code=code)
    assert told(ended) == (StepState.FAILED, failure)
    assert "last words" in ended.reason
    assert ended.hint == ("wait" if failure is FailureClass.NO_DEVICE else "")


def test_an_exit_code_and_a_message_must_both_fit(tmp_path: Path) -> None:
    both = Failure(codes=(1,), match="no room", class_=FailureClass.DISK_FULL)
    assert case(both).ended(tmp_path, "no room", code=1).failure is FailureClass.DISK_FULL
    assert case(both).ended(tmp_path, "no room", code=2).failure is FailureClass.PROGRAM_FAULT
    assert case(both).ended(tmp_path, "no", code=1).failure is FailureClass.PROGRAM_FAULT


def test_an_exit_code_of_success_may_warn_or_fail(tmp_path: Path) -> None:
    warned = case(
        Failure(codes=(3,), class_=FailureClass.UNKNOWN, effect="warn", hint="it took fewer GPUs"),
        success_codes=(0, 3),
    )
    ended = warned.ended(tmp_path, "", MADE, code=3)
    assert ended.done
    assert ended.warnings == ("exit code 3; it took fewer GPUs",)
    assert warned.ended(tmp_path, "", MADE, code=0).warnings == ()
    failed = case(Failure(codes=(0,), class_=FailureClass.UNKNOWN, effect="fail"))
    assert failed.ended(tmp_path, "", MADE).reason == "exit code 0"


def test_a_file_is_searched_instead_of_what_was_printed(tmp_path: Path) -> None:
    log = Failure(file="run_*.log", match="no memory", class_=FailureClass.OUT_OF_MEMORY,
                  effect="fail")  # fmt: skip
    assert case(log).ended(tmp_path, "no memory", MADE).done
    ended = case(log).ended(tmp_path, "", MADE, files={"run_2.log": "a\n no memory here\n"})
    assert told(ended) == (StepState.FAILED, FailureClass.OUT_OF_MEMORY)
    assert ended.reason == "no memory here"
    assert case(log).ended(tmp_path, "", MADE, files={"run_2.log": "fine\n"}).done


def test_a_file_that_is_there_may_say_enough(tmp_path: Path) -> None:
    marker = Failure(file="%(out.dir)s/EXIT_ABORTED", class_=FailureClass.INTERRUPTED)
    ended = case(marker).ended(tmp_path, "bye", code=1, files={"out/EXIT_ABORTED": ""})
    assert ended.failure is FailureClass.INTERRUPTED
    assert ended.reason == "EXIT_ABORTED is there (exit code 1)"


def test_a_file_from_before_the_start_says_nothing(tmp_path: Path) -> None:
    marker = Failure(file="%(out.dir)s/EXIT_FAILURE", class_=FailureClass.BAD_INPUT, effect="fail")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "EXIT_FAILURE").touch()
    os.utime(tmp_path / "out" / "EXIT_FAILURE", (1, 1))
    assert case(marker).ran(tmp_path, 'echo x > "$1"').done
    ended = case(marker).ran(tmp_path, 'echo x > "$1"; touch "${1%/*}/EXIT_FAILURE"')
    assert told(ended) == (StepState.FAILED, FailureClass.BAD_INPUT)


def test_the_first_that_fits_counts_wherever_it_is_told(tmp_path: Path) -> None:
    one = case(
        Failure(file="run.log", match="b", class_=FailureClass.BAD_INPUT),
        Failure(match="a", class_=FailureClass.DEVICE_FAULT),
        Failure(codes=(1,), class_=FailureClass.LIMIT),
    )
    log = {"run.log": "b\n"}
    assert one.ended(tmp_path, "a", code=1, files=log).failure is FailureClass.BAD_INPUT
    (tmp_path / "run.log").unlink()
    assert one.ended(tmp_path, "a", code=1).failure is FailureClass.DEVICE_FAULT
    assert one.ended(tmp_path, "", code=1).failure is FailureClass.LIMIT


def test_a_message_may_be_a_failure_on_a_gpu_and_normal_without(tmp_path: Path) -> None:
    fallback = Failure(match="No GPUs detected", class_=FailureClass.CPU_FALLBACK, effect="fail",
                       when="gpu")  # fmt: skip
    printed = "WARNING: No GPUs detected\n"
    assert case(fallback).ended(tmp_path, printed, MADE).done
    ended = case(fallback, gpus=(0,)).ended(tmp_path, printed, MADE)
    assert told(ended) == (StepState.FAILED, FailureClass.CPU_FALLBACK)


def test_a_program_that_does_not_say_that_it_is_done_is_not(tmp_path: Path) -> None:
    sayer = case(
        Failure(match="killed", class_=FailureClass.HOST_MEMORY), success_match=r"^Finished in \d"
    )
    assert sayer.ended(tmp_path, "Finished in 3 s\n", MADE).done
    ended = sayer.ended(tmp_path, "Finished in part\n", MADE)
    assert told(ended) == (StepState.FAILED, FailureClass.PROGRAM_FAULT)
    assert r"no line of what it printed fits `^Finished in \d`" in ended.reason
    assert sayer.ended(tmp_path, "killed\n", MADE).failure is FailureClass.HOST_MEMORY
