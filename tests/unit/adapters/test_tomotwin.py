"""TomoTwin: a mask alone says which GPUs, and -d is no device."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.tomotwin import (
    TOMOTWIN_EMBED_SUBVOLUMES,
    TOMOTWIN_EMBED_TOMOGRAM,
    TOMOTWIN_EMBEDDING_MASK,
    TOMOTWIN_UMAP,
    gpucore_adapters,
)

from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

TOMOGRAM = AdapterCase(TOMOTWIN_EMBED_TOMOGRAM, {"tomogram": "t1.mrc", "model": "m.pth"})
VOLUMES = AdapterCase(TOMOTWIN_EMBED_SUBVOLUMES, {"volumes": "refs", "model": "m.pth"})
UMAP = AdapterCase(TOMOTWIN_UMAP, {"embeddings": "t1.temb"})
MASK = AdapterCase(TOMOTWIN_EMBEDDING_MASK, {"tomogram": "t1.mrc", "model": "m.pth"})
SEVERAL = pytest.mark.parametrize(
    "case", [TOMOGRAM, VOLUMES, MASK], ids=["tomogram", "subvolumes", "mask"]
)


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert len(list(gpucore_adapters())) == 4
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@SEVERAL
def test_it_sees_its_slot_alone_for_it_takes_all_that_it_sees(case: AdapterCase) -> None:
    assert case.command(3, 1).env["CUDA_VISIBLE_DEVICES"] == "3,1"


def test_the_map_to_a_plane_sees_one_gpu() -> None:
    assert UMAP.command(3, 1).env["CUDA_VISIBLE_DEVICES"] == "3"


@pytest.mark.parametrize("case", [TOMOGRAM, VOLUMES], ids=["tomogram", "subvolumes"])
def test_minus_d_is_never_given_for_it_is_no_device(case: AdapterCase) -> None:
    assert "-d" not in case.command(1, 2).argv


def test_no_gpu_and_exit_code_0_is_a_failure(tmp_path: Path) -> None:
    printed = "Found 0 GPU(s). Start DDP + Compiling.\n"
    outcome = TOMOGRAM.ended(tmp_path, printed)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.NO_DEVICE)


def test_embeddings_are_found_under_the_tomograms_name(tmp_path: Path) -> None:
    printed = "Found 2 GPU(s). Start DDP + Compiling.\nWrote embeddings to disk to embedded/t1\n"
    outcome = TOMOGRAM.ended(tmp_path, printed, "embedded/t1_embeddings.temb")
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["out"]).name == "t1_embeddings.temb"


def test_the_plane_has_a_map_that_can_be_used_again(tmp_path: Path) -> None:
    made = ("mapped/t1.tumap", "mapped/t1_umap_model.pkl")
    outcome = UMAP.ended(tmp_path, "Write umap model to disk\nDone\n", *made)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["map"]).name == "t1_umap_model.pkl"


def test_a_missing_cuml_is_told(tmp_path: Path) -> None:
    printed = "cuml can't be loaded\nNameError: name 'cuml' is not defined\n"
    assert UMAP.ended(tmp_path, printed, code=1).failure is FailureClass.NOT_STARTED
