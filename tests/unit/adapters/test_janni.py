"""JANNI: a folder and never a file, one GPU, and CUDA_VISIBLE_DEVICES that it writes itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.janni import JANNI_DENOISE, gpucore_adapters
from rendering import HOSTILE, after

from gpucore.standard import FailureClass
from gpucore.standard.checks import adapter_faults

CASE = AdapterCase(JANNI_DENOISE, {"mic": "m1.mrc", "model": "janni.h5"})
command, outputs, ended = CASE.command, CASE.outputs, CASE.ended
DONE = "Write denoised image in out/in/mic.mrc\n"


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [JANNI_DENOISE]
    assert adapter_faults(JANNI_DENOISE) == []


def test_it_never_gets_two_gpus_even_when_its_slot_holds_two() -> None:
    argv = command(3, 1).argv
    assert after(argv, "-g") == "3"
    assert argv[argv.index("-g") + 2] == "in"


def test_it_gets_the_machines_number_and_no_mask_even_when_the_site_isolates() -> None:
    isolated = command(3, isolate=True)
    assert after(isolated.argv, "-g") == "3"
    assert "CUDA_VISIBLE_DEVICES" not in isolated.env


def test_on_the_cpu_it_is_told_of_no_gpu_and_sees_none() -> None:
    assert "-g" not in command().argv
    assert command().env["CUDA_VISIBLE_DEVICES"] == ""


@pytest.mark.parametrize("mic", ["m1.mrc", f"{HOSTILE}.mrc", "-g.mrc"])
def test_it_is_told_a_folder_for_told_a_file_it_would_do_nothing(mic: str) -> None:
    given = command(0, mic=mic)
    assert given.argv[-3:] == ("in", "out", "janni.h5")
    assert [link.name for link in given.links] == ["in/mic.mrc"]


def test_what_it_made_is_found_below_the_name_of_the_inputs_folder(tmp_path: Path) -> None:
    outcome = ended(tmp_path, DONE, "out/in/mic.mrc")
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["out"]).name == "m1_janni.mrc"


def test_a_tiff_stays_a_tiff(tmp_path: Path) -> None:
    assert outputs(mic="m1.tif", out="x.tif") == {"out": "x.tif"}
    made = {"out/in/mic.tif": "text"}
    outcome = ended(tmp_path, DONE, files=made, mic="m1.tif", out=str(tmp_path / "x.tif"))
    assert outcome.done, outcome.reason


def test_nothing_done_with_exit_code_0_is_a_failure(tmp_path: Path) -> None:
    assert ended(tmp_path, "").failure is FailureClass.MISSING_OUTPUT
    printed = f"Error on loading model janni.h5\n{DONE}"
    assert ended(tmp_path, printed, "out/in/mic.mrc").failure is FailureClass.BAD_INPUT
