"""RELION's refinements in three dimensions, on a build without CUDA, with tiny particles."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
from gpucore_adapters.relion_particles import RELION_CTF_REFINE, RELION_MOTION_REFINE
from gpucore_adapters.relion_refine import (
    RELION_CLASS3D,
    RELION_INITIALMODEL,
    RELION_INITIALMODEL_SGD,
    RELION_MULTIBODY,
    RELION_REFINE3D,
)
from specimens import write_mrc, write_particles

from gpucore.errors import ParameterError, StepError
from gpucore.standard import FailureClass, Group

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from real_programs import Open

    from gpucore.standard import Adapter, Outcome

pytestmark = pytest.mark.slow

BOX = 16
COARSE = {"particle_diameter": 50, "healpix_order": 0, "padding": 1, "ctf": False, "seed": 1}


def grid() -> NDArray[np.float64]:
    """Return z, y and x of a box's voxels from its middle."""
    return np.mgrid[-BOX // 2 : BOX // 2, -BOX // 2 : BOX // 2, -BOX // 2 : BOX // 2].astype(float)


def write_blob(path: Path) -> str:
    """Write a map of one bent blob; return its name."""
    z, y, x = grid()
    write_mrc(path, np.exp(-(x**2 / 16 + y**2 / 4 + z**2 / 9)), 4.0)
    return path.name


def write_bodies(folder: Path) -> str:
    """Write the halves of a ball as masks, and the STAR file that says how they move."""
    z, y, x = grid()
    ball = 1 / (1 + np.exp((np.sqrt(x**2 + y**2 + z**2) - 6) * 2))
    left = 1 / (1 + np.exp((x + 0.5) * 2))
    write_mrc(folder / "left.mrc", left * ball, 4.0)
    write_mrc(folder / "right.mrc", (1 - left) * ball, 4.0)
    labels = "MaskName #1", "RotateRelativeTo #2", "SigmaAngles #3", "SigmaOffset #4"
    lines = ["data_", "", "loop_", *(f"_rlnBody{label}" for label in labels)]
    rows = f"{folder}/left.mrc 2 10 2", f"{folder}/right.mrc 1 10 2"
    (folder / "bodies.star").write_text("\n".join([*lines, *rows, "", ""]), encoding="utf-8")
    return "bodies.star"


def argument(outcome: Outcome, flag: str) -> str:
    """Return what followed an option in the command that ran."""
    assert outcome.command is not None
    return outcome.command.argv[outcome.command.argv.index(flag) + 1]


def test_classes_in_three_dimensions_have_maps_and_the_lost_gpu_is_told(
    relion: Open, tmp_path: Path
) -> None:
    star = write_particles(tmp_path, count=24, box=BOX)
    with relion(gpus="0 1", threads=3) as executor:
        outcome = executor.submit(
            RELION_CLASS3D,
            particles=star,
            reference=write_blob(tmp_path / "blob.mrc"),
            classes=2,
            iterations=2,
            lowpass=30,
            **COARSE,
        ).result()
    assert outcome.done, outcome.reason
    assert argument(outcome, "--gpu") == "0"
    (warning,) = outcome.warnings
    assert "it ran on the CPU while it held a GPU" in warning
    assert outcome.outputs["map"].endswith("particles_class3d/run_it002_class001.mrc")
    assert mrcfile.read(outcome.outputs["map"]).shape == (BOX, BOX, BOX)


def test_halves_are_refined_by_ranks_of_their_own_and_bodies_go_on_from_there(
    relion: Open, tmp_path: Path
) -> None:
    star = write_particles(tmp_path, count=24, box=BOX)
    with relion(gpus="0 1", threads=1) as executor:
        refined = executor.submit(
            RELION_REFINE3D,
            particles=star,
            reference=write_blob(tmp_path / "blob.mrc"),
            symmetry="D2",
            lowpass=30,
            local_healpix_order=1,
            finer_angles_faster=True,
            **COARSE,
        ).result()
        assert refined.done, refined.reason
        optimiser = max(Path(refined.outputs["map"]).parent.glob("run_it*_optimiser.star"))
        bodies = executor.submit(
            RELION_MULTIBODY,
            optimiser=optimiser,
            bodies=write_bodies(tmp_path),
            healpix_order=1,
            padding=1,
        ).result()
    assert argument(refined, "--gpu") == "0:1"
    assert any("do not trust the resolution" in warning for warning in refined.warnings)
    halves = [mrcfile.read(refined.outputs[name]) for name in ("half1", "half2")]
    assert not np.array_equal(*halves)
    assert bodies.done, bodies.reason
    assert argument(bodies, "-n") == "3"
    assert mrcfile.read(bodies.outputs["body2"]).shape == (BOX, BOX, BOX)


def test_an_even_number_of_ranks_is_refused_before_relion_is_started(
    relion: Open, tmp_path: Path
) -> None:
    star = write_particles(tmp_path, count=24, box=BOX)
    reference = write_blob(tmp_path / "blob.mrc")
    with relion() as executor, pytest.raises(ParameterError, match="not an odd number"):
        executor.submit(RELION_REFINE3D, particles=star, reference=reference, mpi=4, **COARSE)


def test_what_is_wrong_with_a_stack_is_explained(relion: Open, tmp_path: Path) -> None:
    star = write_particles(tmp_path, count=8, box=BOX)
    reference = write_blob(tmp_path / "blob.mrc")
    stack = tmp_path / "particles.mrcs"
    with mrcfile.new(stack, overwrite=True) as file:
        file.set_data(np.zeros((8, BOX, BOX), np.complex64))
        file.set_image_stack()
    with relion() as executor, pytest.raises(StepError) as error:
        executor.submit(
            RELION_CLASS3D, particles=star, reference=reference, iterations=1, **COARSE
        ).result()
    assert error.value.outcome.failure is FailureClass.BAD_INPUT
    assert "complex or unknown MRC mode" in str(error.value)


def test_a_first_map_is_made_without_a_reference(relion: Open, tmp_path: Path) -> None:
    # With a smaller box RELION 3.1 has no resolution to start from.
    star = write_particles(tmp_path, count=24, box=32)
    given = {name: value for name, value in COARSE.items() if name != "ctf"}
    with relion(gpus="0") as executor:
        outcome = executor.submit(
            RELION_INITIALMODEL_SGD,
            particles=star,
            first_iterations=5,
            between_iterations=10,
            last_iterations=5,
            first_resolution=40,
            last_resolution=30,
            first_subset=10,
            last_subset=20,
            offset_range=3,
            **{**given, "particle_diameter": 100},
        ).result()
    assert outcome.done, outcome.reason
    assert outcome.outputs["map"].endswith("run_it020_class001.mrc")
    assert mrcfile.read(outcome.outputs["map"]).shape == (32, 32, 32)


def test_a_release_that_does_not_know_gradients_is_told_of_although_it_goes_on(
    relion: Open, tmp_path: Path
) -> None:
    star = write_particles(tmp_path, count=24, box=32)
    with relion() as executor, pytest.raises(StepError) as error:
        executor.submit(RELION_INITIALMODEL, particles=star, iterations=10, **COARSE).result()
    assert "--grad" in str(error.value)


@pytest.mark.parametrize("adapter", [RELION_CTF_REFINE, RELION_MOTION_REFINE])
def test_particles_without_angles_are_bad_input(
    relion: Open, tmp_path: Path, adapter: Adapter
) -> None:
    given = {"particles": write_particles(tmp_path), "postprocess": "postprocess.star"}
    (tmp_path / "postprocess.star").write_text("data_\n", encoding="utf-8")
    if "micrographs" in adapter.params:
        given["micrographs"] = "postprocess.star"
    with relion() as executor, pytest.raises(StepError) as error:
        executor.submit(adapter, **given).result()
    assert error.value.outcome.failure is FailureClass.BAD_INPUT
    assert "with their angles and half sets" in str(error.value)


@pytest.mark.parametrize(
    ("adapter", "later"),
    [
        (RELION_REFINE3D, {"-n", "--blush"}),
        (RELION_CTF_REFINE, {"-n"}),
        (RELION_MOTION_REFINE, {"-n", "--float16"}),
    ],
    ids=lambda one: getattr(one, "name", ""),
)
def test_relion_3_knows_every_option_but_mpiruns_and_those_of_later_releases(
    relion: Open, adapter: Adapter, later: set[str]
) -> None:
    # Without an option it prints its help.
    done = subprocess.run(
        [adapter.program.executable], capture_output=True, encoding="utf-8", check=False
    )
    words = [
        word
        for one in adapter.command.argv
        for word in (one.args if isinstance(one, Group) else (one,))
    ]
    options = {word for word in words if word.startswith("-")}
    assert options - set(f"{done.stdout} {done.stderr}".split()) == later
