"""cryoCARE: its GPUs are in a JSON file, and a GPU that it does not find it goes on without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.cryocare import CRYOCARE_PREDICT, CRYOCARE_TRAIN, gpucore_adapters
from rendering import HOSTILE

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

TRAIN = AdapterCase(CRYOCARE_TRAIN, {"data": "train_data"})
PREDICT = AdapterCase(
    CRYOCARE_PREDICT, {"even": "t1_even.mrc", "odd": "t1_odd.mrc", "model": "m.tar.gz"}
)


def told(
    case: AdapterCase, *gpus: int, isolate: bool = False, **given: object
) -> dict[str, object]:
    (file,) = case.command(*gpus, isolate=isolate, **given).files
    entries: dict[str, object] = json.loads(file.text)
    return entries


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [CRYOCARE_TRAIN, CRYOCARE_PREDICT]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


def test_its_gpus_are_a_list_of_numbers_in_the_file_and_never_in_the_command() -> None:
    assert told(TRAIN, 0, 3)["gpu_id"] == [0, 3]
    assert TRAIN.command(0, 3).argv == ("cryoCARE_train.py", "--conf", "train.json")


def test_prediction_never_gets_two_gpus_even_when_its_slot_holds_two() -> None:
    assert told(PREDICT, 2, 0)["gpu_id"] == [2]


def test_under_a_mask_it_is_told_of_places_in_it() -> None:
    assert told(TRAIN, 2, 3, isolate=True)["gpu_id"] == [0, 1]
    assert TRAIN.command(2, 3, isolate=True).env["CUDA_VISIBLE_DEVICES"] == "2,3"


@pytest.mark.parametrize("case", [TRAIN, PREDICT], ids=["train", "predict"])
def test_without_a_gpu_there_is_no_file_that_leaves_its_key_out(case: AdapterCase) -> None:
    with pytest.raises(GpucoreError, match="GPU"):
        case.command()


def test_hostile_names_come_out_of_the_file_as_they_were() -> None:
    name = f"{HOSTILE.split('#', maxsplit=1)[0]}.tar.gz"
    assert told(PREDICT, 0, model=name)["path"] == name
    assert told(PREDICT, 0, even=f"{HOSTILE}.mrc")["even"] == "even.mrc"


@pytest.mark.parametrize(
    "line", ["WARNING: GPU 3 not found", "WARNING: No GPUs found by tensorflow"]
)
def test_a_gpu_that_is_not_found_is_a_failure_for_it_would_take_all(
    tmp_path: Path, line: str
) -> None:
    outcome = PREDICT.ended(tmp_path, f"{line}\n", "denoised/even.mrc")
    assert outcome.failure is FailureClass.NO_DEVICE


def test_a_tomogram_that_was_denoised_is_named_after_the_even_half(tmp_path: Path) -> None:
    printed = "Looking for GPU with ID: 0\nGPU 0 successfully found\n"
    outcome = PREDICT.ended(tmp_path, printed, "denoised/even.mrc")
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["out"]).name == "t1_even_cryocare.mrc"


def test_a_network_of_the_old_form_is_refused_although_it_goes_on(tmp_path: Path) -> None:
    printed = "The specified 'path'  m is not a file. Your config is not in the format that\n"
    outcome = PREDICT.ended(tmp_path, printed, "denoised/even.mrc")
    assert outcome.failure is FailureClass.BAD_INPUT
