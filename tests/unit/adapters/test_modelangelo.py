"""ModelAngelo: commas between ids, `cpu` without one, and an exit code that says little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.modelangelo import (
    MODELANGELO_BUILD,
    MODELANGELO_BUILD_NO_SEQ,
    MODELANGELO_REFINE,
    gpucore_adapters,
)
from rendering import after

from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

CASES = {
    "build": AdapterCase(MODELANGELO_BUILD, {"map": "m.mrc", "protein": "p.fasta"}),
    "build_no_seq": AdapterCase(MODELANGELO_BUILD_NO_SEQ, {"map": "m.mrc"}),
    "refine": AdapterCase(MODELANGELO_REFINE, {"map": "m.mrc", "model": "m.cif"}),
}
BUILD = CASES["build"]
DONE = "ModelAngelo build has been completed successfully!\n"
MADE = ("out/m_build/m_build.cif", "out/m_build/m_build_raw.cif")
each = pytest.mark.parametrize("name", CASES)


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert [case.adapter for case in CASES.values()] == list(gpucore_adapters())
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@each
def test_its_ids_are_joined_by_commas_and_counted_in_the_mask_when_there_is_one(name: str) -> None:
    command = CASES[name].command
    assert after(command(3).argv, "--device") == "3"
    assert after(command(0, 2).argv, "--device") == "0,2"
    isolated = command(4, 6, isolate=True)
    assert after(isolated.argv, "--device") == "0,1"
    assert isolated.env["CUDA_VISIBLE_DEVICES"] == "4,6"


@each
def test_without_a_gpu_it_is_told_so(name: str) -> None:
    assert after(CASES[name].command().argv, "--device") == "cpu"


@each
def test_a_gpu_of_less_memory_than_is_recommended_is_told_of(name: str) -> None:
    assert CASES[name].adapter.gpu.memory == 8192


def test_exit_code_0_after_an_error_that_it_caught_is_a_failure(tmp_path: Path) -> None:
    printed = "2026 | ERROR | Error in ModelAngelo\n"
    outcome = BUILD.ended(tmp_path, printed, *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.PROGRAM_FAULT)


def test_exit_code_0_without_its_last_words_is_a_failure(tmp_path: Path) -> None:
    assert BUILD.ended(tmp_path, "GNN model refinement, round 3 / 3\n", *MADE).state is (
        StepState.FAILED
    )


def test_a_finished_build_is_a_result_named_after_its_folder(tmp_path: Path) -> None:
    outcome = BUILD.ended(tmp_path, DONE, *MADE)
    assert outcome.done, outcome.reason
    assert BUILD.outputs(out="out/ribosome")["model"] == "ribosome.cif"
    assert CASES["refine"].outputs()["refined"] == "m_refine_refined.cif"


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("torch.cuda.OutOfMemoryError: CUDA out of memory.", FailureClass.OUT_OF_MEMORY),
        ("Not enough memory available. Please allocate", FailureClass.HOST_MEMORY),
        ("RuntimeError: File p.fasta is not a valid FASTA file.", FailureClass.BAD_INPUT),
        ("RuntimeError: No CUDA GPUs are available", FailureClass.NO_DEVICE),
        ("CUDA error: invalid device ordinal", FailureClass.NO_DEVICE),
    ],
)
def test_the_cause_counts_and_not_that_it_was_caught(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    outcome = BUILD.ended(tmp_path, f"Error in ModelAngelo\n{printed}\n", code=1)
    assert outcome.failure is failure
