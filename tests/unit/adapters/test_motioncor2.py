"""MotionCor2: the command lines of the standard, its lists, and failures that exit with 0."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
from gpucore_adapters.motioncor2 import MOTIONCOR2, gpucore_adapters

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
    values = named_outputs(MOTIONCOR2, read_values(MOTIONCOR2, {**LEAST, **given}), "out")
    return render(MOTIONCOR2, values, example_devices(gpus), isolate=isolate)


def ended(folder: Path, printed: str, *made: str, code: int = 0, **given: object) -> Outcome:
    """How a step ends whose program printed this, made these in its folder and gave this code."""
    step = make_step(MOTIONCOR2, {**LEAST, **given}, name="one", output="out")
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
        values=rooted(MOTIONCOR2, step.values, str(folder)),
        folder=folder,
        log=str(folder / "log.txt"),
    )
    return judge(started, Exit(code=code))


def outputs(**given: object) -> dict[str, str]:
    """File names of the outputs that these parameters ask for, by name."""
    step = make_step(MOTIONCOR2, {**LEAST, **given}, name="one", output="out")
    expected = expected_outputs(step, step.values, gpu=True)
    return {one.name: Path(one.path).name for one in expected}


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
        ({"dose_per_frame": 1.2}, {"m1.mrc", "m1_DW.mrc"}),
        ({"dose_per_frame": 1.2, "sum_dose_max": 25}, {"m1.mrc", "m1_DW.mrc", "m1_DWS.mrc"}),
        ({"split_sum": True}, {"m1.mrc", "m1_ODD.mrc", "m1_EVN.mrc"}),
        ({"out_stack": True}, {"m1.mrc", "m1_Stk.mrc"}),
        ({"log_dir": "logs"}, {"m1.mrc", "m1-Full.log"}),
    ],
)
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


def test_a_voltage_that_it_cannot_weigh_for_is_refused() -> None:
    with pytest.raises(GpucoreError, match="voltage"):
        command(0, voltage=400)
