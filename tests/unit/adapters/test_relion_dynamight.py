"""DynaMight: one GPU by its number, three commands in one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.relion_dynamight import (
    RELION_DYNAMIGHT,
    RELION_DYNAMIGHT_BACKPROJECT,
    RELION_DYNAMIGHT_INVERSE,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import FailureClass, GpuUse
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Adapter

LEARN = AdapterCase(RELION_DYNAMIGHT, {"particles": "run_data.star", "map": "run_class001.mrc"})
INVERSE = AdapterCase(RELION_DYNAMIGHT_INVERSE, {"folder": "motion"})
BACK = AdapterCase(RELION_DYNAMIGHT_BACKPROJECT, {"folder": "motion"})
ALL = (LEARN, INVERSE, BACK)


@pytest.mark.parametrize("adapter", gpucore_adapters(), ids=lambda one: one.name)
def test_it_does_not_contradict_itself_and_its_examples_come_out(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert len(adapter.example) >= 2
    assert adapter.gpu.use is GpuUse.COMPULSORY


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_it_never_gets_two_gpus_even_when_its_slot_holds_two(case: AdapterCase) -> None:
    argv = case.command(3, 4).argv
    assert after(argv, "--gpu-id") == "3"
    assert argv.count("--gpu-id") == 1
    with pytest.raises(GpucoreError, match="GPU"):
        case.command()


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_isolated_its_gpu_is_number_0(case: AdapterCase) -> None:
    ready = case.command(3, 4, isolate=True)
    assert after(ready.argv, "--gpu-id") == "0"
    assert ready.env["CUDA_VISIBLE_DEVICES"] == "3"


def test_the_commands_follow_each_other_in_one_folder() -> None:
    assert LEARN.outputs()["checkpoint_final"] == "checkpoint_final.pth"
    assert INVERSE.command(0).argv[1:3] == ("optimize-inverse-deformations", "motion")
    assert INVERSE.outputs() == {"inverse": "inv_chkpt.pth"}
    assert BACK.command(0).argv[1:3] == ("deformable-backprojection", "motion")
    assert BACK.outputs() == {"half1": "map_half1.mrc", "half2": "map_half2.mrc"}


def test_a_full_gpu_is_told(tmp_path: Path) -> None:
    printed = "CUDA out of memory. Tried to allocate 2.00 GiB\n"
    assert LEARN.ended(tmp_path, printed, code=2).failure is FailureClass.OUT_OF_MEMORY


def test_a_smaller_batch_is_progress_and_no_failure(tmp_path: Path) -> None:
    printed = (
        "CUDA out of memory. Tried to allocate 2.00 GiB\n"
        "WARNING! batch size too large for gpu, trying with new batch size of: 64\n"
    )
    made = "out/run_data_dynamight/forward_deformations/checkpoints/checkpoint_final.pth"
    outcome = LEARN.ended(tmp_path, printed, made)
    assert outcome.done, outcome.reason


def test_exit_code_0_without_the_final_checkpoint_is_a_failure(tmp_path: Path) -> None:
    assert LEARN.ended(tmp_path, "Epoch: 3\n").failure is FailureClass.MISSING_OUTPUT


def test_a_second_step_before_the_first_is_bad_input(tmp_path: Path) -> None:
    printed = "motion does not exist. Please run dynamight optimize-deformations or use a\n"
    assert INVERSE.ended(tmp_path, printed, code=2).failure is FailureClass.BAD_INPUT
