"""RECOVAR: refuses the CPU unless told, several GPUs for the covariance, errors by their class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.recovar import ADAPTERS, RECOVAR_PIPELINE, gpucore_adapters
from rendering import after

from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

CASE = AdapterCase(RECOVAR_PIPELINE, {"particles": "p.star"})
command, outputs, ended = CASE.command, CASE.outputs, CASE.ended
RESULTS = {
    "recovar_analyze": {"results": "p_recovar", "zdim": 4},
    "recovar_compute_state": {"results": "p_recovar", "points": "z.txt"},
    "recovar_compute_trajectory": {"results": "p_recovar", "zdim": 4, "ends": "z.txt"},
}
COMPLETED = '{\n  "status": "completed"\n}\n'
DONE = "INFO Job completed: pipeline (128.0s)\n"


def files(job: str = COMPLETED) -> dict[str, str]:
    return {"out/p_recovar/model/params.pkl": "x", "out/p_recovar/job.json": job}


MEAN = "out/p_recovar/output/volumes/mean.mrc"


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == list(ADAPTERS)
    assert [fault for adapter in ADAPTERS for fault in adapter_faults(adapter)] == []


def test_the_cpu_is_accepted_only_where_the_step_has_no_gpu() -> None:
    assert "--accept-cpu" in command().argv
    assert "--accept-cpu" not in command(0).argv
    assert "--accept-cpu" not in command(0, 1).argv


def test_several_gpus_are_given_as_a_number_and_one_as_none() -> None:
    several = command(2, 5, 7)
    assert after(several.argv, "--n-gpus") == "3"
    assert "--multi-gpu" in several.argv
    assert several.env["CUDA_VISIBLE_DEVICES"] == "2,5,7"
    assert not {"--multi-gpu", "--n-gpus"} & set(command(2).argv)


def test_it_never_computes_on_gpu_0_when_it_was_given_another() -> None:
    for name, least in RESULTS.items():
        (adapter,) = (one for one in ADAPTERS if one.name == name)
        assert AdapterCase(adapter, least).command(6, 7).env["CUDA_VISIBLE_DEVICES"] == "6"
    assert command(6).env["CUDA_VISIBLE_DEVICES"] == "6"


def test_a_file_as_mask_takes_the_place_of_the_kind_of_mask() -> None:
    assert after(command(0, mask_file="m.mrc", mask="sphere").argv, "--mask") == "m.mrc"
    assert after(command(0, mask="sphere").argv, "--mask") == "sphere"
    assert command(0, mask_file="m.mrc").argv.count("--mask") == 1


def test_the_latent_spaces_are_one_argument() -> None:
    assert after(command(0, zdim=(4, 10)).argv, "--zdim") == "4,10"


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("ValueError: No GPU found. Set --accept-cpu if you really want", "no_device"),
        ("XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 8 bytes", "out_of_memory"),
        ("CUDA_ERROR_OUT_OF_MEMORY: out of memory", "out_of_memory"),
        ("OSError: [Errno 122] Disk quota exceeded", "disk_full"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'p.star'", "bad_input"),
        ("cannot load libcuda_backproject.so: run `recovar build_custom_cuda`", "not_started"),
        ("Autotuning failed for HLO: No valid config found!", "program_fault"),
    ],
)
def test_its_errors_have_their_classes(tmp_path: Path, printed: str, failure: str) -> None:
    assert ended(tmp_path, f"{printed}\n", code=1).failure is FailureClass(failure)


def test_a_finished_pipeline_is_a_result(tmp_path: Path) -> None:
    outcome = ended(tmp_path, DONE, MEAN, files=files())
    assert outcome.done, outcome.reason


def test_a_job_file_that_says_running_is_no_result(tmp_path: Path) -> None:
    job = '{\n  "status": "running"\n}\n'
    outcome = ended(tmp_path, DONE, MEAN, files=files(job))
    assert outcome.failure is FailureClass.MISSING_OUTPUT


def test_jax_on_the_cpu_while_it_has_a_gpu_is_a_failure(tmp_path: Path) -> None:
    jax = "WARNING: An NVIDIA GPU may be present on this machine. Falling back to cpu.\n"
    outcome = ended(tmp_path, jax + DONE, MEAN, files=files())
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.CPU_FALLBACK)


def test_the_mean_alone_has_no_model() -> None:
    assert "model" in outputs()
    assert "model" not in outputs(only_mean=True)
