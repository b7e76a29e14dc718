"""cryoassess: commas for MicAssess, a mask for 2DAssess, and folders that they delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.cryoassess import ASSESS_2D, MICASSESS, gpucore_adapters
from rendering import after

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

MICS = AdapterCase(MICASSESS, {"micrographs": "mics.star", "models": "models"})
CLASSES = AdapterCase(ASSESS_2D, {"classes": "classes.mrcs", "model": "2dassess.h5"})
REPORT = "Total:\t 4 micrographs\nDetails can be found in the output directory.\n"


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [MICASSESS, ASSESS_2D]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


def test_micassess_never_gets_two_words_of_gpus_for_it_would_refuse_the_second() -> None:
    argv = MICS.command(0, 1).argv
    assert argv[-2:] == ("--gpus", "0,1")


def test_micassess_gets_the_machines_numbers_and_no_mask() -> None:
    command = MICS.command(2, isolate=True)
    assert after(command.argv, "--gpus") == "2"
    assert "CUDA_VISIBLE_DEVICES" not in command.env


def test_2dassess_sees_one_gpu_and_is_told_of_none() -> None:
    assert CLASSES.command(3, 1).env["CUDA_VISIBLE_DEVICES"] == "3"
    assert CLASSES.command().env["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("case", [MICS, CLASSES], ids=["micassess", "2dassess"])
def test_what_they_delete_lies_in_the_steps_own_directory(case: AdapterCase) -> None:
    assert case.command(0).own_directory


def test_a_star_file_is_a_link_and_a_pattern_is_told() -> None:
    assert after(MICS.command(0).argv, "-i") == "input.star"
    assert [link.name for link in MICS.command(0).links] == ["input.star"]
    pattern = MICS.command(0, micrographs="mics/*.mrc", out="o.tsv")
    assert after(pattern.argv, "-i") == "mics/*.mrc"
    assert pattern.links == ()


@pytest.mark.parametrize("made", [(), ("input_good.star", "input_great.star")])
def test_no_good_micrographs_are_a_result(tmp_path: Path, made: tuple[str, ...]) -> None:
    outcome = MICS.ended(tmp_path, REPORT, "probs_good.tsv", "probs_great.tsv", *made)
    assert outcome.done, outcome.reason
    assert ("good_micrographs" in outcome.outputs) == bool(made)


def test_a_micrograph_that_cannot_be_read_is_told_for_labels_shift(tmp_path: Path) -> None:
    printed = f"An error occured when trying to save  m2.mrc\n{REPORT}"
    outcome = MICS.ended(tmp_path, printed, "probs_good.tsv", "probs_great.tsv")
    assert any("m2.mrc" in warning for warning in outcome.warnings)


def test_a_run_without_its_report_is_a_failure(tmp_path: Path) -> None:
    outcome = MICS.ended(tmp_path, "Assessing\n", "probs_good.tsv", "probs_great.tsv")
    assert outcome.failure is FailureClass.PROGRAM_FAULT
