"""Adapters keep their contract with the programs themselves, at level live."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from specimens import write_fit, write_particles

from gpucore.testing import AdapterContract

if TYPE_CHECKING:
    from gpucore.testing import Subject

ROOT = Path(__file__).parents[2]
POWERFIT = os.environ.get("GPUCORE_TEST_POWERFIT", str(ROOT / ".venv-powerfit/bin/powerfit"))


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
