"""MotionCor's serial mode: exit code 0 whatever happened, so that each movie is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adapter_cases import AdapterCase, image
from gpucore_adapters.motioncor2 import MOTIONCOR2
from gpucore_adapters.motioncor3 import MOTIONCOR3
from gpucore_adapters.motioncor_serial import (
    MOTIONCOR2_SERIAL,
    MOTIONCOR3_SERIAL,
    gpucore_adapters,
)
from rendering import after

from gpucore.errors import ParameterError
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

if TYPE_CHECKING:
    from pathlib import Path

LEAST = {"movies": ("grid1/m1.tif", "grid1/m2.tif")}
OF_3 = AdapterCase(MOTIONCOR3_SERIAL, LEAST, text="  1   0.25   0.50\n")
OF_2 = AdapterCase(MOTIONCOR2_SERIAL, LEAST)
BOTH = pytest.mark.parametrize("case", [OF_3, OF_2], ids=lambda one: one.adapter.name)
SAVED = "Corrected sum has been saved in:\n   aligned/m1.mrc\n\nTotal time: 12.5 sec\n"
MADE = tuple(f"aligned/m{one}{end}" for one in (1, 2) for end in (".mrc", "-Full.log"))


def test_they_are_offered_and_do_not_contradict_themselves() -> None:
    assert list(gpucore_adapters()) == [MOTIONCOR3_SERIAL, MOTIONCOR2_SERIAL]
    assert [fault for one in gpucore_adapters() for fault in adapter_faults(one)] == []


@BOTH
def test_a_folder_is_given_as_a_prefix_with_the_suffix_of_its_movies(case: AdapterCase) -> None:
    argv = case.command(0).argv
    assert after(argv, "-InTiff") == "movies/"
    assert after(argv, "-InSuffix") == ".tif"
    assert after(argv, "-Serial") == "1"
    assert after(argv, "-OutMrc") == after(argv, "-LogDir") == "aligned/"
    assert after(case.command(0, format="eer").argv, "-InEer") == "movies/"


@BOTH
def test_it_is_told_of_movies_as_the_single_run_is(case: AdapterCase) -> None:
    single = MOTIONCOR3 if case is OF_3 else MOTIONCOR2
    given = {"pixel_size": 1.1, "bin": 2.0, "patch": (5, 5), "dose_per_frame": 1.0}
    alone = AdapterCase(single, {"movie": "m1.tif"}).command(0, **given).argv
    ours = case.command(0, **given).argv
    begin, end = ours.index("aligned/") + 1, ours.index("-LogDir")
    assert ours[begin:end] == alone[alone.index("-OutMrc") + 2 :][: end - begin]


def test_motioncor3_is_never_given_a_folder_of_mrc_movies_that_it_would_not_load() -> None:
    with pytest.raises(ParameterError, match="`format` cannot be 'mrc'"):
        OF_3.command(0, format="mrc")
    assert after(OF_2.command(0, format="mrc").argv, "-InMrc") == "movies/"


@BOTH
def test_several_gpus_stand_with_blanks_between_and_never_with_a_colon(case: AdapterCase) -> None:
    argv = case.command(0, 3).argv
    assert argv[argv.index("-Gpu") :] == ("-Gpu", "0", "3")


@BOTH
def test_folders_for_links_and_outputs_are_there_before_it_starts(case: AdapterCase) -> None:
    command = case.command(0)
    assert [file.name for file in command.files] == ["aligned/", "movies/"]
    assert [(link.name, link.target) for link in command.links] == [
        ("movies/m1.tif", "grid1/m1.tif"),
        ("movies/m2.tif", "grid1/m2.tif"),
    ]


@BOTH
def test_a_run_that_made_all_of_each_movie_is_done(case: AdapterCase, tmp_path: Path) -> None:
    outcome = case.ended(tmp_path, SAVED, *MADE)
    assert outcome.done, outcome.reason
    assert outcome.outputs["out of m2.tif"].endswith("out/m2.mrc")
    assert outcome.outputs["shifts of m1.tif"].endswith("out/m1-Full.log")


@BOTH
def test_exit_0_with_nothing_saved_is_a_failure_though_there_are_logs(
    case: AdapterCase, tmp_path: Path
) -> None:
    outcome = case.ended(tmp_path, "Total time: 1.5 sec\n", MADE[1], MADE[3])
    assert (outcome.state, outcome.failure) == (StepState.FAILED, FailureClass.MISSING_OUTPUT)


@BOTH
@pytest.mark.parametrize(
    "line",
    [
        "CLoadTiffStack: cannot open Tiff file, skip,",
        "Error: Unable to open EER file, skip.",
        "CLoadCryoEMStack::OpenFile: cannot open stack file, skip,",
        "error: load tiff image 3",
    ],
)
def test_a_movie_that_was_left_out_fails_the_batch_and_is_named(
    case: AdapterCase, tmp_path: Path, line: str
) -> None:
    outcome = case.ended(tmp_path, f"{line}\n   movies/m2.tif\n{SAVED}", *MADE[:2])
    assert outcome.failure is FailureClass.BAD_INPUT
    assert "out of m2.tif" in outcome.reason
    assert "m1.tif" not in outcome.reason


@BOTH
def test_what_goes_wrong_for_every_movie_is_a_failure(case: AdapterCase, tmp_path: Path) -> None:
    said = "Error: Gain and frame dimensions mismatch!\nMotion correction skipped.\n"
    assert case.ended(tmp_path, said + SAVED, *MADE).failure is FailureClass.BAD_INPUT


@BOTH
def test_an_empty_folder_is_known_by_its_exit_code_and_words(
    case: AdapterCase, tmp_path: Path
) -> None:
    outcome = case.ended(tmp_path, "Error: no input image files are found.\n", code=6)
    assert outcome.failure is FailureClass.BAD_INPUT


@BOTH
@pytest.mark.parametrize(
    "name", [".m1.tif", "m1.tif.b.tif", "m[1].tif", "m1.png", "m" * 250 + ".tif"]
)
def test_a_movie_that_it_would_pass_over_or_call_otherwise_is_refused(
    case: AdapterCase, name: str
) -> None:
    with pytest.raises(ParameterError, match="does not fit"):
        case.command(0, movies=(f"grid1/{name}",))


@BOTH
def test_a_real_step_finds_its_movies_and_puts_what_it_made_of_each_into_place(
    case: AdapterCase, tmp_path: Path
) -> None:
    for name in ("m1.tif", "m2.tif"):
        (tmp_path / "grid1").mkdir(exist_ok=True)
        (tmp_path / "grid1" / name).write_bytes(b"II*\0")
    image(tmp_path / "a.mrc")
    text = (
        "for movie in movies/*.tif; do stem=${movie#movies/}; stem=${stem%.tif}; "
        f"cp {tmp_path}/a.mrc aligned/$stem.mrc; "
        "echo '  1   0.25   0.50' > aligned/$stem-Full.log; done"
    )
    outcome = case.ran(tmp_path, text)
    assert outcome.done, outcome.reason
    assert {one.name for one in (tmp_path / "out").glob("m*")} == {
        "m1.mrc", "m2.mrc", "m1-Full.log", "m2-Full.log",
    }  # fmt: skip
