"""IMOD: GPUs are counted from 1, 0 is the best one, and a lost GPU is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.imod import (
    IMOD_ALIGNFRAMES,
    IMOD_CTFPHASEFLIP,
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


@pytest.mark.parametrize("adapter", gpucore_adapters(), ids=lambda one: one.name)
def test_none_contradicts_itself_and_all_can_do_without_a_gpu(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert adapter.gpu.use is GpuUse.OPTIONAL


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
