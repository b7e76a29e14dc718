"""Warp: a list of words for the GPUs, spelt in two ways, and exit code 0 after failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase
from gpucore_adapters.warp import (
    WARP_FS_MOTION,
    WARP_MCORE,
    WARP_TS_CTF,
    WARP_TS_EXPORT_PARTICLES,
    WARP_TS_RECONSTRUCT,
    WARP_TS_TEMPLATE_MATCH,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import GpucoreError
from gpucore.standard import Adapter, FailureClass, GpuUse, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

    from gpucore.standard import Outcome

SETTINGS = {"settings": "warp.settings", "out": "processing"}
MOTION = AdapterCase(WARP_FS_MOTION, SETTINGS)
TOMOGRAMS = AdapterCase(WARP_TS_RECONSTRUCT, {**SETTINGS, "pixel_size": 10})
MATCHING = AdapterCase(
    WARP_TS_TEMPLATE_MATCH,
    {**SETTINGS, "tomogram_pixel_size": 10, "template": "t.mrc", "template_diameter": 300},
)
EXPORT = AdapterCase(
    WARP_TS_EXPORT_PARTICLES,
    {**SETTINGS, "particles": "p.star", "star": "o.star", "pixel_size": 5, "box_size": 64,
     "diameter": 300},
)  # fmt: skip
MCORE = AdapterCase(WARP_MCORE, {"population": "m/a.population"})
TOOLS = (MOTION, TOMOGRAMS, MATCHING, EXPORT)
DONE = {"processing/processed_items.json": '[\n  {\n    "Path": "m1.tif",\n  }\n]\n'}


@pytest.mark.parametrize("adapter", gpucore_adapters(), ids=lambda one: one.name)
def test_none_contradicts_itself_and_all_need_a_gpu(adapter: Adapter) -> None:
    assert adapter_faults(adapter) == []
    assert adapter.gpu.use is GpuUse.COMPULSORY


@pytest.mark.parametrize("case", TOOLS, ids=lambda one: one.adapter.name)
def test_warptools_gets_its_slot_as_words_and_never_all_gpus(case: AdapterCase) -> None:
    argv = case.command(1, 3).argv
    place = argv.index("--device_list")
    assert argv[place + 1 : place + 4] == ("1", "3", "--perdevice")
    assert not any("," in word for word in argv)


def test_mcore_spells_it_in_one_word() -> None:
    argv = MCORE.command(1, 3).argv
    assert argv[-3:] == ("--devicelist", "1", "3")
    assert "--device_list" not in argv


def test_mcore_opens_no_web_server_that_a_second_run_could_not_have() -> None:
    assert after(MCORE.command(0).argv, "--port") == "-1"


def run(folder: Path, printed: str, **more: str) -> Outcome:
    files = {name: text for name, text in {**DONE, **more}.items() if text}
    return MOTION.ended(folder, printed, files=files, out=str(folder / "processing"))


def test_a_good_run_is_done(tmp_path: Path) -> None:
    outcome = run(tmp_path, "2/2, 00:00 remaining\nFinished: 2 processed, 0 failed\n")
    assert outcome.done, outcome.reason
    assert not outcome.warnings


def test_a_series_that_failed_is_told_although_the_exit_code_is_0(tmp_path: Path) -> None:
    outcome = run(tmp_path, "Finished: 9 processed, 1 failed\n")
    assert outcome.done, outcome.reason
    assert "1 failed" in outcome.warnings[0]


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("All items failed to process. Check logs for more info.", FailureClass.PROGRAM_FAULT),
        ("Showing all available options for command fs_motion:", FailureClass.PROGRAM_FAULT),
        ("System.Exception: No devices found or specified", FailureClass.NO_DEVICE),
    ],
)
def test_exit_code_0_after_a_failure_is_a_failure(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    outcome = run(tmp_path, f"{printed}\n")
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure)


def test_a_list_of_nothing_is_no_result(tmp_path: Path) -> None:
    outcome = run(tmp_path, "", **{"processing/processed_items.json": "[]\n"})
    assert outcome.failure is FailureClass.MISSING_OUTPUT


def test_mcore_that_stops_at_its_options_is_a_failure(tmp_path: Path) -> None:
    usage = "MCore 2.0.0\nERROR(S):\n  Option 'nosuch' is unknown.\n"
    assert MCORE.ended(tmp_path, usage).state is StepState.FAILED
    assert MCORE.ended(tmp_path, "Loading population... Done\n").state is StepState.FAILED
    assert MCORE.ended(tmp_path, "Finishing refinement\nribosome: 3.50 Å\n").done


def test_coordinates_are_normalised_unless_their_pixel_size_is_given() -> None:
    assert "--normalized_coords" in EXPORT.command(0).argv
    argv = EXPORT.command(0, coordinate_pixel_size=1.35).argv
    assert "--normalized_coords" not in argv
    assert after(argv, "--coords_angpix") == "1.35"


def test_particles_are_exported_in_one_way() -> None:
    for dimensions in ("2d", "3d"):
        argv = EXPORT.command(0, dimensions=dimensions).argv
        assert [word for word in argv if word in {"--2d", "--3d"}] == [f"--{dimensions}"]


def test_a_range_the_wrong_way_round_is_refused() -> None:
    case = AdapterCase(WARP_TS_CTF, SETTINGS)
    for wrong in ({"ctf_range_high": 40}, {"defocus_min": 6}, {"window": 64}):
        with pytest.raises(GpucoreError):
            case.command(0, **wrong)
