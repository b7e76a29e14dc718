"""MotionCor's serial mode: several movies in one run, the next read while one is aligned.

It takes the movies of a folder: that is one of links, in the step's own directory. It ends with
exit code 0 whatever happened to its movies, and leaves out those that it cannot read. So what it
makes of each is looked at; where something is missing the batch has failed, and its movies are run
one by one.
"""

from __future__ import annotations

from dataclasses import replace
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
    Template,
)
from gpucore_adapters.motioncor2 import MOTIONCOR2
from gpucore_adapters.motioncor2 import OPTIONS as OPTIONS_2
from gpucore_adapters.motioncor3 import MOTIONCOR3
from gpucore_adapters.motioncor3 import OPTIONS as OPTIONS_3

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MOTIONCOR2_SERIAL", "MOTIONCOR3_SERIAL", "gpucore_adapters"]

_SKIPPED = r"error: load tiff image \d+"
_OF_ONE_MOVIE = {"movie", "out", "log_dir"}

_MOVIES = Param(
    type="path", item=True, many=True, length=0,
    # It passes over names that begin with a dot, and cuts off from the first suffix on; what it
    # makes is found by a pattern.
    pattern=r"(?is:.*/)?(?i:(?!\.)(?:(?!\.(?:tif|eer|mrc))[^/*?\[]){1,200}\.(?:tiff?|eer|mrcs?))",
    help="movies of one size and format",
)  # fmt: skip
_OUT = Param(
    type="path", output="%(movies.stem)s.mrc", length=0, check="mrc",
    help="aligned micrographs (sums), one for each movie",
)  # fmt: skip

# Without a suffix it would take every file of the folder for a movie.
_TIFF = Group(
    when="format", equals=("tiff",), args=("-InTiff", "movies/", "-InSuffix", ".tif")
)  # fmt: skip
_EER = Group(
    when="format", equals=("eer",),
    args=("-InEer", "movies/", "-EerSampling", "%(eer_sampling)s", "-InSuffix", ".eer"),
)  # fmt: skip
_MRC = Group(when="format", equals=("mrc",), args=("-InMrc", "movies/", "-InSuffix", ".mrc"))

_LEFT_OUT = Failure(
    match=rf"cannot open (stack|Tiff) file|Unable to open EER file|{_SKIPPED}",
    class_=FailureClass.BAD_INPUT,
    hint="this movie cannot be read",
)


def _command(inputs: tuple[Group, ...], options: tuple[str | Group, ...]) -> Template:
    return Template(
        own_directory=True,
        argv=(
            "%(EXE)s",
            *inputs,
            "-Serial", "1",
            "-OutMrc", "aligned/",
            *options,
            "-LogDir", "aligned/",
            Group(args=("-GpuMemUsage", "%(gpu_memory)s")),
            "-Gpu", "%(GPU)s",
        ),
    )  # fmt: skip


def _params(single: Adapter, formats: tuple[str, ...]) -> dict[str, Param]:
    kept = {name: one for name, one in single.params.items() if name not in _OF_ONE_MOVIE}
    kept.pop("save_alignment", None)
    chosen = Param(type="choice", choices=formats, default="tiff", help="format of the movies")
    return {"movies": _MOVIES, "out": _OUT, "format": chosen, **kept}


def _failures(single: Adapter) -> tuple[Failure, ...]:
    return (_LEFT_OUT, *(one for one in single.failure if one.match != _SKIPPED))


def _outputs(single: Adapter) -> tuple[Output, ...]:
    """Return the outputs of one movie as those of each: its sums, and logs named after it."""
    found = [Output(name="out", made="aligned/%(movies.stem)s.mrc")]
    for one in single.output:
        _, sign, end = (one.path or "").rpartition("%(out.base)s")
        if sign and one.name not in {"alignment", "out"}:
            found.append(replace(one, made=f"aligned/%(movies.stem)s{end}"))
    return tuple(found)


def _logs_that_may_be(single: Adapter) -> tuple[Output, ...]:
    """Return the logs of each movie as outputs that need not be there."""
    return tuple(
        replace(one, optional=True, match="")
        for one in _outputs(single)
        if one.path.endswith(".log")
    )


_FOLDERS = (InputFile(name="aligned/"), InputFile(name="movies/"))
_LINK = Link(name="movies/%(movies.name)s", target="%(movies)s")
_UNVERIFIED = ("a movie of another number of pixels than the first is left out without a word",)

MOTIONCOR3_SERIAL = replace(
    MOTIONCOR3,
    name="motioncor3_serial",
    title="MotionCor3 -Serial 1: align several movies in one run",
    # With -InMrc 1.2.1 opens each movie twice and loads none (CMain.cpp, mAsyncLoad).
    command=_command((_TIFF, _EER), OPTIONS_3),
    params=_params(MOTIONCOR3, ("tiff", "eer")),
    file=_FOLDERS,
    link=(_LINK, *MOTIONCOR3.link[1:]),
    output=_outputs(MOTIONCOR3),
    failure=_failures(MOTIONCOR3),
    example=(
        Example(
            params={"movies": ("grid1/m1.tif", "grid1/m2.tif"), "pixel_size": 0.885,
                    "patch": (5, 5), "gain": "g.mrc"},
            gpus=(2,),
            argv=(
                "MotionCor3", "-InTiff", "movies/", "-InSuffix", ".tif",
                "-Serial", "1", "-OutMrc", "aligned/", "-Gain", "gain.mrc",
                "-RotGain", "0", "-FlipGain", "0", "-PixSize", "0.885", "-kV", "300",
                "-Cs", "0", "-SumRange", "0.0", "0.0", "-FtBin", "1.0", "-Patch", "5", "5",
                "-Iter", "15", "-Tol", "0.1", "-Bft", "500.0", "100.0", "-Group", "1", "4",
                "-LogDir", "aligned/", "-Gpu", "2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            files={"aligned/": "", "movies/": ""},
        ),
        Example(
            params={"movies": ("grid1/m1.eer",), "format": "eer", "frame_integration": "fmint.txt",
                    "gpu_memory": 0.5},
            gpus=(0, 3),
            argv=(
                "MotionCor3", "-InEer", "movies/", "-EerSampling", "1", "-InSuffix", ".eer",
                "-Serial", "1", "-OutMrc", "aligned/", "-FmIntFile", "frames.txt",
                "-kV", "300", "-Cs", "0", "-SumRange", "0.0", "0.0", "-FtBin", "1.0",
                "-Iter", "15", "-Tol", "0.1", "-Bft", "500.0", "100.0", "-Group", "1", "4",
                "-LogDir", "aligned/", "-GpuMemUsage", "0.5", "-Gpu", "0", "3",
            ),
        ),
    ),
    source="github.com/czimaginginstitute/MotionCor3 f2cc4b1 (1.2.1): CInput.cpp, CMain.cpp, "
    "CSaveSerialCryoEM.cpp, DataUtil/CStackFolder.cpp, TiffUtil/, EerUtil/; "
    "github.com/scipion-em/scipion-em-motioncorr protocol_motioncorr_tasks.py",
    unverified=(*MOTIONCOR3.unverified, *_UNVERIFIED),
)  # fmt: skip

MOTIONCOR2_SERIAL = replace(
    MOTIONCOR2,
    name="motioncor2_serial",
    title="MotionCor2 -Serial 1: align several movies in one run",
    command=_command((_TIFF, _EER, _MRC), OPTIONS_2),
    params=_params(MOTIONCOR2, ("tiff", "eer", "mrc")),
    file=_FOLDERS,
    link=(_LINK,),
    # Its logs are taken to be called as MotionCor3's are.
    output=(*_outputs(MOTIONCOR2), *_logs_that_may_be(MOTIONCOR3)),
    failure=_failures(MOTIONCOR2),
    example=(
        Example(
            params={"movies": ("grid1/m1.tif", "grid1/m2.tif"), "pixel_size": 0.885,
                    "dose_per_frame": 1.2},
            gpus=(0,),
            argv=(
                "MotionCor2", "-InTiff", "movies/", "-InSuffix", ".tif", "-Serial", "1",
                "-OutMrc", "aligned/", "-PixSize", "0.885", "-kV", "300", "-FmDose", "1.2",
                "-SumRange", "0.0", "0.0", "-FtBin", "1.0", "-Iter", "15", "-Tol", "0.1",
                "-Bft", "500.0", "150.0", "-LogDir", "aligned/", "-Gpu", "0",
            ),
        ),
        Example(
            params={"movies": ("grid1/m1.mrc",), "format": "mrc", "bin": 2.0, "group": (1, 4)},
            gpus=(1, 2),
            argv=(
                "MotionCor2", "-InMrc", "movies/", "-InSuffix", ".mrc", "-Serial", "1",
                "-OutMrc", "aligned/", "-kV", "300", "-SumRange", "0.0", "0.0",
                "-FtBin", "2.0", "-Iter", "15", "-Tol", "0.1", "-Bft", "500.0", "150.0",
                "-Group", "1", "4", "-LogDir", "aligned/", "-Gpu", "1", "2",
            ),
        ),
    ),
    source="change log in github.com/czimaginginstitute/MotionCor3 f2cc4b1 Readme.txt, and the "
    "source that it inherits; github.com/scipion-em/scipion-em-motioncorr "
    "protocol_motioncorr_tasks.py",
    unverified=(*MOTIONCOR2.unverified, *_UNVERIFIED, "the names of its logs in this mode"),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the serial mode of both."""
    return (MOTIONCOR3_SERIAL, MOTIONCOR2_SERIAL)
