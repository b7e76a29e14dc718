"""MotionCor2: the command lines of the standard, its lists, and failures that exit with 0."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapter_cases import AdapterCase, image
from gpucore_adapters.motioncor2 import MOTIONCOR2, gpucore_adapters

from gpucore.errors import GpucoreError
from gpucore.outcomes import expected_outputs
from gpucore.planning import make_step
from gpucore.standard import FailureClass, StepState
from gpucore.standard.checks import adapter_faults

LEAST = {"movie": "m1.tif"}
UNBOUNDED = {"magnification"}
CASE = AdapterCase(MOTIONCOR2, LEAST)
command, outputs, ended, ran = CASE.command, CASE.outputs, CASE.ended, CASE.ran


def test_it_is_offered_and_does_not_contradict_itself() -> None:
    assert list(gpucore_adapters()) == [MOTIONCOR2]
    assert adapter_faults(MOTIONCOR2) == []
    assert len(MOTIONCOR2.example) >= 3


def test_every_number_has_bounds_or_says_why_not_and_every_text_is_there() -> None:
    free = {name for name, one in MOTIONCOR2.params.items()
            if one.type in {"int", "float"} and one.min is None}  # fmt: skip
    assert free == UNBOUNDED
    assert MOTIONCOR2.licence
    assert MOTIONCOR2.citation
    assert MOTIONCOR2.source
    assert MOTIONCOR2.unverified


DOSE = {"pixel_size": 0.5, "dose_per_frame": 1.2}
PROGRESS = """Iteration  1  Error:     0.123
...... Frame (  1) shift:     0.00      0.00
Total time: 12.5 sec
"""


@pytest.mark.parametrize("gpus", [(0,), (1,), (0, 1), (2, 3)])
def test_the_standards_worked_examples_come_out(gpus: tuple[int, ...]) -> None:
    argv = command(*gpus, movie="movie.mrc", out="out.mrc").argv
    assert argv[:5] == ("MotionCor2", "-InMrc", "movie.mrc", "-OutMrc", "out.mrc")
    assert argv[-len(gpus) - 1 :] == ("-Gpu", *map(str, gpus))


def test_gpus_never_have_colons_or_commas() -> None:
    assert not any(":" in word or "," in word for word in command(0, 1, 2, 3).argv)


def test_a_gpu_that_a_slot_holds_twice_is_named_once() -> None:
    assert command(1, 1).argv[-2:] == ("-Gpu", "1")


@pytest.mark.parametrize(
    ("movie", "flag"),
    [("a.mrc", "-InMrc"), ("a.mrcs", "-InMrc"), ("a.tif", "-InTiff"), ("a.TIFF", "-InTiff"),
     ("a.eer", "-InEer")],
)  # fmt: skip
def test_the_input_flag_follows_the_suffix(movie: str, flag: str) -> None:
    argv = command(0, movie=movie).argv
    assert argv[1:3] == (flag, movie)
    assert len({"-InMrc", "-InTiff", "-InEer"}.intersection(argv)) == 1


@pytest.mark.parametrize("name", ["a b.tif", "$(rm x);'\n\"%(GPU)s.tif", "50%.tif", "\udcff.tif"])
def test_a_hostile_movie_arrives_as_one_argument(name: str) -> None:
    argv = command(0, movie=name).argv
    assert argv[2] == name
    assert argv[4] == f"out/{name.removesuffix('.tif')}.mrc"


def test_a_movie_that_looks_like_an_option_is_none() -> None:
    assert command(0, movie="-Gpu.tif").argv[2] == "./-Gpu.tif"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, {"m1.mrc"}),
        ({**DOSE}, {"m1.mrc", "m1_DW.mrc"}),
        ({**DOSE, "sum_dose_max": 25}, {"m1.mrc", "m1_DW.mrc", "m1_DWS.mrc"}),
        ({"pixel_size": 1, "sum_dose_max": 25}, {"m1.mrc"}),
        ({"split_sum": True}, {"m1.mrc", "m1_ODD.mrc", "m1_EVN.mrc"}),
        ({"out_stack": True}, {"m1.mrc", "m1_Stk.mrc"}),
        ({"log_dir": "logs"}, {"m1.mrc", "m1-Full.log"}),
        ({"patch": [5, 5]}, {"m1.mrc"}),
        ({"log_dir": "logs", "patch": [5, 5]}, {"m1.mrc", "m1-Patch-Full.log",
                                                "m1-Patch-Patch.log", "m1-Patch-Frame.log"}),
    ],
)  # fmt: skip
def test_the_outputs_are_those_of_the_parameters(given: dict[str, object], names: set[str]) -> None:
    assert set(outputs(**given).values()) == names


def test_progress_that_says_error_is_no_failure(tmp_path: Path) -> None:
    assert ended(tmp_path, PROGRESS, "out/m1.mrc").done


@pytest.mark.parametrize(
    ("printed", "failure"),
    [
        ("CCufft2D: CUFFT_ALLOC_FAILED", FailureClass.OUT_OF_MEMORY),
        ("Error: Gain and frame dimensions mismatch!", FailureClass.BAD_INPUT),
        ("Motion correction skipped.", FailureClass.BAD_INPUT),
    ],
)
def test_exit_code_0_after_a_failure_is_a_failure(
    tmp_path: Path, printed: str, failure: FailureClass
) -> None:
    outcome = ended(tmp_path, f"{PROGRESS}{printed}\n", "out/m1.mrc")
    assert (outcome.state, outcome.failure) == (StepState.FAILED, failure)


def test_another_motioncor_on_the_gpu_is_told_as_what_it_is(tmp_path: Path) -> None:
    outcome = ended(tmp_path, "Error: All GPUs are in use, quit.\n", code=1)
    assert outcome.failure is FailureClass.NO_DEVICE
    assert "FreeGpus" in outcome.hint


def test_sharing_is_the_standards_own_example() -> None:
    assert MOTIONCOR2.gpu.sharing == "discouraged"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"dose_per_frame": 1.2}, "pixel_size"),
        ({"sum_dose_max": 25}, "pixel_size"),
        ({"initial_dose": 2}, "pixel_size"),
        ({"gain_rotation": 1}, "gain"),
        ({"gain_flip": 2}, "gain"),
        ({"gain_inverse": True}, "gain"),
    ],
)
def test_what_means_nothing_alone_is_refused_alone(given: dict[str, object], missing: str) -> None:
    with pytest.raises(GpucoreError, match=f"without `{missing}`"):
        command(0, **given)


def test_what_says_no_needs_nothing() -> None:
    none = {"dose_per_frame": 0, "sum_dose_max": 0, "initial_dose": 0, "gain_rotation": 0,
            "gain_flip": 0, "gain_inverse": False}  # fmt: skip
    argv = command(0, **none).argv
    assert not {"-InitDose", "-RotGain", "-FlipGain", "-InvGain"}.intersection(argv)


@pytest.mark.parametrize("movie", ["a.mrc.gz", "a.dm4", "a", "a.tif/b", "a.jpg"])
def test_a_movie_that_it_does_not_read_is_refused_before_the_start(movie: str) -> None:
    with pytest.raises(GpucoreError, match="no suffix that the program knows"):
        command(0, movie=movie)


def test_doses_of_an_integration_file_alone_may_make_weighted_sums() -> None:
    given = {**LEAST, "pixel_size": 1, "frame_integration": "f.txt"}
    step = make_step(MOTIONCOR2, given, name="one", output="out")
    found = {one.name: one for one in expected_outputs(step, step.values, gpu=True)}
    assert Path(found["dose_weighted"].path).name == "m1_DW.mrc"
    assert found["dose_weighted"].optional
    assert found["dose_window"].optional


def test_a_dose_demands_its_weighted_sum_with_an_integration_file_too() -> None:
    given = {**LEAST, "pixel_size": 1, "frame_integration": "f.txt", "dose_per_frame": 1}
    step = make_step(MOTIONCOR2, given, name="one", output="out")
    found = {one.name: one for one in expected_outputs(step, step.values, gpu=True)}
    assert not found["dose_weighted"].optional
    assert "dose_window" not in found


def test_the_dose_before_is_told_with_an_integration_file_too() -> None:
    argv = command(0, pixel_size=1, frame_integration="f.txt", initial_dose=2).argv
    assert argv[argv.index("-InitDose") + 1] == "2.0"


def test_a_voltage_that_it_cannot_weigh_for_is_still_one_to_align_at() -> None:
    assert "400" in command(0, voltage=400).argv
    with pytest.raises(GpucoreError, match="voltage"):
        command(0, voltage=300_000)


STANDIN = """
while [ $# -gt 0 ]; do [ "$1" = -OutMrc ] && out=$2; shift; done
cp sum.mrc "$out"
{more}
"""


def test_exit_code_0_without_the_logs_of_patches_is_a_failure(tmp_path: Path) -> None:
    image(tmp_path / "sum.mrc")
    (tmp_path / "m1.tif").write_bytes(b"II*")
    (tmp_path / "logs").mkdir()
    given = {"log_dir": "logs", "patch": [5, 5]}
    outcome = ran(tmp_path, STANDIN.format(more="echo 1 0 0 > logs/m1-Full.log"), **given)
    assert (outcome.exit_code, outcome.failure) == (0, FailureClass.MISSING_OUTPUT)
    assert "m1-Patch-Full.log" in outcome.reason
    more = "for one in Full Patch Frame; do echo 1 0 0 > logs/m1-Patch-$one.log; done"
    outcome = ran(tmp_path, STANDIN.format(more=more), **given)
    assert outcome.done, outcome.reason
    assert Path(outcome.outputs["shifts"]).name == "m1-Patch-Full.log"


@pytest.mark.parametrize("made", [True, False])
def test_a_weighted_sum_of_an_integration_file_is_named_when_it_is_there(
    tmp_path: Path, made: bool
) -> None:
    image(tmp_path / "sum.mrc")
    (tmp_path / "m1.tif").write_bytes(b"II*")
    (tmp_path / "f.txt").write_text("10 2 0.5\n")
    more = 'cp sum.mrc "${out%.mrc}_DW.mrc"' if made else ""
    text = STANDIN.replace("{more}", more)
    outcome = ran(tmp_path, text, pixel_size=1, frame_integration="f.txt")
    assert outcome.done, outcome.reason
    assert ("dose_weighted" in outcome.outputs) == made


def test_an_output_that_it_would_write_under_another_name_is_refused() -> None:
    with pytest.raises(GpucoreError, match="`out`"):
        command(0, out="aligned.mrcs")
