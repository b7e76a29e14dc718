"""RELION's classification and picking on a build without CUDA, which falls back to the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
from gpucore_adapters.relion_autopick import RELION_AUTOPICK, RELION_AUTOPICK_LOG
from gpucore_adapters.relion_class2d import RELION_CLASS2D
from specimens import (
    MICROGRAPH_PIXEL_SIZE,
    PARTICLE_DIAMETER,
    write_micrograph,
    write_particles,
    write_reference,
)

from gpucore.errors import StepError
from gpucore.standard import FailureClass

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from real_programs import Open

CLASSIFY = {"particle_diameter": 110, "classes": 2, "iterations": 2, "seed": 1, "ctf": False}
WITHOUT_CUDA = "compiled without CUDA"


def picks(star: str) -> NDArray[np.float64]:
    """Return the picked centres, (picks, 2) x, y in pixels."""
    rows = [line.split() for line in Path(star).read_text(encoding="utf-8").splitlines()]
    return np.array([row[:2] for row in rows if len(row) > 4 and row[0][0].isdigit()], dtype=float)


@pytest.mark.slow
def test_a_gpu_on_a_build_without_cuda_is_done_with_a_warning(relion: Open, tmp_path: Path) -> None:
    star = write_particles(tmp_path)
    with relion(gpus="0 1", threads=3) as executor:
        outcome = executor.submit(RELION_CLASS2D, particles=star, **CLASSIFY).result()
    assert outcome.done
    assert outcome.exit_code == 0
    assert [device.index for device in outcome.devices] == [0]
    (warning,) = outcome.warnings
    assert WITHOUT_CUDA in warning
    assert "it ran on the CPU while it held a GPU" in warning
    assert outcome.outputs["classes"].endswith("particles_class2d/run_it002_classes.mrcs")
    assert mrcfile.read(outcome.outputs["classes"]).shape == (2, 32, 32)


@pytest.mark.slow
def test_without_a_gpu_there_is_nothing_to_warn_of(relion: Open, tmp_path: Path) -> None:
    star = write_particles(tmp_path)
    with relion(gpus="0 1", threads=3) as executor:
        outcome = executor.submit(
            RELION_CLASS2D, particles=star, use_gpu=False, **{**CLASSIFY, "iterations": 1}
        ).result()
    assert outcome.done
    assert (outcome.warnings, outcome.devices) == ((), ())


@pytest.mark.slow
def test_mpi_ranks_share_the_gpus_of_their_slot(relion: Open, tmp_path: Path) -> None:
    star = write_particles(tmp_path)
    with relion(gpus="0 1", threads=2) as executor:
        outcome = executor.submit(
            RELION_CLASS2D, particles=star, mpi=3, **{**CLASSIFY, "iterations": 1}
        ).result()
    assert outcome.done
    assert outcome.command is not None
    assert outcome.command.argv[outcome.command.argv.index("--gpu") + 1] == "0:1"
    log = Path(outcome.log).read_text(encoding="utf-8")
    assert "Number of MPI processes             = 3" in log


@pytest.mark.slow
def test_a_stack_that_is_not_there_is_bad_input(relion: Open, tmp_path: Path) -> None:
    star = write_particles(tmp_path)
    (tmp_path / "particles.mrcs").unlink()
    with relion() as executor, pytest.raises(StepError) as error:
        executor.submit(RELION_CLASS2D, particles=star, **CLASSIFY).result()
    assert error.value.outcome.failure is FailureClass.BAD_INPUT
    assert "particles.mrcs It does not exist" in error.value.outcome.reason


@pytest.mark.slow
@pytest.mark.parametrize("mpi", [1, 2])
def test_every_particle_is_picked_by_its_reference(relion: Open, tmp_path: Path, mpi: int) -> None:
    centres = write_micrograph(tmp_path / "50% @ #1.mrc")
    write_reference(tmp_path / "references.mrcs")
    with relion(gpus="0 1", threads=2) as executor:
        outcome = executor.submit(
            RELION_AUTOPICK,
            micrograph="50% @ #1.mrc",
            pixel_size=MICROGRAPH_PIXEL_SIZE,
            references="references.mrcs",
            reference_pixel_size=MICROGRAPH_PIXEL_SIZE,
            particle_diameter=140,
            angular_step=360,
            lowpass=30,
            threshold=0.1,
            mpi=mpi,
        ).result()
    assert outcome.done
    assert any(WITHOUT_CUDA in warning for warning in outcome.warnings)
    found = picks(outcome.outputs["picks"])
    distances = np.linalg.norm(centres[:, None] - found[None], axis=2).min(axis=1)
    assert len(found) == len(centres)
    assert distances.max() <= 2


def test_blobs_are_picked_without_references(relion: Open, tmp_path: Path) -> None:
    centres = write_micrograph(tmp_path / "m.mrc")
    with relion() as executor:
        outcome = executor.submit(
            RELION_AUTOPICK_LOG,
            micrograph="m.mrc",
            pixel_size=MICROGRAPH_PIXEL_SIZE,
            min_diameter=PARTICLE_DIAMETER - 20,
            max_diameter=PARTICLE_DIAMETER + 20,
        ).result()
    found = picks(outcome.outputs["picks"])
    distances = np.linalg.norm(centres[:, None] - found[None], axis=2).min(axis=1)
    assert len(found) == len(centres)
    assert distances.max() <= 2
    assert outcome.warnings == ()


def test_an_empty_micrograph_is_done_with_no_particle_although_relion_dies(
    relion: Open, tmp_path: Path
) -> None:
    write_micrograph(tmp_path / "ice.mrc", particles=False)
    with relion() as executor:
        outcome = executor.submit(
            RELION_AUTOPICK_LOG,
            micrograph="ice.mrc",
            pixel_size=MICROGRAPH_PIXEL_SIZE,
            min_diameter=PARTICLE_DIAMETER - 20,
            max_diameter=PARTICLE_DIAMETER + 20,
            threshold=5,
        ).result()
    assert outcome.done
    assert len(picks(outcome.outputs["picks"])) == 0
    assert any("no particle was found" in warning for warning in outcome.warnings)


def test_a_micrograph_that_is_cut_off_is_not_picked_from(relion: Open, tmp_path: Path) -> None:
    write_micrograph(tmp_path / "m.mrc")
    whole = (tmp_path / "m.mrc").read_bytes()
    (tmp_path / "m.mrc").write_bytes(whole[: len(whole) // 2])
    with relion() as executor, pytest.raises(StepError, match="it is cut off") as error:
        executor.submit(
            RELION_AUTOPICK_LOG,
            micrograph="m.mrc",
            pixel_size=MICROGRAPH_PIXEL_SIZE,
            min_diameter=100,
            max_diameter=140,
        ).result()
    assert error.value.outcome.failure is FailureClass.BAD_INPUT
