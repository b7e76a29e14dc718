"""IMOD: GPUs are counted from 1, 0 is the best one, and a lost GPU is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.imod import (
    IMOD_ALIGNFRAMES,
    IMOD_CTFPHASEFLIP,
    IMOD_CTFPLOTTER,
    IMOD_TILT,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import Adapter, FailureClass, GpuUse
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

TILT = AdapterCase(
    IMOD_TILT, {"series": "TS_01.ali", "angles": "TS_01.tlt", "thickness": 300, "out": "r.mrc"}
)
FLIP = AdapterCase(
    IMOD_CTFPHASEFLIP,
    {"series": "TS_01.ali", "angles": "TS_01.tlt", "defocus": "TS_01.defocus",
     "pixel_size_nm": 0.135, "out": "r.mrc"},
)  # fmt: skip
FRAMES = AdapterCase(IMOD_ALIGNFRAMES, {"movie": "m1.tif", "out": "r.mrc"})
ALL = (TILT, FLIP, FRAMES)
DEFOCUS = AdapterCase(
    IMOD_CTFPLOTTER,
    {"series": "TS_01.st", "angles": "TS_01.tlt", "axis_angle": -4.8, "pixel_size_nm": 0.135,
     "expected_defocus": 6000},
    gpus=(),
    text="1 5 -60.00 -52.00 5980 2\n",
)  # fmt: skip


@pytest.mark.parametrize("adapter", gpucore_adapters(), ids=lambda one: one.name)
def test_none_contradicts_itself_and_all_can_do_without_a_gpu(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert adapter.gpu.use is not GpuUse.COMPULSORY


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
@pytest.mark.parametrize("index", [0, 1, 7])
def test_imod_gets_the_index_plus_one_and_never_0_by_accident(
    case: AdapterCase, index: int
) -> None:
    assert after(case.command(index).argv, "-UseGPU") == str(index + 1)
    assert after(case.command(index, isolate=True).argv, "-UseGPU") == "1"


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_imod_never_gets_two_gpus_even_when_its_slot_holds_two(case: AdapterCase) -> None:
    argv = case.command(2, 3).argv
    assert after(argv, "-UseGPU") == "3"
    assert "4" not in argv


@pytest.mark.parametrize("case", ALL, ids=lambda one: one.adapter.name)
def test_without_a_gpu_the_option_is_left_out(case: AdapterCase) -> None:
    assert "-UseGPU" not in case.command().argv


@pytest.mark.parametrize("case", [TILT, FLIP], ids=lambda one: one.adapter.name)
def test_a_variable_of_the_session_brings_no_gpu_into_a_step_without(case: AdapterCase) -> None:
    assert case.command().env["IMOD_USE_GPU"] == "-1"


@pytest.mark.parametrize("case", [TILT, FLIP], ids=lambda one: one.adapter.name)
def test_a_gpu_that_cannot_be_used_is_made_an_error(case: AdapterCase) -> None:
    assert after(case.command(0).argv, "-ActionIfGPUFails") == "2,2"


def test_every_option_of_tilt_begins_with_a_dash() -> None:
    argv = TILT.command(0, super_sample=2).argv
    assert "SuperSampleFactor" not in argv
    assert after(argv, "-SuperSampleFactor") == "2"


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("ERROR: TILT - Use of the GPU was requested with the entry UseGPU but a GPU cannot be "
         "used", FailureClass.NO_DEVICE),
        (" GPU is available but it has insufficient memory\nERROR: TILT - Use of the GPU was "
         "requested with the entry UseGPU but a GPU cannot be used", FailureClass.OUT_OF_MEMORY),
        ("ERROR: TILT - NO INPUT FILE WITH PROJECTIONS SPECIFIED", FailureClass.BAD_INPUT),
    ],
)  # fmt: skip
def test_what_tilt_says_is_understood(tmp_path: Path, printed: str, failure: FailureClass) -> None:
    outcome = TILT.ended(tmp_path, f"{printed}\n", code=1, out=str(tmp_path / "r.mrc"))
    assert outcome.failure is failure


@pytest.mark.parametrize(
    "printed",
    ["MESSAGE: Use of the GPU was requested with the entry UseGPU but a GPU will not be used",
     "MESSAGE: Ctfphaseflip - Use of a GPU was requested but none is available; using the CPU"],
)  # fmt: skip
def test_a_run_that_falls_back_in_silence_is_no_success(tmp_path: Path, printed: str) -> None:
    outcome = TILT.ended(tmp_path, f"{printed}\n", "r.mrc", out=str(tmp_path / "r.mrc"))
    assert outcome.failure in {FailureClass.CPU_FALLBACK, FailureClass.NO_DEVICE}


def test_alignframes_that_does_a_part_on_the_processor_is_done_and_says_so(tmp_path: Path) -> None:
    printed = "Insufficient memory on GPU to do alignment (9000 MB needed of 8000 MB total)\n"
    outcome = FRAMES.ended(tmp_path, printed, "r.mrc", out=str(tmp_path / "r.mrc"))
    assert outcome.done, outcome.reason
    assert "Insufficient memory" in outcome.warnings[0]


def test_the_pixel_size_is_in_nanometres_and_its_name_says_so() -> None:
    assert after(FLIP.command().argv, "-PixelSize") == "0.135"
    with pytest.raises(GpucoreError, match="pixel_size"):
        FLIP.command(pixel_size=1.35)


def test_the_options_of_eer_are_for_eer_alone() -> None:
    assert "-EERSuperResZSumPadding" not in FRAMES.command().argv
    assert "-EERSuperResZSumPadding" in FRAMES.command(movie="m1.eer").argv


def test_ctfplotter_has_no_gpu_and_never_opens_a_window() -> None:
    command = DEFOCUS.command()
    assert command.env["CUDA_VISIBLE_DEVICES"] == ""
    assert command.argv[-1] == "-SaveAndExit"
    assert IMOD_CTFPLOTTER.gpu.use is GpuUse.NONE


def test_pairs_of_numbers_are_one_argument_for_ctfplotter() -> None:
    argv = DEFOCUS.command(frequencies=(0.05, 0.3), skip_views=(1, 40)).argv
    assert after(argv, "-AutoFitRangeAndStep") == "16.0,2.0"
    assert after(argv, "-FrequencyRangeToFit") == "0.05,0.3"
    assert after(argv, "-ViewsToSkip") == "1,40"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [({"astigmatism": True}, "3,0"), ({"phase_shift": True}, "0,1"),
     ({"astigmatism": True, "phase_shift": True, "views_phase": 5}, "3,5")],
)  # fmt: skip
def test_least_views_are_told_for_what_is_looked_for(given: dict[str, int], wanted: str) -> None:
    assert after(DEFOCUS.command(**given).argv, "-MinViewsAstigAndPhase") == wanted


def test_a_defocus_file_without_a_defocus_is_no_result(tmp_path: Path) -> None:
    assert DEFOCUS.ended(tmp_path, "", "out/TS_01.defocus").done
    header = {"out/TS_01.defocus": "1 0 0. 0. 0 3\n"}
    good = {"out/TS_01.defocus": "1 0 0. 0. 0 3\n1 1 -60.00 -60.00 5980.1 5712.3 12.1\n"}
    assert DEFOCUS.ended(tmp_path, "", files=good).done
    assert DEFOCUS.ended(tmp_path, "", files={"out/TS_01.defocus": "\n"}).failure is (
        FailureClass.MISSING_OUTPUT
    )
    assert DEFOCUS.ended(tmp_path, "", files=header).failure is FailureClass.MISSING_OUTPUT


def test_a_display_that_is_not_there_is_told_as_what_it_is(tmp_path: Path) -> None:
    printed = "qt.qpa.xcb: could not connect to display\n"
    assert DEFOCUS.ended(tmp_path, printed, code=134).failure is FailureClass.NOT_STARTED
