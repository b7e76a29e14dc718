"""CryoSieve: sort out particles that add nothing, on a number of GPUs.

It writes a log of its own into the folder that it is started in, so each step has one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Output,
    Param,
    Program,
    Template,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CRYOSIEVE", "CRYOSIEVE_CORE", "gpucore_adapters"]

_HOMEPAGE = "https://github.com/mxhulab/cryosieve"
_LICENCE = "GPL-3.0-or-later"
_CITATION = "Zhu et al., Nat. Commun. 14 (2023) 7822, doi:10.1038/s41467-023-43555-x"
_SOURCE = "cryosieve 1.3.3 (PyPI) src/cryosieve/__main__.py, core.py, sieve.py, utility.py"

# It takes no ids: of what it sees, the first so many.
_GPU = Gpu(use=GpuUse.COMPULSORY, form="count")

_FAILURES = (
    Failure(match=r"`--num_gpus` is \d+, but only \d+ CUDA device", class_=FailureClass.NO_DEVICE),
    Failure(
        match=r"cudaErrorNoDevice|cudaErrorInsufficientDriver|cudaErrorInvalidDevice"
        r"|libcuda\.so",
        class_=FailureClass.NO_DEVICE,
    ),
    Failure(
        file="cryosieve.log",
        match=r"cannot (?:find|import) CuPy",
        class_=FailureClass.NOT_STARTED,
        hint="install CuPy for this machine's CUDA",
    ),
    Failure(
        match=r"OutOfMemoryError|cudaErrorMemoryAllocation|out of memory",
        class_=FailureClass.OUT_OF_MEMORY,
    ),
    Failure(
        match=r"cudaErrorIllegalAddress|cudaErrorLaunchFailure|cudaErrorECCUncorrectable",
        class_=FailureClass.DEVICE_FAULT,
    ),
    Failure(
        file="cryosieve.log",
        match=r"Execute 3D-reconstruction .* ununsuccessfully",
        class_=FailureClass.PROGRAM_FAULT,
        hint="the reconstruction failed: see iterN_reconstruct_half1.txt in the output folder",
    ),
    Failure(match=r"No space left on device|Disk quota exceeded", class_=FailureClass.DISK_FULL),
    Failure(match=r"\bMemoryError\b|Cannot allocate memory", class_=FailureClass.HOST_MEMORY),
    Failure(match=r"\b(?:Value|FileNotFound|Runtime|Key)Error\b", class_=FailureClass.BAD_INPUT),
)

_PARTICLES = Param(
    type="path", item=True, suffix=(".star",), blanks=False,
    help="particles with poses and CTF, in two random halves",
)  # fmt: skip

_DIRECTORY = Param(
    type="path", check="directory", blanks=False,
    help="folder that the images' names in the STAR file start from: the RELION project",
)  # fmt: skip

_PIXEL_SIZE = Param(type="float", unit="Å", above=0, help="pixel size of the particles")

CRYOSIEVE = Adapter(
    name="cryosieve",
    family="CryoSieve",
    title="CryoSieve: reconstruct and sieve particles, again and again",
    homepage=_HOMEPAGE,
    program=Program(executable="cryosieve", install="pip install cryosieve, and CuPy"),
    gpu=_GPU,
    command=Template(
        argv=(
            "%(EXE)s",
            Group(
                when="ranks", at_least=2,
                args=("--reconstruct_software", "mpirun -n %(ranks)s relion_reconstruct_mpi"),
            ),
            Group(
                unless="ranks", at_least=2, args=("--reconstruct_software", "relion_reconstruct")
            ),
            *("--i", "%(particles)s", "--o", "%(out)s", "--directory", "%(directory)s"),
            *("--angpix", "%(pixel_size)s", "--mask", "%(mask)s", "--sym", "%(symmetry)s"),
            *("--num_iters", "%(rounds)s", "--frequency_start", "%(resolution_start)s"),
            *("--frequency_end", "%(resolution_end)s", "--retention_ratio", "%(kept)s"),
            Group(when="balance", args=("--balance",)),
            *("--num_gpus", "%(GPU)s"),
        ),
        own_directory=True,
    ),
    params={
        "particles": _PARTICLES,
        "directory": _DIRECTORY,
        "pixel_size": _PIXEL_SIZE,
        "mask": Param(type="path", check="mrc", blanks=False, help="mask of the volume"),
        "resolution_end": Param(
            type="float", unit="Å", default=3.0, above=0, less_than="resolution_start",
            help="resolution of the last round: about that of the reconstruction",
        ),
        "symmetry": Param(
            type="string", default="C1", blanks=False, help="point group: C1, D7, O, I1, …"
        ),
        "out": Param(
            type="path", output="%(particles.stem)s_cryosieve", check="directory", blanks=False,
            help="folder of the results",
        ),
        "rounds": Param(type="int", default=10, min=1, help="rounds of sieving"),
        "resolution_start": Param(
            type="float", unit="Å", default=50.0, above=0, help="resolution of the first round"
        ),
        "kept": Param(
            type="float", default=0.8, above=0, max=1, help="part of the particles kept in a round"
        ),
        "ranks": Param(
            type="int", default=1, min=1,
            help="MPI ranks of each of RELION's reconstructions, two of which run at once",
        ),
        "balance": Param(
            type="bool", default=False, help="drop particles at random until halves are equal"
        ),
    },
    output=(
        Output(name="particles_kept", path="%(out)s/iter%(rounds)s.star"),
        Output(name="particles_dropped", path="%(out)s/iter%(rounds)s_sieved.star"),
        Output(name="log", path="%(out.dir)s/%(out.name)s.log", made="cryosieve.log",
               match=r"Execute CryoSieve successfully"),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={"particles": "p.star", "directory": "relion", "pixel_size": 1.32,
                    "mask": "mask.mrc"},
            gpus=(2,),
            argv=(
                *("cryosieve", "--reconstruct_software", "relion_reconstruct", "--i", "p.star"),
                *("--o", "p_cryosieve", "--directory", "relion", "--angpix", "1.32"),
                *("--mask", "mask.mrc", "--sym", "C1", "--num_iters", "10"),
                *("--frequency_start", "50.0", "--frequency_end", "3.0"),
                *("--retention_ratio", "0.8", "--num_gpus", "1"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "2"},
        ),
        Example(
            params={"particles": "p.star", "directory": "relion", "pixel_size": 1.32,
                    "mask": "mask.mrc", "symmetry": "O", "ranks": 5,
                    "balance": True},
            gpus=(0, 3),
            argv=(
                *("cryosieve", "--reconstruct_software", "mpirun -n 5 relion_reconstruct_mpi"),
                *("--i", "p.star", "--o", "p_cryosieve", "--directory", "relion"),
                *("--angpix", "1.32"),
                *("--mask", "mask.mrc", "--sym", "O", "--num_iters", "10"),
                *("--frequency_start", "50.0", "--frequency_end", "3.0"),
                *("--retention_ratio", "0.8", "--balance", "--num_gpus", "2"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,3"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=("never run", "the GPU memory that it needs", "how it is asked for its version"),
)  # fmt: skip

CRYOSIEVE_CORE = Adapter(
    name="cryosieve_core",
    family="CryoSieve",
    title="CryoSieve core: sieve particles once, against two half maps",
    homepage=_HOMEPAGE,
    program=Program(executable="cryosieve-core", install="pip install cryosieve, and CuPy"),
    gpu=_GPU,
    command=Template(
        argv=(
            *("%(EXE)s", "--i", "%(particles)s", "--o", "%(out)s", "--directory", "%(directory)s"),
            *("--angpix", "%(pixel_size)s", "--volume", "%(half1)s", "--volume", "%(half2)s"),
            *("--mask", "%(mask)s", "--retention_ratio", "%(kept)s"),
            *("--frequency", "%(resolution)s", "--num_gpus", "%(GPU)s"),
        ),
        own_directory=True,
    ),
    params={
        "particles": _PARTICLES,
        "directory": _DIRECTORY,
        "pixel_size": _PIXEL_SIZE,
        "half1": Param(type="path", check="mrc", help="reconstruction of the first half"),
        "half2": Param(type="path", check="mrc", help="reconstruction of the second half"),
        "mask": Param(type="path", check="mrc", help="mask of the volume"),
        "resolution": Param(
            type="float", unit="Å", above=0, help="only what is finer than this is compared"
        ),
        "out": Param(
            type="path", output="%(particles.stem)s_kept.star", help="the particles that are kept"
        ),
        "kept": Param(
            type="float", default=0.8, above=0, max=1, help="part of the particles that is kept"
        ),
    },
    output=(
        Output(name="particles_dropped", path="%(out.base)s_sieved.star"),
        Output(name="log", path="%(out.base)s.log", made="cryosieve.log",
               match=r"Execute cryosieve-core successfully"),
    ),
    failure=_FAILURES,
    example=(
        Example(
            params={"particles": "CNG.star", "directory": "CNG", "pixel_size": 1.32,
                    "half1": "CNG_A.mrc", "half2": "CNG_B.mrc", "mask": "CNG_mask.mrc",
                    "resolution": 40},
            gpus=(1,),
            argv=(
                *("cryosieve-core", "--i", "CNG.star", "--o", "CNG_kept.star"),
                *("--directory", "CNG", "--angpix", "1.32", "--volume", "CNG_A.mrc"),
                *("--volume", "CNG_B.mrc", "--mask", "CNG_mask.mrc", "--retention_ratio", "0.8"),
                *("--frequency", "40.0", "--num_gpus", "1"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "1"},
        ),
        Example(
            params={"particles": "CNG.star", "directory": "CNG", "pixel_size": 1.32,
                    "half1": "CNG_A.mrc", "half2": "CNG_B.mrc", "mask": "CNG_mask.mrc",
                    "resolution": 40, "kept": 0.5},
            gpus=(0, 1, 2, 3),
            argv=(
                *("cryosieve-core", "--i", "CNG.star", "--o", "CNG_kept.star"),
                *("--directory", "CNG", "--angpix", "1.32", "--volume", "CNG_A.mrc"),
                *("--volume", "CNG_B.mrc", "--mask", "CNG_mask.mrc", "--retention_ratio", "0.5"),
                *("--frequency", "40.0", "--num_gpus", "4"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1,2,3"},
        ),
    ),
    licence=_LICENCE,
    citation=_CITATION,
    source=_SOURCE,
    unverified=("never run", "the GPU memory that it needs", "how it is asked for its version"),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer both commands."""
    return (CRYOSIEVE, CRYOSIEVE_CORE)
