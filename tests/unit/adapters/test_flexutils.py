"""Flexutils: networks that write the mask themselves, and some that change their input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.flexutils import gpucore_adapters
from gpucore_adapters.flexutils.flexsiren import TRAIN_FLEXSIREN
from gpucore_adapters.flexutils.het_siren import PREDICT_HET_SIREN, TRAIN_HET_SIREN
from gpucore_adapters.flexutils.landscapes import REDUCE_DIMENSIONS, TRAIN_CONSENSUS
from gpucore_adapters.flexutils.reconsiren import TRAIN_RECONSIREN
from gpucore_adapters.flexutils.zernike3deep import PREDICT_ZERNIKE, TRAIN_ZERNIKE
from rendering import after

from gpucore.standard import Adapter, FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

ALL = tuple(gpucore_adapters())
DATA = {"particles": "p.xmd", "pixel_size": 4.0}
BOXES = {"train_box": 64, "out_box": 128}

ZERNIKE = AdapterCase(TRAIN_ZERNIKE, DATA)
FLEX = AdapterCase(TRAIN_FLEXSIREN, DATA)
HET = AdapterCase(TRAIN_HET_SIREN, {**DATA, **BOXES})
RECON = AdapterCase(TRAIN_RECONSIREN, DATA)
CONSENSUS = AdapterCase(TRAIN_CONSENSUS, {"data": "data"})
PREDICT = AdapterCase(PREDICT_ZERNIKE, {**DATA, "network": "n.h5"})
MAPS = AdapterCase(PREDICT_HET_SIREN, {**DATA, **BOXES, "network": "n.h5"})

TRAININGS = [ZERNIKE, FLEX, HET, RECON, CONSENSUS]


@pytest.mark.parametrize("adapter", ALL, ids=[one.name for one in ALL])
def test_it_does_not_contradict_itself_and_says_where_it_is_from(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert len(adapter.example) >= 2
    assert adapter.family == "Flexutils"
    for text in (adapter.licence, adapter.citation, adapter.source, adapter.homepage):
        assert text
    assert adapter.unverified


@pytest.mark.parametrize("adapter", ALL, ids=[one.name for one in ALL])
def test_what_it_is_told_becomes_the_mask_so_that_it_never_gets_one(adapter: Adapter) -> None:
    assert adapter.gpu.overwrites_mask
    command = AdapterCase(adapter, adapter.example[0].params).command(2, 3, isolate=True)
    assert after(command.argv, "--gpu").startswith("2")
    assert "CUDA_VISIBLE_DEVICES" not in command.env


@pytest.mark.parametrize("adapter", ALL, ids=[one.name for one in ALL])
def test_without_a_gpu_it_is_told_of_none_and_shown_none(adapter: Adapter) -> None:
    command = AdapterCase(adapter, adapter.example[0].params).command()
    assert "--gpu" not in command.argv
    assert command.env["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("case", [HET, FLEX], ids=["het_siren", "flexsiren"])
def test_a_training_that_splits_its_batches_gets_all_gpus_with_commas(case: AdapterCase) -> None:
    assert after(case.command(0, 3).argv, "--gpu") == "0,3"


@pytest.mark.parametrize("case", [ZERNIKE, RECON, CONSENSUS, PREDICT, MAPS])
def test_a_network_on_one_gpu_never_holds_memory_of_a_second(case: AdapterCase) -> None:
    assert after(case.command(0, 3).argv, "--gpu") == "0"


@pytest.mark.parametrize("case", [ZERNIKE, FLEX, HET, RECON])
def test_the_option_that_ends_in_an_error_of_the_program_is_never_given(
    case: AdapterCase,
) -> None:
    assert "--max_samples_seen" not in case.command(0).argv
    assert "--epochs" in case.command(0).argv


def test_the_consensus_is_trained_by_rounds_or_by_samples_and_never_by_both() -> None:
    argv = CONSENSUS.command(0, samples=1000).argv
    assert after(argv, "--max_samples_seen") == "1000"
    assert "--epochs" not in argv


def test_the_fourier_mask_is_given_only_to_a_cost_that_has_one() -> None:
    assert not {"--radius_mask", "--smooth_mask"} & set(HET.command(0).argv)
    assert {"--radius_mask", "--smooth_mask"} <= set(HET.command(0, cost="corr-fpc").argv)
    argv = ZERNIKE.command(0, cost="fpc", smooth_mask=False).argv
    assert "--radius_mask" in argv
    assert "--smooth_mask" not in argv


@pytest.mark.parametrize("case", TRAININGS)
def test_a_training_goes_on_in_its_folder_and_not_in_one_of_the_attempt(
    case: AdapterCase,
) -> None:
    assert case.adapter.command.in_place
    assert case.adapter.staged_params == ()


def test_a_file_that_is_changed_where_it_lies_is_no_output_that_could_be_put_aside() -> None:
    assert PREDICT.outputs() == {}
    assert MAPS.outputs() == {"map": "decoded_map_class_01.mrc"}


def test_a_training_without_its_network_has_failed(tmp_path: Path) -> None:
    assert HET.ended(tmp_path, "Epoch 20/20\n").failure is FailureClass.MISSING_OUTPUT
    (tmp_path / "done").mkdir()
    done = HET.ended(tmp_path / "done", "", "out/p_het_siren/het_siren_model.h5")
    assert done.done, done.reason


def test_a_full_gpu_is_told_as_such(tmp_path: Path) -> None:
    printed = "GPU memory has been exhausted. Usually this can be solved by downsampling\n"
    assert ZERNIKE.ended(tmp_path, printed, code=1).failure is FailureClass.OUT_OF_MEMORY


def test_principal_components_and_umap_are_never_asked_for_together() -> None:
    case = AdapterCase(REDUCE_DIMENSIONS, {"landscape": "z.txt"})
    assert "--pca" not in case.command(0).argv
    assert "--umap" not in case.command(method="pca").argv
