"""The program that RELION's refinements share: its ranks, its GPUs, and what its messages mean."""

from __future__ import annotations

from dataclasses import replace

from gpucore.standard import Failure, FailureClass, Gpu, GpuUse, Group, Program, Version
from gpucore_adapters.relion_failures import (
    GPU_IS_FULL,
    MEMORY_FAILURE,
    NO_GPU,
    PARTICLE_FAILURES,
    REFERENCE_FAILURES,
)

__all__ = [
    "CITATION",
    "FAILURES",
    "GPU",
    "GPU_ALONE",
    "GPU_ARGV",
    "HOMEPAGE",
    "LICENCE",
    "MPI_ENV",
    "MPI_FAILURES",
    "MPI_OR_NOT",
    "MPI_RANKS",
    "PROGRAM",
    "REFINE_FAILURES",
    "SOURCE",
    "UNVERIFIED",
]

PROGRAM = Program(
    executable="relion_refine",
    version=Version(args=("--version",), regex=r"RELION version:\s*(\d+\.\d+(?:\.\d+)?)"),
    install="apt install relion (3.1, without CUDA), or https://relion.readthedocs.io",
)

HOMEPAGE = "https://relion.readthedocs.io"
LICENCE = "GPL-2.0"
CITATION = "on GPUs: Kimanius et al., eLife 5 (2016) e18722, doi:10.7554/eLife.18722"
SOURCE = (
    "3dem/relion tags 3.1.3 and 5.0.1, src/ml_optimiser.cpp, src/ml_optimiser_mpi.cpp, "
    "src/ml_model.cpp, src/pipeline_jobs.cpp, src/error.h"
)
UNVERIFIED = (
    "never run on a GPU; the GPU messages are from the source",
    "the variables for Open MPI 5 were not tried",
)

GPU = Gpu(
    use=GpuUse.OPTIONAL,
    form="colon",
    ranks="mpi",
    leader=True,
    sharing="discouraged",
    memory_note="roughly 11 GB for each rank at a box of 500 pixels, and as the cube of the box",
)
"""A field of the list belongs to a rank that computes: the first rank only leads and has none."""

GPU_ALONE = replace(GPU, form="comma", ranks="", leader=False)
"""One process alone: its threads are spread over the list."""

# Without a list RELION would take every GPU that it sees.
GPU_ARGV = (
    Group(args=("--gpu", "%(GPU)s", "--free_gpu_memory", "%(free_gpu_memory)s"), when="gpu"),
)

MPI_OR_NOT: tuple[Group, ...] = (
    Group(args=("mpirun", "-n", "%(mpi)s", "%(EXE)s_mpi"), when="mpi", at_least=2),
    Group(args=("%(EXE)s",), unless="mpi", at_least=2),
)

MPI_RANKS = ("mpirun", "-n", "%(mpi)s", "%(EXE)s_mpi")
"""For what a single process cannot do."""

# Open MPI alone knows these; as variables they harm no other MPI. Its default binds the ranks of
# every mpirun to the same first cores of the machine, and refuses more ranks than cores, although
# the first rank only leads. The last two are their names from Open MPI 5 on.
MPI_ENV = {
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_hwloc_default_binding_policy": "none",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}

MPI_FAILURES = (
    Failure(
        match=r"at least 3 MPI processes are required when splitting data"
        r"|MPI processes must be an odd number|Cannot split data into random halves without",
        class_=FailureClass.BAD_INPUT,
        hint="`mpi` must be odd here, and 3 at least: a leader, and as many ranks for each half",
    ),
    Failure(
        match=r"mpirun has detected an attempt to run as root",
        class_=FailureClass.NOT_STARTED,
        hint="Open MPI does not run as root, unless OMPI_ALLOW_RUN_AS_ROOT=1 and "
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 are set",
    ),
    Failure(
        match=r"There are not enough slots available in the system",
        class_=FailureClass.LIMIT,
        hint="fewer ranks (`mpi`), or a batch job with more",
    ),
)

# Options without which the run is not what was asked for, and which a release may not know: it
# warns of them and goes on.
_NEEDED = r"--(?:grad|sgd|denovo_3dref|ios|blush|auto_sampling|multibody_masks)"

FAILURES = (
    Failure(
        match=rf"Option {_NEEDED}\sis not a valid RELION argument",
        class_=FailureClass.PROGRAM_FAULT,
        hint="this release of RELION does not have it (RELION 3.1: --sgd; 4 and 5: --grad, --ios; "
        "5: --blush) and would do something else",
        effect="fail",
    ),
    Failure(
        match=r"compiled without CUDA .*you do NOT have support for GPUs",
        class_=FailureClass.CPU_FALLBACK,
        hint="it ran on the CPU while it held a GPU: install a RELION with CUDA, or say "
        "use_gpu = false",
        effect="warn",
    ),
    Failure(
        match=r"cannot use accelerators \(like the GPU\) when skipping alignments",
        class_=FailureClass.CPU_FALLBACK,
        hint="it ran on the CPU while it held a GPU: say use_gpu = false with `skip_align`",
        effect="warn",
        when="gpu",
    ),
    Failure(
        match=r"GPU usage requested, but RELION was compiled without",
        class_=FailureClass.NO_DEVICE,
        hint="install a RELION with CUDA, or say use_gpu = false",
    ),
    Failure(
        match=GPU_IS_FULL,
        class_=FailureClass.OUT_OF_MEMORY,
        hint="fewer ranks on each GPU, a smaller box, or a limit in `max_significant`",
    ),
    Failure(
        match=NO_GPU,
        class_=FailureClass.NO_DEVICE,
    ),
    Failure(
        match=r"you cannot use accelerators when skipping alignments",
        class_=FailureClass.BAD_INPUT,
        hint="say use_gpu = false with `skip_align`",
    ),
    Failure(match=r"A GPU-function failed to execute", class_=FailureClass.DEVICE_FAULT),
    Failure(
        match=r"have not been normalised to an average background",
        class_=FailureClass.BAD_INPUT,
        hint="normalise the particles (relion_preprocess), or their stack is cut off",
    ),
    Failure(
        match=r"solvent mask should contain values between 0 and 1 only"
        r"|solvent mask is of incorrect size",
        class_=FailureClass.BAD_INPUT,
        hint="make the mask with relion_mask_create, in the box of the reference",
    ),
    Failure(
        match=r"MetaDataTable::read: File .* does not exist|Cannot read file .* does not exist",
        class_=FailureClass.BAD_INPUT,
        hint="RELION looks for images from the working folder: start in the project's folder",
    ),
    Failure(match=r"output directory does not exist", class_=FailureClass.BAD_INPUT),
    *MPI_FAILURES,
    Failure(match=r"exiting with an abort", class_=FailureClass.INTERRUPTED),
    MEMORY_FAILURE,
    *REFERENCE_FAILURES,
    *PARTICLE_FAILURES,
    Failure(
        match=r"Option .*\sis not a valid RELION argument",
        class_=FailureClass.PROGRAM_FAULT,
        hint="this release of RELION does not know the option and went on without it",
        effect="warn",
    ),
)

REFINE_FAILURES = (
    Failure(
        match=r"angular accuracy is worse than 10 degrees",
        class_=FailureClass.BAD_INPUT,
        hint="its particles could hardly be aligned: do not trust the resolution, RELION says",
        effect="warn",
    ),
    *FAILURES,
)
"""Those of auto-refinements."""
