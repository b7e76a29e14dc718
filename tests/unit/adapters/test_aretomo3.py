"""AreTomo3: one tilt series on one GPU, and an exit code that says nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.aretomo3 import ARETOMO3, gpucore_adapters

from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

LEAST = {"series": "data/TS_01.mdoc", "pixel_size": 1.35}
PROGRESS = "Iteration  1  Error:     0.123\nAll threads have finished, program exits.\n"
MADE = ("made/TS_01_Vol.mrc", "made/TS_01.mrc")
TEXTS = {
    "made/TS_01.aln": "    0    84.7000    1.00000     -3.402\n",
    "made/TS_01_CTF.txt": "   1   25000.00  24000.00\n",
    "made/TS_01_TLT.txt": "   -60.0   1\n",
}

CASE = AdapterCase(ARETOMO3, LEAST)
command, outputs, ended = CASE.command, CASE.outputs, CASE.ended


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [ARETOMO3]
    assert adapter_faults(ARETOMO3) == []


def test_one_series_is_given_one_gpu_even_when_its_slot_holds_two() -> None:
    argv = command(2, 3).argv
    assert argv[argv.index("-Gpu") + 1 :] == ("2",)


def test_the_gpus_follow_a_dash_because_a_word_without_is_passed_over() -> None:
    argv = command(4).argv
    assert "Gpu" not in argv
    assert argv[-2:] == ("-Gpu", "4")


def test_the_dose_is_always_given_because_it_starts_from_a_value_that_nobody_set() -> None:
    argv = command(0).argv
    assert argv[argv.index("-FmDose") + 1] == "0.0"


def test_there_is_never_a_single_argument_that_ends_it_with_0() -> None:
    assert len(command(0).argv) > 2


def test_a_good_run_is_done_although_its_progress_says_error(tmp_path: Path) -> None:
    outcome = ended(tmp_path, PROGRESS, *MADE, files=TEXTS)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["out"]).name == "TS_01_Vol.mrc"


@pytest.mark.parametrize(
    "printed",
    ["Warning: failed to read mdoc file.", "Warning: TS_01 \n Too few tilt images, skip",
     "Error (GPU 0): Unable to load tilt  angles from TLT.txt or rawtlt files"],
)  # fmt: skip
def test_exit_code_0_after_a_series_that_failed_is_a_failure(tmp_path: Path, printed: str) -> None:
    outcome = ended(tmp_path, f"{printed}\n{PROGRESS}", *MADE, files=TEXTS)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.BAD_INPUT)


def test_exit_code_0_without_a_tomogram_is_a_failure(tmp_path: Path) -> None:
    assert ended(tmp_path, PROGRESS, files=TEXTS).failure is FailureClass.MISSING_OUTPUT


def test_no_gpu_is_told_by_its_words(tmp_path: Path) -> None:
    printed = "Info: skip device 0, no driver\nmCheckGPUs: no valid device detected.\n"
    assert ended(tmp_path, printed, code=5).failure is FailureClass.NO_DEVICE


def test_the_ctf_alone_makes_no_tomogram() -> None:
    assert outputs(series="TS_01.mrc", start_at=3)["ctf"] == "TS_01_CTF.txt"
    assert "alignment" not in outputs(series="TS_01.mrc", start_at=3)
    assert "series_made" not in outputs(series="TS_01.mrc", start_at=1)
