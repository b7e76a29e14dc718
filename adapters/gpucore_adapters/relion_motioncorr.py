"""RELION's motion correction by its own implementation, on the CPU.

What it has in common with RELION's use of MotionCor2 is taken from here by
`gpucore_adapters.relion_motioncorr_gpu`. They are two adapters because they are two algorithms with
parameters of their own: which of them runs must be what the user asked for, and never what the
machine happens to have.

RELION reads ``%``, ``@``, ``:`` and ``#`` in a file's name as syntax and hands names to a shell, so
that each movie is linked under a neutral name into a directory of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.plugins import hookimpl
from gpucore.standard import (
    Adapter,
    Example,
    Failure,
    FailureClass,
    Group,
    InputFile,
    Link,
    Output,
    Param,
    Program,
    Template,
    Version,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "COMMON",
    "FAILURES",
    "FILES",
    "INPUT",
    "LINKS",
    "OUTPUTS",
    "PARAMS",
    "PROGRAM",
    "RELION_MOTIONCORR",
    "gpucore_adapters",
]

# The blank line after each table is part of the format. Pixel size and voltage given as options
# are ignored when there is such a file.
_MOVIES = """\

# version 30001

data_optics

loop_
_rlnOpticsGroupName #1
_rlnOpticsGroup #2
_rlnMicrographOriginalPixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
opticsGroup1 1 %(pixel_size)s %(voltage)s %(cs)s %(amplitude_contrast)s


# version 30001

data_movies

loop_
_rlnMicrographMovieName #1
_rlnOpticsGroup #2
{name} 1

"""

_TIFF = (".tif", ".tiff")
_EER = (".eer",)

# The kind of a movie decides its neutral name: all are made, and the command reads one.
FILES = tuple(
    InputFile(name=f"{kind}.star", text=_MOVIES.format(name=f"movie.{kind}"))
    for kind in ("mrcs", "tif", "eer")
)
LINKS = tuple(Link(name=f"movie.{kind}", target="%(movie)s") for kind in ("mrcs", "tif", "eer"))

INPUT: tuple[str | Group, ...] = (
    Group(args=("--i", "mrcs.star"), unless="movie", suffix=(*_TIFF, *_EER)),
    Group(args=("--i", "tif.star"), when="movie", suffix=_TIFF),
    Group(
        args=(
            *("--i", "eer.star", "--eer_grouping", "%(eer_grouping)s"),
            *("--eer_upsampling", "%(eer_upsampling)s"),
        ),
        when="movie",
        suffix=_EER,
    ),
)

COMMON: tuple[str | Group, ...] = (
    *("--bin_factor", "%(bin)s", "--bfactor", "%(b_factor)s"),
    *("--patch_x", "%(patch_x)s", "--patch_y", "%(patch_y)s"),
    *("--group_frames", "%(group)s", "--first_frame_sum", "%(first_frame)s"),
    Group(args=("--last_frame_sum", "%(last_frame)s")),
    Group(
        args=(
            *("--gainref", "%(gain)s", "--gain_rot", "%(gain_rotation)s"),
            *("--gain_flip", "%(gain_flip)s"),
        )
    ),
    Group(args=("--defect_file", "%(defects)s")),
    *("--preexposure", "%(pre_exposure)s"),
    Group(args=("--dose_weighting", "--dose_per_frame", "%(dose_per_frame)s")),
    Group(args=("--save_noDW",), when="dose_per_frame", unless="weighted_only"),
)

PARAMS = {
    "movie": Param(type="path", item=True, help="movie to align: MRC, TIFF or EER"),
    "out": Param(
        type="path",
        output="%(movie.stem)s_aligned.mrc",
        check="mrc",
        help="aligned sum; weighted by dose when dose_per_frame is given",
    ),
    "pixel_size": Param(
        type="float", unit="Å", min=0.01, help="size of a pixel of the movie as recorded"
    ),
    "voltage": Param(type="float", unit="kV", default=300.0, min=1, help="acceleration voltage"),
    "cs": Param(
        type="float",
        unit="mm",
        default=2.7,
        min=0,
        help="spherical aberration; RELION asks for it, the alignment does not use it",
    ),
    "amplitude_contrast": Param(
        type="float", default=0.1, min=0, max=1, help="as cs: asked for, not used"
    ),
    "bin": Param(type="float", default=1.0, min=1, help="Fourier binning; size / bin must be even"),
    "b_factor": Param(
        type="float",
        unit="pixels²",
        default=150.0,
        min=0,
        help="how strongly high frequencies are damped while aligning",
    ),
    "patch_x": Param(
        type="int", default=1, min=1, help="patches across for local motion; below 3 there is none"
    ),
    "patch_y": Param(
        type="int", default=1, min=1, help="patches down for local motion; below 3 there is none"
    ),
    "group": Param(
        type="int",
        unit="frames",
        default=1,
        min=1,
        help="frames averaged before alignment; at least 3 groups must be left",
    ),
    "first_frame": Param(type="int", default=1, min=1, help="first frame of the sum, from 1"),
    "last_frame": Param(
        type="int", optional=True, min=1, help="last frame of the sum; all when not given"
    ),
    "gain": Param(
        type="path", optional=True, help="gain reference, MRC or TIFF, as large as a frame"
    ),
    "gain_rotation": Param(
        type="int",
        unit="quarter turns",
        default=0,
        min=0,
        max=3,
        help="turn the gain reference, counted as RELION does",
    ),
    "gain_flip": Param(
        type="int",
        default=0,
        min=0,
        max=2,
        help="mirror the gain after turning: 0 no, 1 upside down, 2 left to right",
    ),
    "defects": Param(
        type="path", optional=True, help="bad areas of the detector: text (x y w h) or a map"
    ),
    "dose_per_frame": Param(
        type="float",
        unit="e⁻/Å²",
        optional=True,
        min=0.0001,
        help="dose of one frame (of one EER fraction); given, the sum is weighted by dose",
    ),
    "pre_exposure": Param(
        type="float", unit="e⁻/Å²", default=0.0, min=0, help="dose before the first frame"
    ),
    "weighted_only": Param(
        type="bool", default=True, help="false: keep the unweighted sum beside the weighted one"
    ),
    "eer_grouping": Param(
        type="int", unit="frames", default=40, min=1, help="EER: recorded frames per fraction"
    ),
    "eer_upsampling": Param(type="int", default=1, min=1, max=2, help="EER: 1 renders 4K, 2 8K"),
}

OUTPUTS = (
    Output(name="out", made="out/movie.mrc"),
    Output(name="shifts", path="%(out.base)s_shifts.star", made="out/movie.star"),
    Output(
        name="unweighted",
        path="%(out.base)s_noDW.mrc",
        made="out/movie_noDW.mrc",
        check="mrc",
        when="dose_per_frame",
        unless="weighted_only",
    ),
)

FAILURES = (
    Failure(
        match=r"TIFFReadDirectory: Failed to read directory|TIFFFillStrip: Read error",
        class_=FailureClass.BAD_INPUT,
        hint="the TIFF movie is cut off: copy it again",
        # Exit code 0 and a micrograph from the frames that were left.
        effect="fail",
    ),
    Failure(
        match=r"too few frames \(\d+ < \d+\)",
        class_=FailureClass.BAD_INPUT,
        hint="the movie is cut off, is a single image, or `group` is too large for it",
    ),
    Failure(
        match=r"do(es)? not support half-precision",
        class_=FailureClass.BAD_INPUT,
        hint="RELION 3.1 cannot read MRC mode 12: convert the movie to mode 2, or take RELION 4",
    ),
    Failure(
        match=r"size of the image and the size of the gain reference do not match",
        class_=FailureClass.BAD_INPUT,
        hint="look at `gain`, `gain_rotation` and `eer_upsampling`",
    ),
    Failure(
        match=r"Patch size must be even|dimensions of the image after binning must be even",
        class_=FailureClass.BAD_INPUT,
        hint="choose `bin` and patches so that sizes stay even",
    ),
    Failure(
        match=r"Can not read scanlines from a tiled image",
        class_=FailureClass.BAD_INPUT,
        hint="RELION reads TIFF in strips only: convert it (tiffcp -s)",
    ),
    Failure(
        match=r"exceeds stack size|Invalid Spider file|error in reading header of image"
        r"|bad magic number|Cannot read TIFF header|Image::openFile cannot open: movie",
        class_=FailureClass.BAD_INPUT,
        hint="the movie is none that RELION can read",
    ),
    Failure(
        match=r"Cannot read file .* It does not exist",
        class_=FailureClass.BAD_INPUT,
        hint="a gain or defect file whose name holds %, @, : or # must be linked under another",
    ),
    Failure(
        match=r"MicrographModel::read: insufficient general information",
        class_=FailureClass.DISK_FULL,
        hint="most often a full disk",
    ),
    Failure(match=r"Error in askMemory|std::bad_alloc", class_=FailureClass.HOST_MEMORY),
    Failure(
        match=r"Option .* is not a valid RELION argument",
        class_=FailureClass.PROGRAM_FAULT,
        hint="this release of RELION does not know the option and went on without it",
        effect="warn",
    ),
)

PROGRAM = Program(
    executable="relion_run_motioncorr",
    version=Version(args=("--version",), regex=r"RELION version:\s*(\d+\.\d+(?:\.\d+)?)"),
    install="apt install relion, or https://relion.readthedocs.io",
)

RELION_MOTIONCORR = Adapter(
    name="relion_motioncorr",
    title="RELION motion correction, its own implementation (CPU): align movie frames",
    program=PROGRAM,
    command=Template(
        argv=(
            "%(EXE)s",
            *INPUT,
            *("--o", "out/", "--use_own", "--j", "%(threads)s"),
            *COMMON,
            *("--max_iter", "%(iterations)s"),
            Group(args=("--ccf_downsample", "%(ccf_downsample)s")),
            Group(args=("--skip_defect",), when="skip_hot_pixels"),
            Group(args=("--no_early_binning",), when="late_binning"),
            Group(
                args=(
                    *("--grouping_for_ps", "%(power_spectrum_group)s"),
                    *("--ps_size", "%(power_spectrum_size)s"),
                ),
                when="power_spectrum_group",
            ),
        ),
        own_directory=True,
    ),
    params={
        **PARAMS,
        "threads": Param(type="int", default=1, min=1, help="CPU threads for one movie"),
        "iterations": Param(type="int", default=5, min=1, help="rounds of alignment at most"),
        "ccf_downsample": Param(
            type="float",
            optional=True,
            min=0,
            max=1,
            help="scale of the cross-correlation; RELION chooses when not given",
        ),
        "skip_hot_pixels": Param(type="bool", default=False, help="do not look for hot pixels"),
        "late_binning": Param(
            type="bool", default=False, help="bin after aligning; takes more memory"
        ),
        "power_spectrum_group": Param(
            type="int",
            unit="frames",
            optional=True,
            min=1,
            help="write a power spectrum too, from sums of so many frames",
        ),
        "power_spectrum_size": Param(
            type="int",
            unit="pixels",
            default=512,
            min=2,
            help="its size: even, and less than the frame's",
        ),
    },
    file=FILES,
    link=LINKS,
    output=(
        *OUTPUTS,
        Output(name="log", path="%(out.base)s_motion.log", made="out/movie.log"),
        Output(
            name="power_spectrum",
            path="%(out.base)s_PS.mrc",
            made="out/movie_PS.mrc",
            check="mrc",
            when="power_spectrum_group",
        ),
    ),
    failure=(
        *FAILURES,
        Failure(
            match=r"Invalid size given to cropInFourierSpace",
            class_=FailureClass.BAD_INPUT,
            hint="make `power_spectrum_size` smaller",
        ),
    ),
    example=(
        Example(
            params={"movie": "m1.mrc", "pixel_size": 0.885},
            argv=(
                *("relion_run_motioncorr", "--i", "mrcs.star", "--o", "out/", "--use_own"),
                *("--j", "1", "--bin_factor", "1.0", "--bfactor", "150.0"),
                *("--patch_x", "1", "--patch_y", "1", "--group_frames", "1"),
                *("--first_frame_sum", "1", "--preexposure", "0.0", "--max_iter", "5"),
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ""},
        ),
        Example(
            params={
                "movie": "50% done.TIF",
                "pixel_size": 0.5,
                "bin": 2.0,
                "patch_x": 5,
                "patch_y": 5,
                "gain": "gain.mrc",
                "dose_per_frame": 1.25,
                "weighted_only": False,
                "threads": 4,
            },
            argv=(
                *("relion_run_motioncorr", "--i", "tif.star", "--o", "out/", "--use_own"),
                *("--j", "4", "--bin_factor", "2.0", "--bfactor", "150.0"),
                *("--patch_x", "5", "--patch_y", "5", "--group_frames", "1"),
                *("--first_frame_sum", "1", "--gainref", "gain.mrc", "--gain_rot", "0"),
                *("--gain_flip", "0", "--preexposure", "0.0", "--dose_weighting"),
                *("--dose_per_frame", "1.25", "--save_noDW", "--max_iter", "5"),
            ),
        ),
        Example(
            params={"movie": "m1.eer", "pixel_size": 0.75, "eer_grouping": 32, "last_frame": 20},
            argv=(
                *("relion_run_motioncorr", "--i", "eer.star", "--eer_grouping", "32"),
                *("--eer_upsampling", "1", "--o", "out/", "--use_own"),
                *("--j", "1", "--bin_factor", "1.0", "--bfactor", "150.0"),
                *("--patch_x", "1", "--patch_y", "1", "--group_frames", "1"),
                *("--first_frame_sum", "1", "--last_frame_sum", "20"),
                *("--preexposure", "0.0", "--max_iter", "5"),
            ),
        ),
    ),
    licence="GPL-2.0",
    citation="Zivanov, Nakane & Scheres, IUCrJ 6 (2019) 5-17, doi:10.1107/S205225251801463X",
    source="RELION 3.1.3 of Debian 12, run; 3dem/relion tag 3.1.3, src/motioncorr_runner.cpp",
    unverified=(
        "EER movies were not run",
        "a full disk shows as `insufficient general information` in RELION 3.1.3 only, perhaps",
    ),
)


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the adapter."""
    return (RELION_MOTIONCORR,)
