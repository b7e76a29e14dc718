"""MemBrain-seg: the first GPU that it sees, and a CPU that only PyTorch speaks of."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.membrain import (
    MEMBRAIN_SEGMENT,
    MEMBRAIN_SKELETONIZE,
    gpucore_adapters,
)

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

SEGMENT = AdapterCase(MEMBRAIN_SEGMENT, {"tomogram": "t1.mrc", "model": "m.ckpt"})
SKELETON = AdapterCase(MEMBRAIN_SKELETONIZE, {"labels": "t1.mrc"})
BOTH = pytest.mark.parametrize("case", [SEGMENT, SKELETON], ids=["segment", "skeletonize"])
DONE = "INFO:root:MemBrain has finished segmenting your tomogram.\n"
FALLBACK = "UserWarning: User provided device_type of 'cuda', but CUDA is not available.\n"
MADE = "segmented/t1_MemBrain_seg_v10.ckpt_segmented.mrc"


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [MEMBRAIN_SEGMENT, MEMBRAIN_SKELETONIZE]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@BOTH
def test_it_sees_one_gpu_and_is_told_of_none(case: AdapterCase) -> None:
    command = case.command(3, 1)
    assert command.env["CUDA_VISIBLE_DEVICES"] == "3"
    assert not {"3", "--device", "-d"} & set(command.argv)


@BOTH
def test_on_the_cpu_it_sees_none(case: AdapterCase) -> None:
    assert case.command().env["CUDA_VISIBLE_DEVICES"] == ""


def test_a_segmentation_is_found_under_the_networks_name(tmp_path: Path) -> None:
    outcome = SEGMENT.ended(tmp_path, DONE, MADE)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["out"]).name == "t1_membranes.mrc"


def test_the_cpu_with_a_gpu_is_said(tmp_path: Path) -> None:
    outcome = SEGMENT.ended(tmp_path, f"{FALLBACK}{DONE}", MADE)
    assert outcome.done, outcome.reason
    assert any("CUDA is not available" in warning for warning in outcome.warnings)


def test_a_pixel_size_without_scaling_is_refused_for_it_would_do_nothing() -> None:
    with pytest.raises(GpucoreError, match="rescale"):
        SEGMENT.command(0, pixel_size=12)


def test_an_installation_without_click_says_what_to_do(tmp_path: Path) -> None:
    printed = "ModuleNotFoundError: No module named 'click'\n"
    outcome = SEGMENT.ended(tmp_path, printed, code=1)
    assert outcome.failure is FailureClass.NOT_STARTED
    assert "click" in outcome.hint
