"""pytom-match-pick: words for the GPUs, and picking that follows on matching."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.pytom import (
    PYTOM_EXTRACT_CANDIDATES,
    PYTOM_MATCH_TEMPLATE,
    gpucore_adapters,
)
from rendering import after

from gpucore.standard import FailureClass, GpuUse
from gpucore.standard.checks import adapter_faults

MATCH = AdapterCase(
    PYTOM_MATCH_TEMPLATE,
    {"tomogram": "TS_01.mrc", "template": "ref.mrc", "mask": "mask.mrc",
     "angular_search": "7.0", "tilt_angles": "TS_01.tlt"},
)  # fmt: skip
PICK = AdapterCase(PYTOM_EXTRACT_CANDIDATES, {"tomogram": "TS_01.mrc", "particles": 9}, gpus=())
SCORES, ANGLES, JOB = "out/TS_01_scores.mrc", "out/TS_01_angles.mrc", "out/TS_01_job.json"


def test_both_are_offered_and_do_not_contradict_themselves() -> None:
    assert [one.name for one in gpucore_adapters()] == [
        "pytom_match_template",
        "pytom_extract_candidates",
    ]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


def test_matching_gets_its_gpus_as_words_and_always_some() -> None:
    assert MATCH.command(0, 3).argv[-3:] == ("--gpu-ids", "0", "3")
    assert MATCH.command(5, 7, isolate=True).argv[-3:] == ("--gpu-ids", "0", "1")


def test_picking_is_the_processors_work() -> None:
    assert PYTOM_EXTRACT_CANDIDATES.gpu.use is GpuUse.NONE


def test_a_version_is_not_asked_for_because_even_its_help_needs_a_gpu() -> None:
    assert PYTOM_MATCH_TEMPLATE.program.version is None


def test_the_ctf_comes_with_the_defocus_and_whole() -> None:
    assert "--voltage" not in MATCH.command(0).argv
    argv = MATCH.command(0, defocus="3.5").argv
    assert after(argv, "--voltage") == "300.0"
    assert {"--amplitude-contrast", "--spherical-aberration"} <= set(argv)


def test_a_handedness_of_none_is_not_said() -> None:
    assert "--defocus-handedness" not in MATCH.command(0).argv
    assert after(MATCH.command(0, defocus_handedness=-1).argv, "--defocus-handedness") == "-1"


def test_all_three_files_must_be_there(tmp_path: Path) -> None:
    outcome = MATCH.ended(tmp_path, "", SCORES, ANGLES, JOB)
    assert outcome.done, outcome.reason
    Path(tmp_path / JOB).unlink()
    assert MATCH.ended(tmp_path, "", SCORES, ANGLES).failure is FailureClass.MISSING_OUTPUT


@pytest.mark.parametrize(
    ("printed", "code", "failure"),
    [
        ("cupy_backends.cuda.api.runtime.CUDARuntimeError: cudaErrorInsufficientDriver: CUDA "
         "driver version is insufficient", 1, FailureClass.NO_DEVICE),
        ("pytom_match_template.py: error: --gpu-ids all gpu indices should be between 0 and 1", 2,
         FailureClass.NO_DEVICE),
        ("cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 9 bytes", 1,
         FailureClass.OUT_OF_MEMORY),
        ("RuntimeError: One or more of the processes stopped unexpectedly.", 1,
         FailureClass.PROGRAM_FAULT),
        ("ValueError: Without tilt angles the missing wedge cannot be calculated.", 1,
         FailureClass.BAD_INPUT),
    ],
)  # fmt: skip
def test_what_it_says_is_understood(
    tmp_path: Path, printed: str, code: int, failure: FailureClass
) -> None:
    assert MATCH.ended(tmp_path, f"{printed}\n", code=code).failure is failure


def test_picking_reads_the_job_of_its_tomogram_and_writes_beside_it() -> None:
    argv = PICK.command(folder="tm").argv
    assert after(argv, "--job-file") == "tm/TS_01_job.json"
    assert PICK.outputs(folder="tm", gpu=False) == {"coordinates": "TS_01_particles.star"}
    assert after(PICK.command().argv, "--job-file") == "./TS_01_job.json"
