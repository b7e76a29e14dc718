"""What RELION's two ways to correct motion have in common: a movie under a neutral name.

RELION reads ``%``, ``@``, ``:`` and ``#`` in a file's name as syntax and hands names to a shell, so
that each movie is linked under a neutral name into a directory of its own.
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

__all__ = ["COMMON", "FAILURES", "FILES", "INPUT", "LINKS", "OUTPUTS", "PARAMS", "PROGRAM"]

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

_MRC = (".mrc", ".mrcs")
_TIFF = (".tif", ".tiff")
_EER = (".eer",)

# RELION tells formats by the ending of the name.
_KINDS = (("mrcs", _MRC), ("tif", _TIFF), ("eer", _EER))

FILES = tuple(
    InputFile(
        name="movies.star", text=_MOVIES.format(name=f"movie.{kind}"), when="movie", suffix=suffix
    )
    for kind, suffix in _KINDS
)

_GAIN = (("mrc", _MRC), ("tif", _TIFF))
_DEFECTS = (("txt", (".txt",)), *_GAIN)

LINKS = tuple(
    Link(name=f"{name}.{kind}", target=f"%({name})s", when=name, suffix=suffix)
    for name, kinds in (("movie", _KINDS), ("gain", _GAIN), ("defects", _DEFECTS))
    for kind, suffix in kinds
)

INPUT: tuple[str | Group, ...] = (
    *("--i", "movies.star", "--o", "out/"),
    Group(
        args=(
            *("--eer_grouping", "%(eer_grouping)s"),
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
    *(Group(args=("--gainref", f"gain.{k}"), when="gain", suffix=s) for k, s in _GAIN),
    Group(args=("--gain_rot", "%(gain_rotation)s", "--gain_flip", "%(gain_flip)s"), when="gain"),
    *(Group(args=("--defect_file", f"defects.{k}"), when="defects", suffix=s) for k, s in _DEFECTS),
    *("--preexposure", "%(pre_exposure)s"),
    Group(args=("--dose_weighting", "--dose_per_frame", "%(dose_per_frame)s")),
    Group(args=("--save_noDW",), when="save_unweighted"),
)

PARAMS = {
    "movie": Param(
        type="path",
        item=True,
        check="movie",
        suffix=(*_MRC, *_TIFF, *_EER),
        help="movie to align: MRC, TIFF or EER",
    ),
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
        type="path",
        optional=True,
        suffix=(*_MRC, *_TIFF),
        help="gain reference, MRC or TIFF, as large as a frame",
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
        type="path",
        optional=True,
        suffix=(".txt", *_MRC, *_TIFF),
        help="bad areas of the detector: text (x y w h), or a map, MRC or TIFF",
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
    "save_unweighted": Param(
        type="bool",
        default=False,
        needs=("dose_per_frame",),
        help="keep the unweighted sum beside the weighted one",
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
        when="save_unweighted",
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
        match=rf"{IMAGE_FAILURE.match}|bad magic number|Cannot read TIFF header",
        class_=FailureClass.BAD_INPUT,
        hint="the movie is none that RELION can read",
    ),
    Failure(
        match=r"Cannot read file .* It does not exist",
        class_=FailureClass.BAD_INPUT,
    ),
    Failure(
        match=r"MicrographModel::read: insufficient general information",
        class_=FailureClass.DISK_FULL,
        hint="most often a full disk",
    ),
    MEMORY_FAILURE,
    Failure(
        match=r"Option .*\sis not a valid RELION argument",
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
