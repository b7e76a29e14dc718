"""IsoNet: commas, the machine's numbers, and tracebacks that end with exit code 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.isonet import ISONET_PREDICT, ISONET_REFINE, gpucore_adapters
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

REFINE = AdapterCase(ISONET_REFINE, {"subtomograms": "subtomo.star"})
PREDICT = AdapterCase(ISONET_PREDICT, {"tomograms": "tomo.star", "model": "m.h5"})
BOTH = pytest.mark.parametrize("case", [REFINE, PREDICT], ids=["refine", "predict"])
MODEL = "out/subtomo_isonet/model_iter30.h5"
CRASH = "11-22 21:00:00, ERROR    Traceback (most recent call last):\n"


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [ISONET_REFINE, ISONET_PREDICT]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@BOTH
def test_its_gpus_are_one_word_with_commas(case: AdapterCase) -> None:
    assert after(case.command(2, 0).argv, "--gpuID") == "2,0"


@BOTH
def test_it_gets_the_machines_numbers_and_no_mask_even_when_the_site_isolates(
    case: AdapterCase,
) -> None:
    command = case.command(2, 3, isolate=True)
    assert after(command.argv, "--gpuID") == "2,3"
    assert "CUDA_VISIBLE_DEVICES" not in command.env


@BOTH
def test_it_is_never_left_to_its_default_of_four_gpus(case: AdapterCase) -> None:
    with pytest.raises(GpucoreError, match="GPU"):
        case.command()


def test_the_number_of_gpus_changes_the_batch_and_that_is_said() -> None:
    assert "twice the number of GPUs" in ISONET_REFINE.gpu.changes_result


@pytest.mark.parametrize(
    ("more", "failure"),
    [
        ("", FailureClass.PROGRAM_FAULT),
        ("RuntimeError: Re-enter correct gpuID\n", FailureClass.NO_DEVICE),
        ("RuntimeError: No GPU detected, Please check your CUDA\n", FailureClass.NO_DEVICE),
        ("tensorflow ResourceExhaustedError: OOM\n", FailureClass.OUT_OF_MEMORY),
        ("FileNotFoundError: subtomo/a.mrc\n", FailureClass.BAD_INPUT),
    ],
)
def test_a_traceback_with_exit_code_0_is_a_failure(
    tmp_path: Path, more: str, failure: FailureClass
) -> None:
    assert REFINE.ended(tmp_path, f"{CRASH}{more}", MODEL).failure is failure


def test_an_empty_list_of_subtomograms_with_exit_code_0_is_a_failure(tmp_path: Path) -> None:
    outcome = REFINE.ended(tmp_path, "ERROR    Subtomo list is empty!\n")
    assert outcome.failure is FailureClass.BAD_INPUT


def test_a_run_that_trained_is_done(tmp_path: Path) -> None:
    outcome = REFINE.ended(tmp_path, "INFO     Done Iteration30!\n", MODEL)
    assert outcome.done, outcome.reason


@pytest.mark.parametrize(
    ("iterations", "name"),
    [(1, "model_iter01.h5"), (9, "model_iter09.h5"), (10, "model_iter10.h5")],
)
def test_the_last_network_has_two_digits_and_the_option_has_not(iterations: int, name: str) -> None:
    assert REFINE.outputs(iterations=iterations)["model"] == name
    assert after(REFINE.command(0, iterations=iterations).argv, "--iterations") == str(iterations)


def test_cubes_are_smaller_than_what_they_are_cut_out_of() -> None:
    with pytest.raises(GpucoreError, match="crop_size"):
        PREDICT.command(0, cube_size=96, crop_size=96)
