"""The real programs that these tests run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from real_programs import opener, require
from scipion_runs import Scipion

from gpucore.config import ProgramConfig

if TYPE_CHECKING:
    from real_programs import Open

ROOT = Path(__file__).parents[2]

ROOT_MAY_RUN_MPI = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
"""The machines of CI run everything as root, which Open MPI refuses unless it is told twice."""

RELION_ADAPTERS = (
    "relion_autopick",
    "relion_autopick_log",
    "relion_class2d",
    "relion_class3d",
    "relion_ctf_refine",
    "relion_initialmodel",
    "relion_initialmodel_sgd",
    "relion_motion_refine",
    "relion_motioncorr",
    "relion_multibody",
    "relion_refine3d",
)


@pytest.fixture
def relion(tmp_path: Path) -> Open:
    """Open an executor for Debian's RELION, which is built without CUDA."""
    for program in ("relion_run_motioncorr", "relion_refine", "relion_autopick"):
        require(program, "apt-get install -y --no-install-recommends relion")
    told = ProgramConfig(env=ROOT_MAY_RUN_MPI)
    return opener(tmp_path, dict.fromkeys(RELION_ADAPTERS, told))


@pytest.fixture(scope="session")
def powerfit() -> str:
    """Return the path of PowerFit, which lies in a virtual environment of its own."""
    told = os.environ.get("GPUCORE_TEST_POWERFIT", str(ROOT / ".venv-powerfit/bin/powerfit"))
    return require(
        told,
        "apt-get install -y pocl-opencl-icd ocl-icd-opencl-dev; python3 -m venv .venv-powerfit; "
        'VKFFT_BACKEND=opencl .venv-powerfit/bin/pip install "powerfit-em[opencl]"; '
        "or say where it is: GPUCORE_TEST_POWERFIT=/path/to/powerfit",
    )


@pytest.fixture(scope="session")
def snakemake() -> str:
    """Return the path of Snakemake, which lies in a virtual environment of its own."""
    told = os.environ.get("GPUCORE_TEST_SNAKEMAKE", str(ROOT / ".venv-snakemake/bin/snakemake"))
    return require(
        told,
        "python3 -m venv .venv-snakemake; .venv-snakemake/bin/pip install snakemake; "
        "or say where it is: GPUCORE_TEST_SNAKEMAKE=/path/to/snakemake",
    )


@pytest.fixture(scope="session")
def scipion(tmp_path_factory: pytest.TempPathFactory) -> Scipion:
    """Scipion's Python with pyworkflow and gpucore in it, an environment of its own."""
    told = os.environ.get("GPUCORE_TEST_SCIPION", str(ROOT / ".venv-scipion/bin/python"))
    python = require(
        told,
        'python3 -m venv .venv-scipion; .venv-scipion/bin/pip install -e ".[scipion]"; '
        "or say where it is: GPUCORE_TEST_SCIPION=/path/to/python",
    )
    return Scipion(python, tmp_path_factory.mktemp("scipion"))
