"""RELION particle picking by references, on the CPU or on GPUs."""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Link,
    Param,
    Template,
)
from gpucore_adapters.relion_failures import GPU_IS_FULL, NO_GPU

from .micrographs import (
    CODES,
    COMMON,
    FAILURES,
    FILES,
    INPUT,
    LINKS,
    MICROGRAPH,
    OUTPUTS,
    PARAMS,
    PROGRAM,
)

__all__ = ["RELION_AUTOPICK"]

_REFERENCES = (("mrcs", (".mrcs", ".mrc")), ("star", (".star",)))

RELION_AUTOPICK = Adapter(
    name="relion_autopick",
    title="RELION relion_autopick: pick particles by references",
    family="RELION",
    homepage="https://relion.readthedocs.io",
    program=PROGRAM,
    # Unlike in relion_refine rank 0 works, and a rank uses the first GPU of its field. More ranks
    # than fields read beyond the list's end: the form repeats it.
    gpu=Gpu(use=GpuUse.OPTIONAL, form="colon", ranks="mpi", max=1, sharing="discouraged"),
    command=Template(
        argv=(
            Group(args=("mpirun", "-n", "%(mpi)s", "%(EXE)s_mpi"), when="mpi", at_least=2),
            Group(args=("%(EXE)s",), unless="mpi", at_least=2),
            *INPUT,
            *(
                Group(args=("--ref", f"references.{kind}"), when="references", suffix=suffix)
                for kind, suffix in _REFERENCES
            ),
            Group(args=("--ref", "gauss", "--gauss_max", "%(gauss_max)s"), unless="references"),
            Group(args=("--angpix_ref", "%(reference_pixel_size)s")),
            Group(args=("--particle_diameter", "%(particle_diameter)s")),
            Group(args=("--invert",), when="invert"),
            *("--ang", "%(angular_step)s", "--threshold", "%(threshold)s"),
            *("--shrink_particle_mask", "%(shrink_mask)s"),
            *COMMON,
            Group(args=("--gpu", "%(GPU)s"), when="gpu"),
        ),
        env={
            # See relion_class2d: Open MPI alone knows these.
            "OMPI_MCA_hwloc_base_binding_policy": "none",
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "PRTE_MCA_hwloc_default_binding_policy": "none",
            "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        },
        own_directory=True,
    ),
    params={
        **MICROGRAPH,
        "references": Param(
            type="path",
            optional=True,
            suffix=(".mrcs", ".mrc", ".star"),
            help="stack of class averages, or STAR file that names them by absolute paths; "
            "without references a Gaussian blob is looked for",
        ),
        "reference_pixel_size": Param(
            type="float",
            unit="Å",
            optional=True,
            min=0.01,
            help="of the references; as the micrograph's when not given",
        ),
        "particle_diameter": Param(
            type="float",
            unit="Å",
            optional=True,
            min=1,
            help="mask of the references, not above their box; RELION measures it when not given",
        ),
        "invert": Param(
            type="bool", default=True, help="references are bright and the micrograph's are dark"
        ),
        "angular_step": Param(
            type="float", unit="degrees", default=5.0, min=0.1, max=360, help="in-plane; 360: none"
        ),
        "threshold": Param(
            type="float",
            default=0.05,
            min=0,
            help="share of the best possible agreement; less picks more",
        ),
        "shrink_mask": Param(
            type="int", unit="pixels", default=2, min=0, help="make the mask so much smaller"
        ),
        "gauss_max": Param(
            type="float", default=0.1, min=0.0001, help="height of the Gaussian blob"
        ),
        **PARAMS,
        "mpi": Param(
            type="int",
            default=1,
            min=1,
            help="1: no MPI; else ranks, each on one GPU; one micrograph keeps one of them busy",
        ),
    },
    file=FILES,
    link=(
        *LINKS,
        *(
            Link(
                name=f"references.{kind}", target="%(references)s", when="references", suffix=suffix
            )
            for kind, suffix in _REFERENCES
        ),
    ),
    output=OUTPUTS,
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
            hint="make `shrink` smaller",
        ),
        Failure(
            match=NO_GPU,
            class_=FailureClass.NO_DEVICE,
        ),
        Failure(
            match=r"particle mask diameter is larger than the size of the box",
            class_=FailureClass.BAD_INPUT,
            hint="make `particle_diameter` smaller, or look at `reference_pixel_size`",
        ),
        Failure(
            match=r"mpirun has detected an attempt to run as root",
            class_=FailureClass.NOT_STARTED,
            hint="Open MPI does not run as root, unless OMPI_ALLOW_RUN_AS_ROOT=1 and "
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 are set",
        ),
        *FAILURES,
    ),
    success_codes=CODES,
    example=(
        Example(
            params={
                "micrograph": "m1.mrc",
                "pixel_size": 0.885,
                "references": "classes.mrcs",
                "reference_pixel_size": 3.54,
                "particle_diameter": 180,
                "lowpass": 20,
            },
            gpus=(3,),
            argv=(
                *("relion_autopick", "--i", "micrographs.star", "--odir", "out/"),
                *("--ref", "references.mrcs", "--angpix_ref", "3.54"),
                *("--particle_diameter", "180.0", "--invert", "--ang", "5.0"),
                *("--threshold", "0.05", "--shrink_particle_mask", "2"),
                *("--skip_side", "0", "--shrink", "1.0", "--outlier_removal_zscore", "8.0"),
                *("--lowpass", "20.0", "--gpu", "3"),
            ),
        ),
        Example(
            params={
                "micrograph": "m1.mrc",
                "pixel_size": 0.885,
                "references": "classes.mrcs",
                "mpi": 3,
            },
            gpus=(0, 1),
            argv=(
                *("mpirun", "-n", "3", "relion_autopick_mpi", "--i", "micrographs.star"),
                *("--odir", "out/", "--ref", "references.mrcs", "--invert", "--ang", "5.0"),
                *("--threshold", "0.05", "--shrink_particle_mask", "2"),
                *("--skip_side", "0", "--shrink", "1.0", "--outlier_removal_zscore", "8.0"),
                *("--gpu", "0:1:0"),
            ),
        ),
        Example(
            params={"micrograph": "100%@3:#.mrc", "pixel_size": 1.0, "particle_diameter": 150},
            argv=(
                *("relion_autopick", "--i", "micrographs.star", "--odir", "out/"),
                *("--ref", "gauss", "--gauss_max", "0.1", "--particle_diameter", "150.0"),
                *("--invert", "--ang", "5.0", "--threshold", "0.05"),
                *("--shrink_particle_mask", "2"),
                *("--skip_side", "0", "--shrink", "1.0", "--outlier_removal_zscore", "8.0"),
            ),
        ),
    ),
    licence="GPL-2.0",
    citation="Scheres, J. Struct. Biol. 189 (2015) 114-122, doi:10.1016/j.jsb.2014.11.010",
    source="RELION 3.1.3 of Debian 12, run on the CPU; 3dem/relion tag 3.1.3, src/autopicker.cpp, "
    "src/autopicker_mpi.cpp",
    unverified=(
        "never run on a GPU; the GPU messages are from the source",
        "correcting references for the CTF (--ctf) needs the micrograph's CTF, and is left out",
    ),
)
