"""crYOLO: one word for each GPU, the machine's numbers, and failures that end with exit code 0."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.cryolo import (
    CRYOLO_PREDICT,
    CRYOLO_PREDICT_TOMO,
    CRYOLO_TRAIN,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

MODEL = {"config": "config.json", "weights": "model.h5"}
PREDICT = AdapterCase(CRYOLO_PREDICT, {"micrographs": "m1.mrc", **MODEL})
TOMO = AdapterCase(CRYOLO_PREDICT_TOMO, {"tomogram": "t1.mrc", **MODEL})
TRAIN = AdapterCase(CRYOLO_TRAIN, {"images": "mics", "annotations": "boxes", "box_size": 200})
ALL = pytest.mark.parametrize("case", [PREDICT, TOMO, TRAIN], ids=["predict", "tomo", "train"])

PICKED = """12 particles are found in image batch 1  /  1  ( Progress:  100 % ) Time: 3.10
#####################################
12 particles in total has been found ( 3 seconds)
Deleted 1 particles as they were not fully immersed in the micrograph
"""
MADE = ("out/m1_cryolo/CBOX/m1.cbox", "out/m1_cryolo/STAR/m1.star", "out/m1_cryolo/EMAN/m1.box")
MEMORY = (
    "############################\nNot enough GPU memory. Try to reduce prediction batch size\n"
)


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [CRYOLO_PREDICT, CRYOLO_PREDICT_TOMO, CRYOLO_TRAIN]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@ALL
def test_cryolo_never_gets_a_comma_for_it_would_read_one_number(case: AdapterCase) -> None:
    argv = case.command(0, 1).argv
    place = argv.index("-g")
    assert argv[place + 1 : place + 3] == ("0", "1")
    assert argv[place + 3].startswith("-")
    assert not any("," in word for word in argv)


@pytest.mark.parametrize("case", [PREDICT, TOMO], ids=["predict", "tomo"])
def test_cryolo_never_gets_minus_one_for_it_would_read_one(case: AdapterCase) -> None:
    command = case.command()
    assert "-g" not in command.argv
    assert "-1" not in command.argv
    assert command.env["CUDA_VISIBLE_DEVICES"] == ""


@ALL
def test_it_gets_the_machines_numbers_and_no_mask_even_when_the_site_isolates(
    case: AdapterCase,
) -> None:
    command = case.command(3, isolate=True)
    assert after(command.argv, "-g") == "3"
    assert "CUDA_VISIBLE_DEVICES" not in command.env


def test_the_number_of_gpus_changes_the_batch_of_the_training_and_that_is_said() -> None:
    assert "batch is multiplied" in CRYOLO_TRAIN.gpu.changes_result
    assert CRYOLO_PREDICT.gpu.changes_result == ""


def test_a_run_that_picked_is_done(tmp_path: Path) -> None:
    outcome = PREDICT.ended(tmp_path, PICKED, *MADE)
    assert outcome.done, outcome.reason
    assert outcome.outputs["boxes"].endswith("CBOX/m1.cbox")


def test_a_full_gpu_is_a_failure_although_the_exit_code_is_0(tmp_path: Path) -> None:
    outcome = PREDICT.ended(tmp_path, MEMORY, *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.OUT_OF_MEMORY)
    trained = TRAIN.ended(tmp_path / "train", MEMORY, "model.h5", "config.json")
    assert trained.failure is FailureClass.OUT_OF_MEMORY


def test_too_few_images_are_a_failure_although_the_exit_code_is_0(tmp_path: Path) -> None:
    printed = "Training data size is too small. Please pick at least two images / slices.\n"
    assert TRAIN.ended(tmp_path, printed).failure is FailureClass.BAD_INPUT


def test_exit_code_0_without_its_last_words_is_a_failure(tmp_path: Path) -> None:
    assert PREDICT.ended(tmp_path, "", *MADE).failure is FailureClass.PROGRAM_FAULT


def test_a_micrograph_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    outcome = PREDICT.ended(tmp_path, f"Image not valid:  m0.mrc SKIPPED\n{PICKED}", *MADE)
    assert outcome.done, outcome.reason
    assert any("m0.mrc" in warning for warning in outcome.warnings)


def test_a_folder_of_micrographs_has_no_file_of_one(tmp_path: Path) -> None:
    assert PREDICT.outputs(micrographs="mics") == {"out": "mics_cryolo"}
    assert set(PREDICT.outputs()) == {"out", "boxes", "star", "eman"}


def test_filaments_may_be_none(tmp_path: Path) -> None:
    outcome = PREDICT.ended(tmp_path, PICKED, "out/m1_cryolo/DISTR/x.txt", filament=True)
    assert outcome.done, outcome.reason
    assert "filaments" not in outcome.outputs


def test_options_of_filaments_are_there_only_with_filaments() -> None:
    plain = PREDICT.command(0).argv
    assert not {"--filament", "-bd", "-sm"} & set(plain)
    assert after(PREDICT.command(0, filament=True, box_distance=12).argv, "-bd") == "12"
    with pytest.raises(GpucoreError, match="filament_width"):
        PREDICT.command(0, filament_width=9)


@pytest.mark.parametrize(
    ("given", "model", "pretrained"),
    [
        ({}, [0.1, "filtered"], ""),
        ({"denoiser": "janni.h5"}, ["janni.h5", 24, 3, "filtered"], ""),
        ({"pretrained": "general.h5"}, [0.1, "filtered"], "general.h5"),
        ({"denoiser": "j.h5", "pretrained": "g.h5"}, ["j.h5", 24, 3, "filtered"], "g.h5"),
    ],
)
def test_the_trainings_configuration_is_written_for_each_way_to_filter(
    given: dict[str, object], model: list[object], pretrained: str
) -> None:
    (file,) = TRAIN.command(0, **given).files
    config = json.loads(file.text)
    assert config["model"]["filter"] == model
    assert config["model"]["anchors"] == [200, 200]
    assert config["train"]["pretrained_weights"] == pretrained
    assert config["train"]["saved_weights_name"] == "model.h5"


def test_the_trainings_configuration_is_an_output_for_picking(tmp_path: Path) -> None:
    printed = "Time elapsed for training: 12.3\n"
    outcome = TRAIN.ended(tmp_path, printed, "model.h5", "config.json")
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["config"]).name == "mics_cryolo.json"
