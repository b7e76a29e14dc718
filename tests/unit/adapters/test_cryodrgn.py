"""cryoDRGN: no ids, all that it sees or the first of it, and a batch that grows with the GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.cryodrgn import ADAPTERS, gpucore_adapters
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, GpuUse, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

BY_NAME = {adapter.name.removeprefix("cryodrgn_"): adapter for adapter in ADAPTERS}
IMAGES = {"particles": "p.mrcs", "poses": "poses.pkl"}
RESULTS = {"workdir": "p_vae", "epoch": 20}
LEAST = {
    "train_vae": {**IMAGES, "zdim": 8},
    "train_nn": IMAGES,
    "train_dec": {**IMAGES, "zdim": 8},
    "abinit": {"particles": "p.mrcs", "zdim": 8},
    "abinit_homo_old": {"particles": "p.mrcs"},
    "abinit_het_old": {"particles": "p.mrcs", "zdim": 8},
    "backproject_voxel": IMAGES,
    "eval_vol": {"points": "z.txt", "weights": "w.pkl", "config": "config.yaml"},
    "analyze": RESULTS,
    "analyze_landscape": RESULTS,
    "analyze_landscape_full": {**RESULTS, "landscape": "ls"},
}
CASES = {name: AdapterCase(BY_NAME[name], LEAST[name]) for name in BY_NAME}
TRAINED = "(INFO) (train_vae.py) (22-Nov-26 21:00:00) Finished in 0:10:00 (0:00:30 per epoch)\n"
NO_GPU = "(WARNING) (train_vae.py) (22-Nov-26 21:00:00) WARNING: No GPUs detected\n"
MULTIPLIED = {"train_vae", "train_nn", "train_dec", "abinit", "abinit_het_old"}
NAMED = {"eval_vol", "analyze", "analyze_landscape"}
VAE = ("weights.pkl", "z.pkl", "config.yaml", "analyze.20/z_pca.png")
MADE = tuple(f"out/p_vae/{name}" for name in VAE)


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == list(ADAPTERS)
    assert [fault for adapter in ADAPTERS for fault in adapter_faults(adapter)] == []
    assert set(LEAST) == set(BY_NAME)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_mask_alone_says_which_gpus_and_no_id_is_in_a_word(name: str) -> None:
    command = CASES[name].command(5, 7)
    assert command.env["CUDA_VISIBLE_DEVICES"] == ("5,7" if name in MULTIPLIED else "5")
    assert command.argv == CASES[name].command(0, 1).argv


@pytest.mark.parametrize("name", BY_NAME)
def test_multigpu_is_given_for_several_gpus_and_never_for_one(name: str) -> None:
    command = CASES[name].command
    assert ("--multigpu" in command(0, 3).argv) == (name in MULTIPLIED)
    assert "--multigpu" not in command(3).argv
    assert "--multigpu" not in command().argv


@pytest.mark.parametrize("name", BY_NAME)
def test_the_user_is_told_that_the_number_of_gpus_changes_the_result(name: str) -> None:
    gpu = BY_NAME[name].gpu
    assert ("multiplied by the number of GPUs" in gpu.changes_result) == (name in MULTIPLIED)
    assert gpu.max == (None if name in MULTIPLIED else 1)
    assert gpu.use is GpuUse.OPTIONAL


@pytest.mark.parametrize("name", sorted(NAMED))
def test_the_first_visible_gpu_is_named_so_that_none_is_an_error(name: str) -> None:
    command = CASES[name].command
    assert after(command(6).argv, "--device") == "0"
    assert "--device" not in command().argv


def test_analyze_landscape_is_kept_from_loading_one_gpu_with_many_processes() -> None:
    assert BY_NAME["analyze_landscape"].gpu.max == 1
    assert not any("multigpu" in word for word in CASES["analyze_landscape"].command(0, 1).argv)


def test_no_gpus_detected_is_a_failure_of_a_step_that_has_one(tmp_path: Path) -> None:
    outcome = CASES["train_vae"].ended(tmp_path, NO_GPU + TRAINED, *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.CPU_FALLBACK)


def test_no_gpus_detected_is_normal_without_one(tmp_path: Path) -> None:
    case = AdapterCase(BY_NAME["train_vae"], LEAST["train_vae"], gpus=())
    outcome = case.ended(tmp_path, NO_GPU + TRAINED, *MADE)
    assert outcome.done, outcome.reason


def test_the_end_of_an_epoch_is_not_the_end_of_the_training(tmp_path: Path) -> None:
    epoch = "# =====> Epoch: 3 Average gen loss = 0.9, total loss = 0.9; Finished in 0:00:30\n"
    outcome = CASES["train_vae"].ended(tmp_path, epoch, *MADE)
    assert outcome.state is StepState.FAILED


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", "out_of_memory"),
        ("RuntimeError: No CUDA GPUs are available", "no_device"),
        ("RuntimeError: CUDA error: no kernel image is available", "no_device"),
        ("RuntimeError: CUDA error: an illegal memory access was encountered", "device_fault"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'p.mrcs'", "bad_input"),
        ("OSError: [Errno 28] No space left on device", "disk_full"),
        ("ValueError: ... the number of epochs to train must be greater than 5!", "bad_input"),
        ("RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.", "host_memory"),
    ],
)
def test_its_messages_have_their_classes(tmp_path: Path, printed: str, failure: str) -> None:
    outcome = CASES["train_nn"].ended(tmp_path, f"Traceback\n{printed}\n", code=1)
    assert outcome.failure is FailureClass(failure)


def test_the_names_of_results_follow_the_number_of_epochs() -> None:
    assert CASES["abinit"].outputs(epochs=50)["weights"] == "weights.50.pkl"
    assert CASES["train_vae"].outputs(epochs=7)["analysis"] == "analyze.7"
    assert "analysis" not in CASES["train_vae"].outputs(analyse=False)


def test_one_volume_for_all_particles_has_no_latent_space() -> None:
    assert "latents" not in CASES["abinit"].outputs(zdim=0)
    assert "latents" in CASES["abinit"].outputs(zdim=1)


def test_half_maps_are_outputs_unless_they_are_not_made() -> None:
    outputs = CASES["backproject_voxel"].outputs
    assert {"half1", "half2", "fsc"} <= set(outputs())
    assert set(outputs(half_maps=False)) == {"out", "volume"}


def test_a_pose_search_of_more_epochs_than_there_are_is_refused() -> None:
    with pytest.raises(GpucoreError, match="epochs_search"):
        CASES["abinit"].command(0, epochs=5, epochs_search=6)


def test_tilt_series_need_their_exposure() -> None:
    with pytest.raises(GpucoreError, match="dose"):
        CASES["backproject_voxel"].command(0, tilt_series=True)
