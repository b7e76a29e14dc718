"""Dynamo: a program of the project's own, which sees one GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter_cases import AdapterCase
from gpucore_adapters.dynamo import DYNAMO_PROJECT, gpucore_adapters

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

CASE = AdapterCase(
    DYNAMO_PROJECT, {"project": "ribosome.exe", "project_folder": "ribosome", "iterations": 6}
)
RESULTS = "ribosome/results/ite_0006/averages"
FILES = {
    f"{RESULTS}/average_ref_001_ite_0006.em": "map",
    f"{RESULTS}/refined_table_ref_001_ite_0006.tbl": "1 1 1 0.0\n",
}


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [DYNAMO_PROJECT]
    assert adapter_faults(DYNAMO_PROJECT) == []


def test_it_sees_one_gpu_even_when_its_slot_holds_two() -> None:
    command = CASE.command(2, 3)
    assert command.env["CUDA_VISIBLE_DEVICES"] == "2"
    assert command.argv[1:] == ("./ribosome.exe",)


def test_the_results_of_the_last_iteration_must_be_there(tmp_path: Path) -> None:
    folder = str(tmp_path / "ribosome")
    outcome = CASE.ended(tmp_path, "", files=FILES, project_folder=folder)
    assert outcome.done, outcome.reason
    wanted = CASE.ended(tmp_path, "", project_folder=folder, iterations=7)
    assert wanted.failure is FailureClass.MISSING_OUTPUT
    assert "ite_0007" in wanted.reason


def test_a_card_with_another_gpu_than_the_one_it_sees_is_told(tmp_path: Path) -> None:
    outcome = CASE.ended(tmp_path, "CUDA error: invalid device ordinal\n", files=FILES)
    assert outcome.failure is FailureClass.NO_DEVICE
