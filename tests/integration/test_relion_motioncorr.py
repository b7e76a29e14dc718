"""RELION's motion correction through its adapter, on movies whose drift is known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
from gpucore_adapters.framealign.synthetic import make_movie, random_drift, rms_error
from gpucore_adapters.relion_motioncorr import RELION_MOTIONCORR, RELION_MOTIONCORR_GPU
from programs import script
from specimens import write_mrc

from gpucore.errors import StepError
from gpucore.standard import FailureClass, Outcome, StepState

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from real_programs import Open

PIXEL_SIZE = 0.885
ACCURACY = 0.3
"""Pixels. The root mean square error of RELION on these movies is 0.08 to 0.15."""

NAMES = [f"m{number:02d}" for number in range(20)]


def shifts(outcome: Outcome) -> NDArray[np.float64]:
    """Return what RELION applied to each frame, (frames, 2) x, y in pixels."""
    text = Path(outcome.outputs["shifts"]).read_text(encoding="utf-8")
    table = text.split("data_global_shift")[1].split("data_")[0]
    rows = [line.split() for line in table.splitlines() if line[:1] in "0123456789 "]
    return np.array([[float(x), float(y)] for _, x, y in (row for row in rows if len(row) == 3)])


def failed(future_error: pytest.ExceptionInfo[StepError]) -> Outcome:
    outcome = future_error.value.outcome
    assert isinstance(outcome, Outcome)
    assert outcome.state is StepState.FAILED
    return outcome


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty movies, named by number; each has its number as seed."""
    folder = tmp_path_factory.mktemp("movies")
    for number, name in enumerate(NAMES):
        make_movie(folder / f"{name}.mrc", seed=number)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["m.mrc", "m.tif", "50% d@ne: [1] #2.mrcs", "-m.TIFF"])
def test_known_shifts_are_recovered_from_mrc_and_tiff(
    relion: Open, tmp_path: Path, name: str
) -> None:
    drift = make_movie(tmp_path / name, seed=1)
    with relion() as executor:
        outcome = executor.submit(
            RELION_MOTIONCORR, movie=name, pixel_size=PIXEL_SIZE, dose_per_frame=1.25
        ).result()
    assert outcome.done
    assert rms_error(shifts(outcome), drift) <= ACCURACY
    assert outcome.outputs["out"] == str(tmp_path / "out" / f"{Path(name).stem}_aligned.mrc")
    assert mrcfile.read(outcome.outputs["out"]).shape == (512, 512)


@pytest.mark.slow
def test_one_and_three_workers_make_the_same_of_twenty_movies(relion: Open, movies: Path) -> None:
    outcomes: dict[int, list[Outcome]] = {}
    for threads in (2, 4):
        with relion(threads=threads, output=f"out{threads}") as executor:
            futures = [
                executor.submit(
                    RELION_MOTIONCORR, movie=movies / f"{name}.mrc", pixel_size=PIXEL_SIZE
                )
                for name in NAMES
            ]
            outcomes[threads] = [future.result() for future in futures]
    for number, (one, three) in enumerate(zip(outcomes[2], outcomes[4], strict=True)):
        assert rms_error(shifts(one), random_drift(number)) <= ACCURACY
        assert Path(one.outputs["out"]).name == Path(three.outputs["out"]).name
        assert (
            Path(one.outputs["shifts"]).read_bytes() == Path(three.outputs["shifts"]).read_bytes()
        )
        first, second = (Path(ended.outputs["out"]).read_bytes() for ended in (one, three))
        # The labels of an MRC header, from byte 220 on, may hold the time.
        assert (first[:220], first[1024:]) == (second[:220], second[1024:])


@pytest.mark.slow
def test_a_missing_movie_fails_its_own_step_only(relion: Open, movies: Path) -> None:
    with relion(threads=3) as executor:
        futures = [
            executor.submit(RELION_MOTIONCORR, movie=movies / f"{name}.mrc", pixel_size=PIXEL_SIZE)
            for name in ("m00", "nowhere", "m01", "m02")
        ]
        with pytest.raises(StepError) as error:
            futures[1].result()
        assert [futures[place].result().done for place in (0, 2, 3)] == [True] * 3
    outcome = failed(error)
    assert outcome.failure is FailureClass.BAD_INPUT
    assert "nowhere.mrc): it is not there" in outcome.reason


def cut(movie: Path) -> None:
    whole = movie.read_bytes()
    movie.write_bytes(whole[: len(whole) * 2 // 5])


@pytest.mark.parametrize("name", ["m.mrc", "m.tif"])
def test_a_truncated_movie_is_reported_as_what_it_is_before_relion_makes_up_the_rest(
    relion: Open, tmp_path: Path, name: str
) -> None:
    make_movie(tmp_path / name, seed=1, size=256)
    cut(tmp_path / name)
    with relion() as executor, pytest.raises(StepError) as error:
        executor.submit(RELION_MOTIONCORR, movie=name, pixel_size=PIXEL_SIZE).result()
    outcome = failed(error)
    assert outcome.failure is FailureClass.BAD_INPUT
    assert "it is cut off" in outcome.reason
    assert outcome.exit_code is None


def test_what_is_no_movie_fails_in_relions_own_words(relion: Open, tmp_path: Path) -> None:
    make_movie(tmp_path / "single.mrc", seed=1, size=256, frames=1)
    with relion() as executor, pytest.raises(StepError) as error:
        executor.submit(RELION_MOTIONCORR, movie="single.mrc", pixel_size=PIXEL_SIZE).result()
    outcome = failed(error)
    # RELION's exit code is 0.
    assert (outcome.exit_code, outcome.failure) == (0, FailureClass.BAD_INPUT)
    assert "too few frames (1 < 3)" in outcome.reason


def test_a_gain_of_another_size_is_bad_input_whatever_its_name(
    relion: Open, tmp_path: Path
) -> None:
    make_movie(tmp_path / "m.mrc", seed=1, size=256)
    write_mrc(tmp_path / "g@in 50% #1.mrc", np.ones((128, 128)), PIXEL_SIZE)
    with relion() as executor, pytest.raises(StepError) as error:
        executor.submit(
            RELION_MOTIONCORR, movie="m.mrc", gain="g@in 50% #1.mrc", pixel_size=PIXEL_SIZE
        ).result()
    outcome = failed(error)
    assert outcome.failure is FailureClass.BAD_INPUT
    assert "size of the gain reference do not match" in outcome.reason


def test_through_motioncor2_a_build_without_cuda_fails_and_is_not_taken_for_done(
    relion: Open, tmp_path: Path
) -> None:
    make_movie(tmp_path / "m.mrc", seed=1, size=256)
    motioncor2 = script(tmp_path / "MotionCor2", "exit 0")
    with relion(gpus="0 1") as executor, pytest.raises(StepError) as error:
        executor.submit(
            RELION_MOTIONCORR_GPU, movie="m.mrc", motioncor2=motioncor2, pixel_size=PIXEL_SIZE
        ).result()
    outcome = failed(error)
    assert outcome.command is not None
    assert outcome.command.argv[-2:] == ("--gpu", "0,1")
    assert outcome.exit_code != 0
