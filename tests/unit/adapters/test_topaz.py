"""Topaz: one GPU or -1, never two numbers, and a warning when it computed on the CPU after all."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase, image
from gpucore_adapters.topaz import (
    TOPAZ_DENOISE,
    TOPAZ_DENOISE3D,
    TOPAZ_EXTRACT,
    TOPAZ_NORMALIZE,
    TOPAZ_PREPROCESS,
    TOPAZ_SEGMENT,
    TOPAZ_TRAIN,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

TABLE = "image_name\tx_coord\ty_coord\tscore\nm1\t12\t40\t2.5\n"
EXTRACT = AdapterCase(TOPAZ_EXTRACT, {"mic": "m1.mrc", "radius": 8}, text=TABLE)
SEGMENT = AdapterCase(TOPAZ_SEGMENT, {"mic": "m1.mrc"})
DENOISE = AdapterCase(TOPAZ_DENOISE, {"mic": "m1.mrc"})
DENOISE3D = AdapterCase(TOPAZ_DENOISE3D, {"tomogram": "t1.rec"})
PREPROCESS = AdapterCase(TOPAZ_PREPROCESS, {"mic": "m1.tiff"})
NORMALIZE = AdapterCase(TOPAZ_NORMALIZE, {"mic": "m1.mrc"})
TRAIN = AdapterCase(TOPAZ_TRAIN, {"images": "mics", "targets": "known.txt"})
WITH_AN_ID = pytest.mark.parametrize(
    "case",
    [EXTRACT, SEGMENT, DENOISE, PREPROCESS, NORMALIZE, TRAIN],
    ids=lambda one: one.adapter.name,
)
FALLBACK = "CudaWarning: Torch not compiled with CUDA enabled\nFalling back to CPU.\n"


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert len(list(gpucore_adapters())) == 7
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@WITH_AN_ID
def test_topaz_never_gets_two_ids_even_when_its_slot_holds_two(case: AdapterCase) -> None:
    argv = case.command(2, 5).argv
    assert argv.count("-d") == 1
    assert after(argv, "-d") == "2"
    assert "5" not in argv[argv.index("-d") : argv.index("-d") + 3]


@WITH_AN_ID
def test_topaz_gets_minus_one_for_the_cpu_and_never_a_default(case: AdapterCase) -> None:
    assert after(case.command().argv, "-d") == "-1"


@WITH_AN_ID
def test_isolated_it_calls_its_gpu_0(case: AdapterCase) -> None:
    command = case.command(3, isolate=True)
    assert after(command.argv, "-d") == "0"
    assert command.env["CUDA_VISIBLE_DEVICES"] == "3"


def test_denoise3d_uses_all_that_it_sees_and_sees_its_slot_alone() -> None:
    command = DENOISE3D.command(1, 3)
    assert after(command.argv, "-d") == "-2"
    assert command.env["CUDA_VISIBLE_DEVICES"] == "1,3"
    assert after(DENOISE3D.command().argv, "-d") == "-1"


def test_falling_back_to_the_cpu_with_exit_code_0_is_said(tmp_path: Path) -> None:
    printed = f"{FALLBACK}# Extraction complete\n"
    outcome = EXTRACT.ended(tmp_path, printed, "out/m1_topaz.txt")
    assert outcome.done, outcome.reason
    assert any("Falling back" in warning for warning in outcome.warnings)


def test_denoise3d_on_the_cpu_with_a_gpu_is_said(tmp_path: Path) -> None:
    printed = "# using device=-2 with cuda=False\n# 1 of 1 tomograms denoised.\n"
    outcome = DENOISE3D.ended(tmp_path, printed, "denoised/tomogram.mrc")
    assert outcome.done, outcome.reason
    assert any("cuda=False" in warning for warning in outcome.warnings)
    assert Path(outcome.outputs["out"]).name == "t1_denoised.mrc"


def test_no_particles_are_a_result_and_an_empty_file_is_none(tmp_path: Path) -> None:
    printed = "# Extraction complete\n"
    head = TABLE.splitlines()[0] + "\n"
    outcome = EXTRACT.ended(tmp_path / "a", printed, files={"out/m1_topaz.txt": head})
    assert outcome.done, outcome.reason
    empty = EXTRACT.ended(tmp_path / "b", printed, files={"out/m1_topaz.txt": "\n"})
    assert empty.failure is FailureClass.MISSING_OUTPUT


def test_one_network_is_told_the_users_own_before_topazs() -> None:
    assert after(EXTRACT.command(0).argv, "-m") == "resnet16"
    argv = EXTRACT.command(0, weights="mine.sav").argv
    assert argv.count("-m") == 1
    assert after(argv, "-m") == "mine.sav"


@pytest.mark.parametrize(("epochs", "taken"), [(3, "3"), (10, "10"), (100, "100")])
def test_the_network_of_the_last_epoch_is_taken_and_not_the_last_of_names(
    tmp_path: Path, epochs: int, taken: str
) -> None:
    made = [f"model_epoch{number}.sav" for number in (1, 2, 3, 9, 10, 99, 100)]
    texts = {name: name for name in made}
    curve = {"curve.txt": "epoch\titer\tsplit\n"}
    outcome = TRAIN.ended(tmp_path, "# Done!\n", files={**texts, **curve}, epochs=epochs)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["out"]).read_text(encoding="utf-8") == f"model_epoch{taken}.sav"


def test_tests_of_the_training_want_images_and_particles() -> None:
    with pytest.raises(GpucoreError, match="test_targets"):
        TRAIN.command(0, test_images="more")
    argv = TRAIN.command(0, test_images="more", test_targets="more.txt").argv
    assert after(argv, "--test-targets") == "more.txt"


def test_preprocessing_names_its_output_after_the_micrograph(tmp_path: Path) -> None:
    image(tmp_path / "prepared/mic.mrc")
    outcome = PREPROCESS.ended(tmp_path, "", "prepared/mic.mrc")
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["out"]).name == "m1_preprocessed.mrc"
    assert PREPROCESS.command(0).argv[-1] == "mic.tiff"


def test_the_cpus_processes_are_told_only_without_a_gpu() -> None:
    assert "-t" not in NORMALIZE.command(0, workers=4).argv
    assert after(NORMALIZE.command(workers=4).argv, "-t") == "4"


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to", FailureClass.OUT_OF_MEMORY),
        ("RuntimeError: CUDA error: invalid device ordinal", FailureClass.NO_DEVICE),
        ("FileNotFoundError: [Errno 2] No such file: 'x'", FailureClass.BAD_INPUT),
        ("RuntimeError: operator torchvision::nms does not exist", FailureClass.NOT_STARTED),
    ],
)
def test_a_crash_is_explained(tmp_path: Path, printed: str, failure: FailureClass) -> None:
    assert EXTRACT.ended(tmp_path, f"{printed}\n", code=1).failure is failure


def test_the_network_of_denoising_is_told_twice_for_one_release_heeds_the_second() -> None:
    argv = DENOISE.command(0, model="unet-small").argv
    assert (after(argv, "-m"), after(argv, "--arch")) == ("unet-small", "unet-small")
    assert "--arch" not in DENOISE.command(0, weights="mine.sav").argv
    assert "--arch" not in DENOISE.command(0, model="fcnn").argv


def test_a_missing_pkg_resources_is_not_taken_for_a_wrong_network(tmp_path: Path) -> None:
    printed = (
        "ModuleNotFoundError: No module named 'pkg_resources'\n"
        "ValueError: Unable to load model: unet\n"
    )
    outcome = DENOISE.ended(tmp_path, printed, code=1)
    assert outcome.failure is FailureClass.NOT_STARTED
    assert "setuptools" in outcome.hint
