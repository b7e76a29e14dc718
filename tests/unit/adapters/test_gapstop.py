"""GAPSTOP: no GPU in its command, a mask around it, and a STAR file for all else."""

from __future__ import annotations

from pathlib import Path

from adapter_cases import AdapterCase
from gpucore_adapters.gapstop import GAPSTOP_RUN_TM, gpucore_adapters

from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

CASE = AdapterCase(
    GAPSTOP_RUN_TM,
    {"tomogram": "TS_01.mrc", "template": "r.mrc", "mask": "m.mrc", "wedges": "w.star",
     "angles": "a.txt", "tomogram_number": 7, "low_pass": 20},
)  # fmt: skip
MADE = ("results/scores_0_7.mrc", "results/angles_0_7.mrc")


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [GAPSTOP_RUN_TM]
    assert adapter_faults(GAPSTOP_RUN_TM) == []


def test_its_gpus_are_in_the_environment_alone() -> None:
    one, other = CASE.command(1, 3), CASE.command(2)
    assert one.argv == other.argv
    assert one.env["CUDA_VISIBLE_DEVICES"] == "1,3"


def test_the_star_file_names_as_many_columns_as_values() -> None:
    (file,) = CASE.command(0, binning=4).files
    lines = file.text.split("\n")
    columns = [line.split()[0] for line in lines if line.startswith("_")]
    (values,) = (line.split() for line in lines if line.startswith("./"))
    row = dict(zip(columns, values, strict=True))
    assert row["_tomo_num"] == "7"
    assert row["_binning"] == "4"
    assert {row["_tomo_name"], row["_wedgelist_name"]} <= {
        one.name for one in CASE.command(0).links
    }


def test_scores_and_orientations_are_moved_to_names_of_the_tomogram(tmp_path: Path) -> None:
    outcome = CASE.ended(tmp_path, "", *MADE)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["orientations"]).name == "TS_01_angles.mrc"


def test_a_run_that_falls_back_to_the_processor_is_no_success(tmp_path: Path) -> None:
    printed = "WARNING: An NVIDIA GPU may be present. Falling back to cpu.\n"
    outcome = CASE.ended(tmp_path, printed, *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.CPU_FALLBACK)


def test_a_full_gpu_is_told_with_what_helps(tmp_path: Path) -> None:
    printed = "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory\n"
    assert CASE.ended(tmp_path, printed, code=1).failure is FailureClass.OUT_OF_MEMORY
