"""MCore: M's refinement of a population, on GPUs.

It refines a population in place: its files are input and output at once. What a run that was
stopped leaves behind is M's affair, so nothing here is moved.
"""

from __future__ import annotations

from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Gpu,
    GpuUse,
    Group,
    Param,
    Program,
    Template,
    Version,
)

from .project import CITATION, HOMEPAGE, INSTALL, LICENCE, M_CITATION

__all__ = ["WARP_MCORE"]

_FLAGS = (
    ("--refine_particles", "refine_particles"),
    ("--refine_mag", "refine_magnification"),
    ("--refine_doming", "refine_doming"),
    ("--refine_stageangles", "refine_stage_angles"),
    ("--refine_tiltmovies", "refine_tilt_movies"),
    ("--ctf_defocus", "ctf_defocus"),
    ("--ctf_defocusexhaustive", "ctf_defocus_exhaustive"),
    ("--ctf_phase", "ctf_phase"),
    ("--ctf_cs", "ctf_cs"),
    ("--ctf_zernike3", "ctf_zernike3"),
    ("--ctf_zernike5", "ctf_zernike5"),
    ("--ctf_zernike2", "ctf_zernike2"),
    ("--ctf_zernike4", "ctf_zernike4"),
    ("--cpu_memory", "cpu_memory"),
)

_COMMAND = Template(
    argv=(
        "%(EXE)s",
        "--population", "%(population)s",
        # It would open a web server on one port, which a second run could not have.
        "--port", "-1",
        "--iter", "%(iterations)s",
        "--first_iteration_fraction", "%(first_iteration_fraction)s",
        "--min_particles", "%(min_particles)s",
        "--weight_threshold", "%(weight_threshold)s",
        Group(args=("--refine_imagewarp", "%(image_warp)s")),
        Group(args=("--refine_volumewarp", "%(volume_warp)s")),
        *(Group(when=name, args=(flag,)) for flag, name in _FLAGS),
        "--ctf_batch", "%(ctf_batch)s",
        "--ctf_minresolution", "%(ctf_min_resolution)s",
        # One word, where WarpTools has two.
        "--devicelist", "%(GPU)s",
    ),
)  # fmt: skip


def _flag(help_text: str, section: str) -> Param:
    return Param(type="bool", default=False, section=section, help=help_text)


_PARAMS = {
    "population": Param(
        type="path", item=True, suffix=(".population",),
        help="population to refine, in place: its species and data sources are written anew",
    ),
    "iterations": Param(
        type="int", default=3, min=0, max=1000, help="rounds; 0: maps only, from what is there"
    ),
    "first_iteration_fraction": Param(
        type="float", default=1.0, above=0, max=1,
        help="part of the resolution used in the first round",
    ),
    "min_particles": Param(
        type="int", default=1, min=1, max=1000000, help="leave out series with fewer particles"
    ),
    "weight_threshold": Param(
        type="float", default=0.05, above=0, max=1,
        help="each tilt is used to the resolution at which its weight is this",
    ),
    "cpu_memory": _flag("keep particle images in the machine's memory", "Memory"),
    "image_warp": Param(
        type="string", pattern=r"\d+x\d+", optional=True, section="Geometry",
        help="refine the warp of images on a grid: 1x1, 6x4",
    ),
    "volume_warp": Param(
        type="string", pattern=r"\d+x\d+x\d+x\d+", optional=True, section="Geometry",
        help="refine the warp of volumes on a grid, tilt series only: 4x6x1x41",
    ),
    "refine_particles": _flag("refine the poses of particles", "Geometry"),
    "refine_magnification": _flag("refine anisotropic magnification", "Geometry"),
    "refine_doming": _flag("refine doming, frame series only", "Geometry"),
    "refine_stage_angles": _flag("refine the angles of the stage, tilt series only", "Geometry"),
    "refine_tilt_movies": _flag("refine the motion of tilt movies", "Geometry"),
    "ctf_defocus": _flag("refine the defocus, near what is known", "CTF"),
    "ctf_defocus_exhaustive": Param(
        type="bool", default=False, needs=("ctf_defocus",), section="CTF",
        help="search the defocus on a grid in the first round",
    ),
    "ctf_phase": _flag("refine the phase shift of a phase plate", "CTF"),
    "ctf_cs": _flag("refine the spherical aberration, which stands for the pixel size", "CTF"),
    "ctf_zernike3": _flag("refine Zernike terms of order 3: beam tilt, trefoil", "CTF"),
    "ctf_zernike5": _flag("refine Zernike terms of order 5", "CTF"),
    "ctf_zernike2": _flag("refine Zernike terms of order 2, slow", "CTF"),
    "ctf_zernike4": _flag("refine Zernike terms of order 4, slow", "CTF"),
    "ctf_batch": Param(
        type="int", default=32, min=1, max=4096, section="Memory",
        help="particles in a batch of the CTF refinement: fewer need less memory",
    ),
    "ctf_min_resolution": Param(
        type="float", unit="Å", default=8.0, above=0, max=1000, section="CTF",
        help="refine the CTF with species of this resolution or better",
    ),
}  # fmt: skip

_FAILURES = (
    Failure(match=r"^ERROR\(S\):", class_=FailureClass.PROGRAM_FAULT, effect="fail",
            hint="this release does not know an option, and ends as if all were well"),
    Failure(match=r"Couldn't parse --refine_", class_=FailureClass.BAD_INPUT, effect="fail",
            hint="write a grid as 6x4, or 4x6x1x41; it is left out otherwise"),
    Failure(match=r"Population file not found", class_=FailureClass.BAD_INPUT),
    Failure(match=r"out of memory|cudaErrorMemoryAllocation", class_=FailureClass.OUT_OF_MEMORY,
            hint="lower `ctf_batch`, give `cpu_memory`, or use GPUs with more memory"),
    Failure(match=r"No devices found or specified|no CUDA-capable device|invalid device ordinal",
            class_=FailureClass.NO_DEVICE),
    Failure(match=r"illegal memory access|unspecified launch failure|uncorrectable ECC",
            class_=FailureClass.DEVICE_FAULT),
    Failure(match=r"^Task .* failed\.", class_=FailureClass.PROGRAM_FAULT, effect="warn",
            hint="a series was left out of the refinement; its log lies in the logs folder"),
    Failure(match=r"Something went wrong during refinement|All tasks failed to process",
            class_=FailureClass.PROGRAM_FAULT, effect="fail"),
)  # fmt: skip

WARP_MCORE = Adapter(
    name="warp_mcore",
    title="M's MCore: refine a population of particles and series on GPUs",
    family="Warp",
    homepage=HOMEPAGE,
    program=Program(
        executable="MCore",
        version=Version(args=("--version",), regex=r"MCore (\d+\.\d+\.\d+)"),
        install=INSTALL,
    ),
    gpu=Gpu(
        use=GpuUse.COMPULSORY,
        form="space",
        memory=12000,
        memory_note="12 GB should do; it grows with the species and the box",
    ),
    command=_COMMAND,
    params=_PARAMS,
    failure=_FAILURES,
    # Without it the run stopped at its options, or before its last step.
    success_match=r"Finishing refinement",
    example=(
        Example(
            params={"population": "m/10491.population", "iterations": 0},
            gpus=(0,),
            argv=(
                "MCore", "--population", "m/10491.population", "--port", "-1", "--iter", "0",
                "--first_iteration_fraction", "1.0", "--min_particles", "1",
                "--weight_threshold", "0.05", "--ctf_batch", "32",
                "--ctf_minresolution", "8.0", "--devicelist", "0",
            ),
        ),
        Example(
            params={"population": "m/10491.population", "image_warp": "6x4",
                    "refine_particles": True, "ctf_defocus": True,
                    "ctf_defocus_exhaustive": True},
            gpus=(1, 3),
            argv=(
                "MCore", "--population", "m/10491.population", "--port", "-1", "--iter", "3",
                "--first_iteration_fraction", "1.0", "--min_particles", "1",
                "--weight_threshold", "0.05", "--refine_imagewarp", "6x4",
                "--refine_particles", "--ctf_defocus", "--ctf_defocusexhaustive",
                "--ctf_batch", "32", "--ctf_minresolution", "8.0",
                "--devicelist", "1", "3",
            ),
        ),
    ),
    licence=LICENCE,
    citation=f"{M_CITATION}; {CITATION}",
    source="github.com/warpem/warp e321344: MCore/OptionsCLI.cs, MCore/MCore.cs, "
    "docs/reference/mtools/api/mcore.md, docs/user_guide/m/quick_start_m.md",
    unverified=(
        "nothing was run; CUDA's messages are CUDA's, not seen here",
        "workers on a GPU are left out: 2.0.0 calls them --perdevice_refine, later ones "
        "--perdevice",
        "whether `Finishing refinement` is printed with iterations = 0",
    ),
)  # fmt: skip
