"""MotionCor3: its own directory, its list quirks, and failures that exit with 0."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
from gpucore_adapters.motioncor3 import MOTIONCOR3, gpucore_adapters

from gpucore.errors import GpucoreError
from gpucore.outcomes import Started, expected_outputs, judge
from gpucore.planning import make_step
from gpucore.plugins import Exit
from gpucore.standard import FailureClass, StepState, render
from gpucore.standard.checks import adapter_faults, example_devices, named_outputs
from gpucore.standard.params import read_values, rooted

if TYPE_CHECKING:
    from gpucore.standard import Command, Outcome

LEAST = {"movie": "m1.tif"}
IMAGES = (".mrc",)
UNBOUNDED = {"magnification"}


def command(*gpus: int, isolate: bool = False, **given: object) -> Command:
    """The command of one step, as `--plan` shows it."""
    values = named_outputs(MOTIONCOR3, read_values(MOTIONCOR3, {**LEAST, **given}), "out")
    return render(MOTIONCOR3, values, example_devices(gpus), isolate=isolate)


def ended(folder: Path, printed: str, *made: str, code: int = 0, **given: object) -> Outcome:
    """How a step ends whose program printed this, made these in its folder and gave this code."""
    step = make_step(MOTIONCOR3, {**LEAST, **given}, name="one", output="out")
    for name in made:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(IMAGES):
            image = np.arange(64, dtype=np.float32).reshape(8, 8)
            with mrcfile.new(folder / name, image, overwrite=True):
                pass
        else:
            (folder / name).write_text("1 2 3\n", encoding="utf-8")
    (folder / "log.txt").write_text(printed, encoding="utf-8")
    started = Started(
        step=step,
        devices=example_devices((0,)),
        values=rooted(MOTIONCOR3, step.values, str(folder)),
        folder=folder,
        log=str(folder / "log.txt"),
    )
    return judge(started, Exit(code=code))


def outputs(**given: object) -> dict[str, str]:
    """File names of the outputs that these parameters ask for, by name."""
    step = make_step(MOTIONCOR3, {**LEAST, **given}, name="one", output="out")
    expected = expected_outputs(step, step.values, gpu=True)
    return {one.name: Path(one.path).name for one in expected}


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [MOTIONCOR3]
    assert adapter_faults(MOTIONCOR3) == []
    assert len(MOTIONCOR3.example) >= 3


def test_every_number_has_bounds_or_says_why_not_and_every_text_is_there() -> None:
    free = {name for name, one in MOTIONCOR3.params.items()
            if one.type in {"int", "float"} and one.min is None}  # fmt: skip
    assert free == UNBOUNDED
    assert MOTIONCOR3.licence
    assert MOTIONCOR3.citation
    assert MOTIONCOR3.source
    assert MOTIONCOR3.unverified


PROGRESS = """Gain reference not found.
Warning: Gain ref not found.
......   Gain correction will be skipped.
Skip CTF estimation. Need the following parameters.
Iteration  1  Error:     0.123
Iteration  2  Error:     0.004
Align patch 3  22 left
...... Frame (  1) shift:     0.00      0.00
Corrected sum has been saved in: aligned.mrc
Total time: 12.5 sec
"""
MADE = ("aligned.mrc", "movie-Full.log")


def test_the_job_file_of_the_design_is_valid() -> None:
    argv = command(0, pixel_size=0.885, voltage=300, patch=[5, 5]).argv
    assert "-PixSize 0.885 -kV 300" in " ".join(argv)
    assert "-Patch 5 5" in " ".join(argv)


@pytest.mark.parametrize(
    ("movie", "flag"),
    [
        ("a.mrc", "-InMrc"),
        ("a.mrcs", "-InMrc"),
        ("a.tif", "-InTiff"),
        ("a.tiff", "-InTiff"),
        ("A.TIFF", "-InTiff"),
        ("a.eer", "-InEer"),
    ],
)
def test_the_input_flag_follows_the_suffix(movie: str, flag: str) -> None:
    given = command(0, movie=movie)
    name = f"movie{Path(movie).suffix}"
    assert given.argv[1:3] == (flag, name)
    assert [(link.name, link.target) for link in given.links] == [(name, movie)]
    assert len({"-InMrc", "-InTiff", "-InEer"}.intersection(given.argv)) == 1
    assert ("-EerSampling" in given.argv) == (flag == "-InEer")


def test_gpus_are_separate_words_and_never_have_colons() -> None:
    argv = command(0, 1, 3).argv
    assert argv[-4:] == ("-Gpu", "0", "1", "3")
    assert not any(":" in word for word in argv)
    isolated = command(2, 3, isolate=True)
    assert isolated.argv[-3:] == ("-Gpu", "0", "1")
    assert isolated.env["CUDA_VISIBLE_DEVICES"] == "2,3"


def test_each_number_of_a_list_is_a_word_of_its_own() -> None:
    argv = command(0, sum_dose_min=3, sum_dose_max=25, bfactor=[400, 90], group=[2, 4]).argv
    text = "\0".join(argv)
    for words in (("-SumRange", "3.0", "25.0"), ("-Bft", "400.0", "90.0"), ("-Group", "2", "4")):
        assert "\0".join(words) in text


def test_the_ctf_is_estimated_only_when_asked_for() -> None:
    assert "-Cs\x000\0" in "\0".join(command(0).argv)
    argv = command(0, cs=2.7, amplitude_contrast=0.1).argv
    assert "-Cs\x002.7\0-AmpCont\x000.1" in "\0".join(argv)


@pytest.mark.parametrize("name", ["grant.stack/a b.mrcs.tif", "$(rm x);'\n\"%(GPU)s.tif", "-x.tif"])
def test_a_hostile_movie_is_a_link_and_never_in_a_word_of_the_command(name: str) -> None:
    given = command(0, movie=name)
    assert given.argv[1:5] == ("-InTiff", "movie.tif", "-OutMrc", "aligned.mrc")
    assert given.links[0].target in {name, f"./{name}"}
    assert all(len(word) < 256 for word in command(0, movie=f"{'d' * 300}/m.tif").argv)


def test_a_hostile_gain_arrives_as_one_argument_after_its_flag() -> None:
    gain = "a b/$(x) '%(GPU)s'\n.mrc"
    argv = command(0, gain=gain).argv
    assert argv[argv.index("-Gain") + 1] == gain
    assert argv[argv.index("-Gain") + 2] == "-RotGain"


def test_no_path_option_stands_without_its_path() -> None:
    paths = {"-Gain", "-Dark", "-DefectFile", "-DefectMap", "-FmIntFile", "-OutAln", "-RotGain"}
    assert not paths.intersection(command(0).argv)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"m1.mrc", "m1-Full.log"}),
        ({"patch": [5, 5]}, {"m1.mrc", "m1-Patch-Full.log", "m1-Patch-Patch.log",
                             "m1-Patch-Frame.log"}),
        ({"dose_per_frame": 1.2}, {"m1.mrc", "m1-Full.log", "m1_DW.mrc"}),
        ({"dose_per_frame": 0}, {"m1.mrc", "m1-Full.log"}),
        ({"dose_per_frame": 1, "sum_dose_max": 25},
         {"m1.mrc", "m1-Full.log", "m1_DW.mrc", "m1_DWS.mrc"}),
        ({"split_sum": True}, {"m1.mrc", "m1-Full.log", "m1_ODD.mrc", "m1_EVN.mrc"}),
        ({"out_stack": True}, {"m1.mrc", "m1-Full.log", "m1_Stk.mrc"}),
        ({"cs": 2.7}, {"m1.mrc", "m1-Full.log", "m1_Ctf.mrc", "m1_Ctf.txt"}),
        ({"cs": 0.001}, {"m1.mrc", "m1-Full.log"}),
        ({"save_alignment": True}, {"m1.mrc", "m1-Full.log", "m1.aln"}),
    ],
)  # fmt: skip
def test_the_outputs_are_those_of_the_parameters(given: dict[str, object], names: set[str]) -> None:
    assert set(outputs(**given).values()) == names


def test_what_later_stages_call_shifts_is_there_with_and_without_patches() -> None:
    assert outputs()["shifts"] == "m1-Full.log"
    assert outputs(patch=[5, 5])["shifts"] == "m1-Patch-Full.log"


def test_progress_that_says_error_is_no_failure(tmp_path: Path) -> None:
    outcome = ended(tmp_path, PROGRESS, *MADE)
    assert outcome.done, outcome.reason
    assert not outcome.warnings
    assert outcome.outputs["out"] == str(tmp_path / "out" / "m1.mrc")
    assert Path(outcome.outputs["out"]).exists()


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("CCufft2D::CreatePlan: CUFFT_ALLOC_FAILED", FailureClass.OUT_OF_MEMORY),
        ("CAlignStack: bbb: out of memory", FailureClass.OUT_OF_MEMORY),
        ("Error: Gain and frame dimensions mismatch!", FailureClass.BAD_INPUT),
        ("Motion correction skipped.", FailureClass.BAD_INPUT),
        ("Gain reference will not be loaded.", FailureClass.BAD_INPUT),
        ("error: load tiff image 3, 0 strip", FailureClass.BAD_INPUT),
        ("CCufft2D::Forward: CUFFT_EXEC_FAILED", FailureClass.DEVICE_FAULT),
    ],
)
def test_exit_code_0_after_a_failure_is_a_failure(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    outcome = ended(tmp_path, f"{PROGRESS}{printed}\n", *MADE)
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure)


def test_exit_code_0_without_the_output_is_a_failure(tmp_path: Path) -> None:
    assert ended(tmp_path, PROGRESS).failure is FailureClass.MISSING_OUTPUT
    assert "_DW" in ended(tmp_path, PROGRESS, *MADE, dose_per_frame=1.0).reason


def test_no_gpu_is_told_by_its_words_and_not_by_its_code(tmp_path: Path) -> None:
    printed = "Info: skip device 0, no driver\nmCheckGPUs: no valid device detected.\n"
    assert ended(tmp_path, printed, code=5).failure is FailureClass.NO_DEVICE


def test_a_skipped_gpu_is_a_warning_when_others_did_the_work(tmp_path: Path) -> None:
    outcome = ended(tmp_path, f"Info: skip device 7, invalid\n{PROGRESS}", *MADE)
    assert outcome.done
    assert "skip device 7" in outcome.warnings[0]


@pytest.mark.parametrize(
    "wrong", [{"patch": [5]}, {"patch": [1, 1]}, {"voltage": 400}, {"bin": 0.5}, {"pixel_size": 0}]
)
def test_values_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(GpucoreError):
        command(0, **wrong)
