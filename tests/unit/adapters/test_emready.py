"""EMReady: commas, the machine's numbers, and a start script that splits names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapter_cases import AdapterCase
from gpucore_adapters.emready import EMREADY, gpucore_adapters
from rendering import HOSTILE, after

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

CASE = AdapterCase(EMREADY, {"map": "map.mrc"})
command, ended = CASE.command, CASE.ended
DONE = "# Saving the processed map that has been interpolated back to improved.mrc\n"


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [EMREADY]
    assert adapter_faults(EMREADY) == []


def test_its_gpus_are_one_word_with_commas_and_never_blanks() -> None:
    assert after(command(0, 2).argv, "-g") == "0,2"
    assert after(command(0, 2).argv, "-s") == "12"


def test_it_gets_the_machines_numbers_and_no_mask_even_when_the_site_isolates() -> None:
    isolated = command(2, isolate=True)
    assert after(isolated.argv, "-g") == "2"
    assert "CUDA_VISIBLE_DEVICES" not in isolated.env


def test_on_the_cpu_it_is_told_so_for_its_default_is_gpu_0() -> None:
    assert "--use_cpu" in command().argv
    assert "-g" not in command().argv


def test_its_script_sees_no_name_of_the_user() -> None:
    given = command(0, map=f"{HOSTILE}.mrc", structure="a b;x.cif")
    assert {"map.mrc", "structure.cif"} < set(given.argv)
    assert given.argv == command(0, structure="m.cif").argv


def test_a_map_that_was_made_is_a_result(tmp_path: Path) -> None:
    assert ended(tmp_path / "a", DONE, "improved.mrc").done
    assert not ended(tmp_path / "b", "", "improved.mrc").done


def test_no_gpu_is_told(tmp_path: Path) -> None:
    outcome = ended(tmp_path, "RuntimeError: CUDA not available\n", code=1)
    assert outcome.failure is FailureClass.NO_DEVICE
