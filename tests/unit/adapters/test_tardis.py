"""TARDIS: one GPU or cpu, results beside the input, and errors that end with exit code 0."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.tardis import TARDIS_ACTIN, TARDIS_MEM, TARDIS_MT, gpucore_adapters
from rendering import HOSTILE, after

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

MEM = AdapterCase(TARDIS_MEM, {"tomogram": "t1.mrc"})
MT = AdapterCase(TARDIS_MT, {"tomogram": "t1.mrc"})
ACTIN = AdapterCase(TARDIS_ACTIN, {"tomogram": "t1.mrc"})
ALL = pytest.mark.parametrize("case", [MEM, MT, ACTIN], ids=["mem", "mt", "actin"])
FOLDER = "in/Predictions"
MADE = (f"{FOLDER}/prediction_log.txt", f"{FOLDER}/tomogram_semantic.mrc")


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [TARDIS_MEM, TARDIS_MT, TARDIS_ACTIN]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@ALL
def test_it_never_gets_two_gpus_even_when_its_slot_holds_two(case: AdapterCase) -> None:
    assert case.command(3, 1).argv[-2:] == ("-dv", "3")


@ALL
def test_on_the_cpu_it_is_told_so_for_its_default_is_gpu_0(case: AdapterCase) -> None:
    assert case.command().argv[-2:] == ("-dv", "cpu")


def test_filaments_have_lengths_and_membranes_have_none() -> None:
    assert "-fl" not in MEM.command(0).argv
    assert after(MT.command(0, min_length=500).argv, "-fl") == "500"


def test_its_results_are_beside_a_link_of_a_fixed_name() -> None:
    given = MEM.command(0, tomogram=f"{HOSTILE}.rec")
    assert [link.name for link in given.links] == ["in/tomogram.rec"]
    assert after(given.argv, "-dir") == "in"


@pytest.mark.parametrize("found", [(), (f"{FOLDER}/tomogram_instances.csv",)])
def test_a_tomogram_without_objects_is_a_result(tmp_path: Path, found: tuple[str, ...]) -> None:
    outcome = MEM.ended(tmp_path, "", *MADE, *found)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["mask"]).name == "t1_tardis_semantic.mrc"
    assert ("objects" in outcome.outputs) == bool(found)


def test_outputs_follow_the_forms_that_are_asked_for() -> None:
    assert MEM.outputs(semantic="None", instances="mrc") == {
        "out": "t1_tardis.txt",
        "objects": "t1_tardis_instance.mrc",
    }
    assert MT.outputs()["objects"] == "t1_tardis_SpatialGraph.am"
    assert "objects" not in MT.outputs(instances="None")


def test_an_error_with_exit_code_0_is_a_failure(tmp_path: Path) -> None:
    printed = "WARNING - TARDIS WARNING CODE: 12 EMPTY_DIRECTORY\n"
    assert MEM.ended(tmp_path, printed, *MADE).failure is FailureClass.BAD_INPUT
    fault = "TARDIS ERROR CODE: 2 MISSING_LIBRARY\n"
    assert MEM.ended(tmp_path / "b", fault, *MADE).failure is FailureClass.PROGRAM_FAULT


def test_the_cpu_with_a_gpu_is_said(tmp_path: Path) -> None:
    outcome = MEM.ended(tmp_path, "CUDA not available, falling back to CPU\n", *MADE)
    assert outcome.done, outcome.reason
    assert any("falling back" in warning for warning in outcome.warnings)
