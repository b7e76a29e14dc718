"""What RELION's ways to pick particles have in common: a micrograph under a neutral name.

RELION reads ``%``, ``@``, ``:`` and ``#`` in a file's name as syntax, so that each micrograph is
linked under a neutral name into a directory of its own.
"""

from __future__ import annotations

from gpucore.standard import (
    Failure,
    FailureClass,
    Group,
    InputFile,
    Link,
    Output,
    Param,
    Program,
    Version,
)
from gpucore_adapters.relion_failures import IMAGE_FAILURE, MEMORY_FAILURE

__all__ = [
    "CODES",
    "COMMON",
    "FAILURES",
    "FILES",
    "INPUT",
    "LINKS",
    "MICROGRAPH",
    "OUTPUTS",
    "PARAMS",
    "PROGRAM",
]

# The blank line after each table is part of the format.
_MICROGRAPHS = """\

# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographOriginalPixelSize #3
_rlnMicrographPixelSize #4
_rlnVoltage #5
_rlnSphericalAberration #6
_rlnAmplitudeContrast #7
opticsGroup1 1 %(pixel_size)s %(pixel_size)s 300.0 2.7 0.1


# version 30001

data_micrographs

loop_
_rlnMicrographName #1
_rlnOpticsGroup #2
micrograph.mrc 1

"""

FILES = (InputFile(name="micrographs.star", text=_MICROGRAPHS),)
LINKS = (Link(name="micrograph.mrc", target="%(micrograph)s"),)

PROGRAM = Program(
    executable="relion_autopick",
    version=Version(args=("--version",), regex=r"RELION version:\s*(\d+\.\d+(?:\.\d+)?)"),
    install="apt install relion (without CUDA), or https://relion.readthedocs.io",
)

# The slash after `out` is needed: without it, names begin with `out`.
INPUT = ("--i", "micrographs.star", "--odir", "out/")

COMMON: tuple[str | Group, ...] = (
    Group(args=("--min_distance", "%(min_distance)s")),
    Group(args=("--max_stddev_noise", "%(max_noise)s")),
    Group(args=("--min_avg_noise", "%(min_noise_average)s")),
    *("--skip_side", "%(edge)s", "--shrink", "%(shrink)s"),
    *("--outlier_removal_zscore", "%(outlier_z)s"),
    Group(args=("--lowpass", "%(lowpass)s")),
    Group(args=("--highpass", "%(highpass)s")),
    Group(args=("--skip_optimise_scale",), when="exact_scale"),
)

MICROGRAPH = {
    "micrograph": Param(type="path", item=True, check="mrc", help="micrograph to pick from, MRC"),
    "picks": Param(
        type="path",
        output="%(micrograph.stem)s_autopick.star",
        # RELION must have made it, or there is nothing to move; but it may be empty.
        check="any",
        help="STAR file of the particles' centres in pixels; empty when there are none",
    ),
    "pixel_size": Param(type="float", unit="Å", min=0.01, help="of the micrograph"),
}

PARAMS = {
    "min_distance": Param(
        type="float",
        unit="Å",
        optional=True,
        min=0,
        help="between two particles; half the box when not given",
    ),
    "max_noise": Param(
        type="float", optional=True, min=0, help="leave out areas whose noise is above this"
    ),
    "min_noise_average": Param(
        type="float", optional=True, help="leave out areas darker than this on average"
    ),
    "edge": Param(type="int", unit="pixels", default=0, min=0, help="further distance to the edge"),
    "shrink": Param(
        type="float", default=1.0, min=0, max=1, help="work at this scale; less is faster"
    ),
    "outlier_z": Param(
        type="float",
        unit="standard deviations",
        default=8.0,
        min=0.1,
        help="pixels beyond this are taken for outliers",
    ),
    "lowpass": Param(type="float", unit="Å", optional=True, min=0.1, help="filter the references"),
    "highpass": Param(type="float", unit="Å", optional=True, min=0.1, help="filter the micrograph"),
    "exact_scale": Param(
        type="bool", default=False, help="keep the micrograph's size, even where FFTs are slow"
    ),
}

OUTPUTS = (Output(name="picks", made="out/micrograph_autopick.star"),)

# When it picked nothing RELION 3.1 writes its files and then dies in drawing an empty plot:
# SIGABRT in Debian's build, 134 when mpirun or a shell stands between. Every other end by that
# signal leaves no picks, and so is seen.
CODES = (0, -6, 134)

FAILURES = (
    Failure(
        match=r"Total number of particles from \d+ micrographs is 0\b",
        class_=FailureClass.BAD_INPUT,
        hint="no particle was found: an empty micrograph, or a threshold that is too high",
        effect="warn",
    ),
    Failure(
        match=r"Cannot read file .* It does not exist",
        class_=FailureClass.BAD_INPUT,
        hint="a STAR file of references must name them by absolute paths",
    ),
    IMAGE_FAILURE,
    MEMORY_FAILURE,
    Failure(
        match=r"Option .*\sis not a valid RELION argument",
        class_=FailureClass.PROGRAM_FAULT,
        hint="this release of RELION does not know the option and went on without it",
        effect="warn",
    ),
)
