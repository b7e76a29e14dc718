"""Adapters keep their contract with the programs themselves, at level live."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gpucore_adapters.framealign.synthetic import make_movie
from specimens import (
    MICROGRAPH_PIXEL_SIZE,
    PARTICLE_DIAMETER,
    write_fit,
    write_micrograph,
    write_mrc,
    write_particles,
    write_reference,
)

from gpucore.testing import AdapterContract

if TYPE_CHECKING:
    from gpucore.testing import Subject

ROOT = Path(__file__).parents[2]
POWERFIT = os.environ.get("GPUCORE_TEST_POWERFIT", str(ROOT / ".venv-powerfit/bin/powerfit"))

# Topaz's own requirements bring a PyTorch for CUDA, and a torchvision that needs it.
TOPAZ = (
    'pip install torch "setuptools<81" h5py numpy pandas scikit-learn scipy pillow tqdm requests '
    "future psutil; pip install --no-deps topaz-em torchvision==0.15.2"
)
CRYODRGN = "pip install torch cryodrgn"


def large(program: str, install: str) -> pytest.MarkDecorator:
    """Return the mark of a class whose program is too large to be had everywhere, CI included."""
    reason = f"{program} is not on the search path: {install}"
    return pytest.mark.skipif(shutil.which(program) is None, reason=reason)


@pytest.mark.slow
class TestRelionMotioncorr(AdapterContract):
    """RELION's own algorithm, on the processor."""

    adapter = "relion_motioncorr"
    level = "live"
    recordings = "../recordings/relion_motioncorr"
    help_args = ("--help",)

    def live(self, subject: Subject, folder: Path) -> dict[str, object]:
        make_movie(folder / "movie.mrcs", seed=1, size=256)
        return {"movie": "movie.mrcs", "pixel_size": 0.885, "dose_per_frame": 1.25}


@pytest.mark.slow
class TestRelionAutopick(AdapterContract):
    """Debian's RELION, which is built without CUDA."""

    adapter = "relion_autopick"
    level = "live"
    recordings = ""
    help_args = ("--help",)
    # `mpirun -n` is no option of RELION's.
    not_in_help = ("-n",)
    # A micrograph without particles has no file of coordinates.
    checks_outputs = False

    def live(self, subject: Subject, folder: Path) -> dict[str, object]:
        write_micrograph(folder / "micrograph.mrc")
        write_reference(folder / "references.mrcs")
        return {
            "micrograph": "micrograph.mrc",
            "pixel_size": MICROGRAPH_PIXEL_SIZE,
            "references": "references.mrcs",
            "particle_diameter": PARTICLE_DIAMETER,
            "angular_step": 360,
        }


@pytest.mark.slow
class TestRelionClass2d(AdapterContract):
    """Debian's RELION, which is built without CUDA."""

    adapter = "relion_class2d"
    level = "live"
    recordings = "../recordings/relion_class2d"
    help_args = ("--help",)
    # `mpirun -n` is no option of RELION's.
    not_in_help = ("-n",)

    def live(self, subject: Subject, folder: Path) -> dict[str, object]:
        return {
            "particles": str(write_particles(folder)),
            "particle_diameter": 100,
            "classes": 2,
            "iterations": 2,
            "ctf": False,
            "seed": 1,
        }


@pytest.mark.slow
class TestRelionClass3d(AdapterContract):
    """Debian's RELION, which is built without CUDA."""

    adapter = "relion_class3d"
    level = "live"
    recordings = ""
    help_args = ("--help",)
    # `mpirun -n` is no option of RELION's, and Blush came with RELION 5.
    not_in_help = ("-n", "--blush")

    def live(self, subject: Subject, folder: Path) -> dict[str, object]:
        reference = folder / "reference.mrc"
        write_mrc(reference, np.random.default_rng(2).random((32, 32, 32)), 4.0)
        return {
            "particles": str(write_particles(folder)),
            "reference": str(reference),
            "particle_diameter": 100,
            "healpix_order": 0,
            "iterations": 1,
            "ctf": False,
            "seed": 1,
        }


@pytest.mark.slow
class TestRelionInitialmodelSgd(AdapterContract):
    """Debian's RELION 3.1, the last release with this method."""

    adapter = "relion_initialmodel_sgd"
    level = "live"
    recordings = ""
    help_args = ("--help",)
    not_in_help = ("-n",)

    def live(self, subject: Subject, folder: Path) -> dict[str, object]:
        return {
            "particles": str(write_particles(folder, count=24)),
            "particle_diameter": 100,
            "first_iterations": 5,
            "between_iterations": 10,
            "last_iterations": 5,
            "first_resolution": 40,
            "last_resolution": 30,
            "first_subset": 10,
            "last_subset": 20,
            "healpix_order": 0,
            "seed": 1,
        }


@pytest.mark.slow
class TestPowerfit(AdapterContract):
    """PowerFit on the processor."""

    adapter = "powerfit"
    level = "live"
    recordings = ""
    executable = POWERFIT
    help_args = ("--help",)

    def live(self, subject: Subject, folder: Path) -> dict[str, object]:
        volume, model = write_fit(folder)
        return {"map": str(volume), "model": str(model), "resolution": 10, "angle": 60}


@pytest.mark.slow
@pytest.mark.large
@pytest.mark.timeout(600)
@large("topaz", TOPAZ)
class TestTopazExtract(AdapterContract):
    """Topaz on the processor, with the smallest network that comes with it."""

    adapter = "topaz_extract"
    level = "live"
    recordings = "../recordings/topaz_extract"
    help_args = ("extract", "--help")

    def live(self, subject: Subject, folder: Path) -> dict[str, object]:
        write_micrograph(folder / "micrograph.mrc", size=256)
        return {"mic": "micrograph.mrc", "radius": 8, "model": "resnet8_u32"}


@pytest.mark.slow
@pytest.mark.large
@pytest.mark.timeout(600)
@large("cryodrgn", CRYODRGN)
class TestCryodrgnTrainVae(AdapterContract):
    """cryoDRGN on the processor."""

    adapter = "cryodrgn_train_vae"
    level = "live"
    recordings = "../recordings/cryodrgn_train_vae"
    help_args = ("train_vae", "--help")

    def live(self, subject: Subject, folder: Path) -> dict[str, object]:
        count = 40
        write_particles(folder, count=count)
        turns, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(count, 3, 3)))
        poses = (turns.astype(np.float32), np.zeros((count, 2), np.float32))
        (folder / "poses.pkl").write_bytes(pickle.dumps(poses))
        return {
            "particles": "particles.mrcs",
            "poses": "poses.pkl",
            "zdim": 2,
            "epochs": 2,
            "batch": 8,
            "encoder_dim": 32,
            "decoder_dim": 32,
            "threads": 1,
            "analyse": False,
            "seed": 1,
        }
