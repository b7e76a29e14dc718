"""RELION 2D classification: one process, or MPI ranks of which the first only leads.

Run it from the RELION project's folder: the images named in the STAR file are looked for from the
working directory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

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
    Version,
)
from gpucore_adapters.relion_failures import GPU_IS_FULL, MEMORY_FAILURE, NO_GPU, PARTICLE_FAILURES

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RELION_CLASS2D", "gpucore_adapters"]

# Open MPI alone knows these; as variables they harm no other MPI. Its default binds the ranks of
# every mpirun to the same first cores of the machine, and refuses more ranks than cores, although
# the first rank only leads. The last two are their names from Open MPI 5 on.
_MPI = {
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_hwloc_default_binding_policy": "none",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}

_FLAGS = (
    ("--ctf", "ctf"),
    ("--ctf_intact_first_peak", "ignore_ctf_until_first_peak"),
    ("--ctf_phase_flipped", "phase_flipped"),
    ("--zero_mask", "zero_mask"),
    ("--flatten_solvent", "flatten_solvent"),
    ("--skip_align", "skip_align"),
    ("--norm", "norm"),
    ("--scale", "scale"),
    ("--firstiter_cc", "first_iteration_cc"),
    ("--preread_images", "preread"),
    ("--no_parallel_disc_io", "no_parallel_io"),
    ("--dont_combine_weights_via_disc", "combine_in_memory"),
)

_LAST = 999


def _of_last_iteration(name: str, ending: str, *, check: Literal["file", "mrc"] = "file") -> Output:
    """Return an output of the last iteration, whose number RELION writes in three digits."""
    return Output(name=name, path=f"%(out)s_it%(iterations)03d_{ending}", check=check)


RELION_CLASS2D = Adapter(
    name="relion_class2d",
    title="RELION relion_refine: classify particles in two dimensions",
    family="RELION",
    homepage="https://relion.readthedocs.io",
    program=Program(
        executable="relion_refine",
        version=Version(args=("--version",), regex=r"RELION version:\s*(\d+\.\d+(?:\.\d+)?)"),
        install="apt install relion (without CUDA), or https://relion.readthedocs.io",
    ),
    gpu=Gpu(use=GpuUse.OPTIONAL, form="colon", ranks="mpi", leader=True, sharing="discouraged"),
    command=Template(
        argv=(
            Group(args=("mpirun", "-n", "%(mpi)s", "%(EXE)s_mpi"), when="mpi", at_least=2),
            Group(args=("%(EXE)s",), unless="mpi", at_least=2),
            *("--i", "%(particles)s", "--o", "%(out)s", "--K", "%(classes)s"),
            *("--iter", "%(iterations)s", "--tau2_fudge", "%(regularisation)s"),
            *("--particle_diameter", "%(particle_diameter)s", "--psi_step", "%(psi_step)s"),
            *("--offset_range", "%(offset_range)s", "--offset_step", "%(offset_step)s"),
            *("--oversampling", "%(oversampling)s", "--pool", "%(pool)s", "--pad", "%(padding)s"),
            *(Group(args=(flag,), when=name) for flag, name in _FLAGS),
            Group(args=("--strict_highres_exp", "%(resolution_limit)s")),
            Group(args=("--ref", "%(reference)s")),
            Group(args=("--maxsig", "%(max_significant)s")),
            Group(
                args=(
                    *("--scratch_dir", "%(scratch)s"),
                    *("--keep_free_scratch", "%(scratch_keep_free)s"),
                ),
                when="scratch",
            ),
            Group(args=("--random_seed", "%(seed)s")),
            *("--j", "%(threads)s"),
            # Without a list RELION would take every GPU that it sees.
            Group(
                args=("--gpu", "%(GPU)s", "--free_gpu_memory", "%(free_gpu_memory)s"),
                when="gpu",
            ),
        ),
        env=_MPI,
        in_place=True,  # its STAR files name each other, and --continue goes on from them
    ),
    params={
        "particles": Param(
            type="path",
            item=True,
            help="STAR file of particles and their optics; its images lie below the working folder",
        ),
        "out": Param(
            type="path",
            output="%(particles.stem)s_class2d/run",
            check="any",
            help="folder and first part of the names of all outputs",
        ),
        "particle_diameter": Param(
            type="float", unit="Å", min=1, help="diameter of the round mask around a particle"
        ),
        "classes": Param(type="int", default=50, min=1, help="number of class averages"),
        "iterations": Param(type="int", default=25, min=1, max=_LAST, help="rounds of refinement"),
        "regularisation": Param(
            type="float", default=2.0, min=0.01, help="T: more shows finer detail, and more noise"
        ),
        "ctf": Param(
            type="bool", default=True, help="correct for the CTF; the STAR file must have it"
        ),
        "ignore_ctf_until_first_peak": Param(
            type="bool", default=False, help="leave low frequencies as they are"
        ),
        "phase_flipped": Param(
            type="bool", default=False, help="the images are phase-flipped already"
        ),
        "zero_mask": Param(
            type="bool", default=True, help="fill outside the mask with zeros; false: with noise"
        ),
        "flatten_solvent": Param(type="bool", default=True, help="mask the averages too"),
        "resolution_limit": Param(
            type="float", unit="Å", optional=True, min=0.1, help="use no finer frequency than this"
        ),
        "psi_step": Param(
            type="float",
            unit="degrees",
            default=12.0,
            min=0.1,
            max=360,
            help="in-plane step, before oversampling",
        ),
        "offset_range": Param(
            type="float", unit="pixels", default=5.0, min=0, help="how far to search for shifts"
        ),
        "offset_step": Param(
            type="float",
            unit="pixels",
            default=2.0,
            min=0.1,
            help="step of the shifts, before oversampling",
        ),
        "oversampling": Param(
            type="int", default=1, min=0, max=4, help="halvings of the steps in the second pass"
        ),
        "skip_align": Param(
            type="bool", default=False, help="only classify; works on the CPU: use_gpu = false"
        ),
        "norm": Param(type="bool", default=True, help="correct the images' normalisation"),
        "scale": Param(type="bool", default=True, help="correct the scale of groups"),
        "first_iteration_cc": Param(
            type="bool", default=False, help="compare by cross-correlation in the first round"
        ),
        "reference": Param(type="path", optional=True, help="averages to start from"),
        "max_significant": Param(
            type="int", optional=True, min=1, help="poses kept for each particle at most"
        ),
        "pool": Param(
            type="int", unit="particles", default=3, min=1, help="handed to a thread at once"
        ),
        "padding": Param(type="int", default=2, min=1, max=2, help="padding of transforms"),
        "mpi": Param(
            type="int",
            default=1,
            min=1,
            help="1: no MPI; else ranks, the first leads: k GPUs are used by k + 1 ranks",
        ),
        "threads": Param(
            type="int",
            default=1,
            min=1,
            help="CPU threads of each process; without MPI, k GPUs are used by k threads or more",
        ),
        "preread": Param(type="bool", default=False, help="read all images into memory first"),
        "scratch": Param(
            type="path",
            optional=True,
            check="directory",
            help="local folder that images are copied to first",
        ),
        "scratch_keep_free": Param(
            type="int", unit="GB", default=10, min=0, help="space to leave free there"
        ),
        "no_parallel_io": Param(
            type="bool", default=False, help="only one rank reads; for slow network disks"
        ),
        "combine_in_memory": Param(
            type="bool", default=True, help="sum over ranks by MPI; false: by files"
        ),
        "free_gpu_memory": Param(
            type="int", unit="MB", default=0, min=0, help="memory to leave free on each GPU"
        ),
        "seed": Param(
            type="int",
            optional=True,
            min=0,
            help="of random numbers: the same gives the same result; the clock's when not given",
        ),
    },
    output=(
        _of_last_iteration("classes", "classes.mrcs", check="mrc"),
        _of_last_iteration("particles_out", "data.star"),
        _of_last_iteration("model", "model.star"),
        _of_last_iteration("optimiser", "optimiser.star"),
    ),
    failure=(
        Failure(
            match=r"compiled without CUDA .*you do NOT have support for GPUs",
            class_=FailureClass.CPU_FALLBACK,
            hint="it ran on the CPU while it held a GPU: install a RELION with CUDA, or say "
            "use_gpu = false",
            effect="warn",
        ),
        Failure(
            match=GPU_IS_FULL,
            class_=FailureClass.OUT_OF_MEMORY,
            hint="fewer ranks on each GPU, fewer classes, or smaller images",
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
            match=r"MetaDataTable::read: File .* does not exist|Cannot read file .* does not exist",
            class_=FailureClass.BAD_INPUT,
            hint="RELION looks for images from the working folder: start in the project's folder",
        ),
        Failure(match=r"output directory does not exist", class_=FailureClass.BAD_INPUT),
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
        Failure(match=r"exiting with an abort", class_=FailureClass.INTERRUPTED),
        MEMORY_FAILURE,
        *PARTICLE_FAILURES,
        Failure(
            match=r"Option .*\sis not a valid RELION argument",
            class_=FailureClass.PROGRAM_FAULT,
            hint="this release of RELION does not know the option and went on without it",
            effect="warn",
        ),
    ),
    example=(
        Example(
            params={"particles": "particles.star", "particle_diameter": 180, "seed": 1},
            gpus=(3,),
            argv=(
                *("relion_refine", "--i", "particles.star", "--o", "particles_class2d/run"),
                *("--K", "50", "--iter", "25", "--tau2_fudge", "2.0"),
                *("--particle_diameter", "180.0", "--psi_step", "12.0"),
                *("--offset_range", "5.0", "--offset_step", "2.0", "--oversampling", "1"),
                *("--pool", "3", "--pad", "2", "--ctf", "--zero_mask", "--flatten_solvent"),
                *("--norm", "--scale", "--dont_combine_weights_via_disc"),
                *("--random_seed", "1", "--j", "1", "--gpu", "3", "--free_gpu_memory", "0"),
            ),
        ),
        Example(
            params={
                "particles": "particles.star",
                "particle_diameter": 180,
                "iterations": 40,
                "mpi": 3,
                "threads": 2,
            },
            gpus=(0, 1),
            argv=(
                *("mpirun", "-n", "3", "relion_refine_mpi", "--i", "particles.star"),
                *("--o", "particles_class2d/run", "--K", "50", "--iter", "40"),
                *("--tau2_fudge", "2.0", "--particle_diameter", "180.0", "--psi_step", "12.0"),
                *("--offset_range", "5.0", "--offset_step", "2.0", "--oversampling", "1"),
                *("--pool", "3", "--pad", "2", "--ctf", "--zero_mask", "--flatten_solvent"),
                *("--norm", "--scale", "--dont_combine_weights_via_disc"),
                *("--j", "2", "--gpu", "0:1", "--free_gpu_memory", "0"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **_MPI},
        ),
        Example(
            params={
                "particles": "particles.star",
                "out": "Class2D/job008/run",
                "particle_diameter": 110,
                "classes": 2,
                "ctf": False,
                "resolution_limit": 8,
                "scratch": "/scratch",
            },
            argv=(
                *("relion_refine", "--i", "particles.star", "--o", "Class2D/job008/run"),
                *("--K", "2", "--iter", "25", "--tau2_fudge", "2.0"),
                *("--particle_diameter", "110.0", "--psi_step", "12.0"),
                *("--offset_range", "5.0", "--offset_step", "2.0", "--oversampling", "1"),
                *("--pool", "3", "--pad", "2", "--zero_mask", "--flatten_solvent"),
                *("--norm", "--scale", "--dont_combine_weights_via_disc"),
                *("--strict_highres_exp", "8.0"),
                *("--scratch_dir", "/scratch", "--keep_free_scratch", "10", "--j", "1"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "", **_MPI},
        ),
    ),
    licence="GPL-2.0",
    citation="Scheres, J. Struct. Biol. 180 (2012) 519-530, doi:10.1016/j.jsb.2012.09.006; "
    "on GPUs: Kimanius et al., eLife 5 (2016) e18722, doi:10.7554/eLife.18722",
    source="RELION 3.1.3 of Debian 12, run on the CPU; 3dem/relion tags 3.1.3 and 5.0.1, "
    "src/ml_optimiser.cpp, src/ml_optimiser_mpi.cpp, src/args.cpp",
    unverified=(
        "never run on a GPU; the GPU messages are from the source",
        "the variables for Open MPI 5 were not tried",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the adapter."""
    return (RELION_CLASS2D,)
