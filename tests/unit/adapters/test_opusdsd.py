"""OPUS-DSD: a number of GPUs of those that it sees, and a batch that grows with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.opusdsd import (
    ADAPTERS,
    OPUSDSD_ANALYZE,
    OPUSDSD_EVAL_VOL,
    OPUSDSD_TRAIN_CV,
    OPUSDSD_TRAIN_MULTI,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, GpuUse, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Adapter

LEAST = {
    "particles": "all.mrcs",
    "poses": "pose.pkl",
    "ctf": "ctf.pkl",
    "zdim": 12,
    "split": "split.pkl",
}
TRAIN_CV = AdapterCase(OPUSDSD_TRAIN_CV, LEAST)
TRAIN_MULTI = AdapterCase(OPUSDSD_TRAIN_MULTI, LEAST)
EVAL_VOL = AdapterCase(
    OPUSDSD_EVAL_VOL,
    {"points": "z.txt", "weights": "w.pkl", "config": "c.pkl", "pixel_size": 2.2},
)
LOG = "# =====> Epoch: 20 Average validation gen_loss = 0.1, SNR2 = 0.1\n"
MADE = {
    "out/all_dsd/config.pkl": "x",
    "out/all_dsd/run.log": LOG,
    "out/all_dsd/weights.19.pkl": "x",
    "out/all_dsd/z.19.pkl": "x",
}


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == list(ADAPTERS)
    assert [fault for adapter in ADAPTERS for fault in adapter_faults(adapter)] == []


@pytest.mark.parametrize("case", [TRAIN_CV, TRAIN_MULTI], ids=["train_cv", "train_multi"])
def test_it_gets_the_number_of_its_gpus_and_sees_these_alone(case: AdapterCase) -> None:
    for gpus, mask in (((5,), "5"), ((2, 7), "2,7"), ((0, 1, 2, 3), "0,1,2,3")):
        command = case.command(*gpus)
        assert after(command.argv, "--num-gpus") == str(len(gpus))
        assert command.env["CUDA_VISIBLE_DEVICES"] == mask


@pytest.mark.parametrize("adapter", [OPUSDSD_TRAIN_CV, OPUSDSD_TRAIN_MULTI], ids=["cv", "multi"])
def test_the_user_is_told_that_the_batch_grows_with_the_gpus(adapter: Adapter) -> None:

    assert "multiplied" in adapter.gpu.changes_result


def test_it_trains_on_gpus_only() -> None:
    assert OPUSDSD_TRAIN_MULTI.gpu.use is GpuUse.COMPULSORY
    with pytest.raises(GpucoreError, match="GPU"):
        TRAIN_MULTI.command()


def test_its_analysis_makes_no_volumes_and_uses_no_gpu() -> None:
    assert OPUSDSD_ANALYZE.gpu.use is GpuUse.NONE


def test_volumes_are_made_on_the_first_gpu_alone() -> None:
    command = EVAL_VOL.command(4, 6)
    assert command.env["CUDA_VISIBLE_DEVICES"] == "4"
    assert EVAL_VOL.outputs()["volume"] == "reference0.mrc"


def test_a_training_that_went_on_without_a_gpu_has_failed(tmp_path: Path) -> None:
    printed = f"2026 WARNING: No GPUs detected\n{LOG}2026 Finished in 1:00 (0:03 per epoch)\n"
    outcome = TRAIN_CV.ended(tmp_path, printed, files=MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.CPU_FALLBACK)


@pytest.mark.parametrize("word", ["Finished", "Finsihed"])
def test_its_last_line_counts_as_it_spells_it(tmp_path: Path, word: str) -> None:
    outcome = TRAIN_MULTI.ended(tmp_path, f"{word} in 1:00 (0:03 per epoch)\n", files=MADE)
    assert outcome.done, outcome.reason


@pytest.mark.parametrize(("epochs", "last"), [(1, 0), (20, 19), (100, 99)])
def test_the_weights_of_the_last_epoch_are_looked_for_and_it_counts_from_0(
    epochs: int, last: int
) -> None:
    outputs = TRAIN_CV.outputs(epochs=epochs)
    assert outputs["weights"] == f"weights.{last}.pkl"
    assert outputs["latent"] == f"z.{last}.pkl"


def test_a_training_that_ended_before_its_last_epoch_has_failed(tmp_path: Path) -> None:
    early = {name.replace("19", "18"): text for name, text in MADE.items()}
    outcome = TRAIN_CV.ended(tmp_path, "Finished in 1:00 (0:03 per epoch)\n", files=early)
    assert outcome.failure is FailureClass.MISSING_OUTPUT


def test_a_box_that_is_no_multiple_of_16_is_refused() -> None:
    with pytest.raises(GpucoreError, match="multiple of 16"):
        TRAIN_CV.command(0, template_size=200)


def test_exit_code_0_without_its_last_line_is_a_failure(tmp_path: Path) -> None:
    assert TRAIN_CV.ended(tmp_path, LOG, files=MADE).state is StepState.FAILED


def test_a_full_gpu_is_known_by_its_message(tmp_path: Path) -> None:
    outcome = TRAIN_CV.ended(tmp_path, "RuntimeError: CUDA out of memory.\n", code=1)
    assert outcome.failure is FailureClass.OUT_OF_MEMORY
