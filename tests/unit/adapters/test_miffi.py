"""Miffi: one GPU, a switch for the CPU, and a result whose name holds the time."""

from __future__ import annotations

from pathlib import Path

from adapter_cases import AdapterCase
from gpucore_adapters.miffi import MIFFI_INFERENCE, gpucore_adapters
from rendering import after

from gpucore.standard.checks import adapter_faults

CASE = AdapterCase(MIFFI_INFERENCE, {"micrographs": "mics", "models": "models"})
command, ended = CASE.command, CASE.ended
DONE = "(INFO|inference.py|22-Nov-25 21:00:00) All done\n"


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [MIFFI_INFERENCE]
    assert adapter_faults(MIFFI_INFERENCE) == []


def test_it_never_gets_two_gpus_even_when_its_slot_holds_two() -> None:
    argv = command(2, 1).argv
    assert argv[-2:] == ("-g", "2")


def test_on_the_cpu_it_is_told_so_for_its_default_is_gpu_0() -> None:
    assert "--use-cpu" in command().argv
    assert "-g" not in command().argv


def test_a_list_is_read_as_a_list_and_a_folder_as_a_folder() -> None:
    listed = command(0, micrographs="job/mics.star").argv
    assert after(listed, "-f") == "job/mics.star"
    assert after(listed, "-d") == "job"
    assert "--micdir" not in listed
    assert after(command(0, micrographs="job/mics.txt", root="here").argv, "-d") == "here"
    assert after(command(0).argv, "--micdir") == "mics"
    assert "-f" not in command(0).argv


def test_its_result_is_found_whenever_it_was_made(tmp_path: Path) -> None:
    outcome = ended(tmp_path, DONE, "inference_result_11_22_21_00.pkl")
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["out"]).name == "mics_miffi.pkl"


def test_the_cpu_with_a_gpu_is_said(tmp_path: Path) -> None:
    printed = f"CUDA not available for torch! Using CPU for inference\n{DONE}"
    outcome = ended(tmp_path, printed, "inference_result_11_22_21_00.pkl")
    assert outcome.done, outcome.reason
    assert any("Using CPU" in warning for warning in outcome.warnings)
