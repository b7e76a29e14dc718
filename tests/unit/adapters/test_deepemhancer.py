"""DeepEMhancer: the machine's numbers, -1 for the CPU, and memory messages that are no failure."""

from __future__ import annotations

from pathlib import Path

from adapter_cases import AdapterCase
from gpucore_adapters.deepemhancer import DEEPEMHANCER, gpucore_adapters
from rendering import after

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

CASE = AdapterCase(DEEPEMHANCER, {"map": "map.mrc"})
command, ended = CASE.command, CASE.ended
MEMORY = "failed to allocate 2.2G (2362232064 bytes): CUDA_ERROR_OUT_OF_MEMORY: out of memory\n"


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [DEEPEMHANCER]
    assert adapter_faults(DEEPEMHANCER) == []


def test_out_of_memory_in_its_log_is_no_failure_of_a_run_that_made_the_map(tmp_path: Path) -> None:
    outcome = ended(tmp_path, MEMORY, "sharpened.mrc")
    assert outcome.done, outcome.reason
    assert outcome.warnings == ()


def test_out_of_memory_explains_a_run_that_failed(tmp_path: Path) -> None:
    assert ended(tmp_path, MEMORY, code=-6).failure is FailureClass.OUT_OF_MEMORY
    assert ended(tmp_path, MEMORY).failure is FailureClass.OUT_OF_MEMORY


def test_its_gpus_are_one_word_with_commas() -> None:
    assert after(command(3, 1).argv, "-g") == "3,1"


def test_it_gets_the_machines_numbers_and_no_mask_even_when_the_site_isolates() -> None:
    isolated = command(3, 1, isolate=True)
    assert after(isolated.argv, "-g") == "3,1"
    assert "CUDA_VISIBLE_DEVICES" not in isolated.env


def test_on_the_cpu_it_gets_minus_one_for_its_default_is_gpu_0() -> None:
    assert after(command().argv, "-g") == "-1"


def test_a_mask_or_an_own_network_goes_without_the_choice_of_a_network() -> None:
    assert after(command(0, model="highRes").argv, "-p") == "highRes"
    assert "-p" not in command(0, mask="mask.mrc").argv
    assert "-p" not in command(0, network="mine.hd5").argv


def test_it_never_writes_where_a_map_may_be_for_it_would_refuse(tmp_path: Path) -> None:
    assert after(command(0).argv, "-o") == "sharpened.mrc"
    outcome = ended(tmp_path, "", "sharpened.mrc", "out/map_deepemhancer.mrc")
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["out"]).name == "map_deepemhancer.mrc"
