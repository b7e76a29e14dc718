"""LocScale: a word for each GPU, the machine's numbers, and a CPU that it takes in silence."""

from __future__ import annotations

from pathlib import Path

from adapter_cases import AdapterCase
from gpucore_adapters.locscale import LOCSCALE_FEATURE_ENHANCE, gpucore_adapters
from rendering import HOSTILE, after

from gpucore.standard.checks import adapter_faults

CASE = AdapterCase(LOCSCALE_FEATURE_ENHANCE, {"map": "map.mrc"})
command, ended = CASE.command, CASE.ended
DONE = "EMmerNet finished successfully\n"


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [LOCSCALE_FEATURE_ENHANCE]
    assert adapter_faults(LOCSCALE_FEATURE_ENHANCE) == []


def test_it_gets_one_word_for_each_gpu() -> None:
    argv = command(3, 0).argv
    place = argv.index("-gpus")
    assert argv[place : place + 4] == ("-gpus", "3", "0", "-bs")


def test_it_gets_the_machines_numbers_and_no_mask_even_when_the_site_isolates() -> None:
    isolated = command(3, isolate=True)
    assert after(isolated.argv, "-gpus") == "3"
    assert "CUDA_VISIBLE_DEVICES" not in isolated.env


def test_on_the_cpu_it_is_told_of_none() -> None:
    assert "-gpus" not in command().argv


def test_it_works_on_links_for_it_writes_beside_its_input() -> None:
    halves = command(0, map=f"{HOSTILE}.mrc", half_map="h2.mrc")
    assert halves.argv[2:5] == ("-hm", "map.mrc", "half2.mrc")
    assert [link.name for link in halves.links] == ["map.mrc", "half2.mrc"]
    assert after(command(0).argv, "-em") == "map.mrc"


def test_the_cpu_with_a_gpu_is_said(tmp_path: Path) -> None:
    outcome = ended(tmp_path, f"Using CPU\n{DONE}", "enhanced.mrc")
    assert outcome.done, outcome.reason
    assert any("Using CPU" in warning for warning in outcome.warnings)


def test_the_map_of_confidence_is_an_output_when_it_is_there(tmp_path: Path) -> None:
    outcome = ended(tmp_path, DONE, "enhanced.mrc", "enhanced_pVDDT.mrc")
    assert Path(outcome.outputs["confidence"]).name == "map_locscale_pVDDT.mrc"
    assert "confidence" not in CASE.outputs(monte_carlo=False)
