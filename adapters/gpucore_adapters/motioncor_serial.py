"""MotionCor's serial mode: all movies of a folder in one run, the next read while one is aligned.

It ends with exit code 0 whatever happened to its movies, and leaves out those that it cannot read.
So that something was saved is looked for in what it prints, and every movie that it tells to have
left out is a warning. One run of `motioncor3` for each movie knows of each how it ended.
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

_SAVED = r"Corrected sum has been saved in"
_SKIPPED = r"error: load tiff image \d+"
_OF_ONE_MOVIE = {"movie", "out", "log_dir"}

_FOLDER = Param(
    type="path", item=True, many=True, check="directory",
    help="folder of movies of one size and format",
)  # fmt: skip
_OUT = Param(
    type="path", output="%(movies.name)s_aligned", check="directory",
    help="folder of the aligned micrographs, called after their movies, and of the logs",
)  # fmt: skip
_SKIP = Param(
    type="string", optional=True, pattern=r"[^\s,]+(,[^\s,]+)*",
    help="files with one of these words in their names are no movies: gain,dark",
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
    effect="warn",
    hint="this movie was left out, and those after it were aligned",
)


def _command(inputs: tuple[Group, ...], options: tuple[str | Group, ...]) -> Template:
    return Template(
        own_directory=True,
        argv=(
            "%(EXE)s",
            *inputs,
            Group(args=("-InSkips", "%(skip)s")),
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
    return {"movies": _FOLDER, "out": _OUT, "format": chosen, "skip": _SKIP, **kept}


def _failures(single: Adapter) -> tuple[Failure, ...]:
    return (_LEFT_OUT, *(one for one in single.failure if one.match != _SKIPPED))


_MADE = (Output(name="out", made="aligned"),)
_UNVERIFIED = (
    "a movie of another number of pixels than the first is left out without a word",
    "movies whose names have more than some 240 bytes: it keeps paths in 256",
)

MOTIONCOR3_SERIAL = replace(
    MOTIONCOR3,
    name="motioncor3_serial",
    title="MotionCor3 -Serial 1: align all movies of a folder in one run",
    # With -InMrc 1.2.1 opens each movie twice and loads none (CMain.cpp, mAsyncLoad).
    command=_command((_TIFF, _EER), OPTIONS_3),
    params=_params(MOTIONCOR3, ("tiff", "eer")),
    file=(InputFile(name="aligned/"),),
    link=(Link(name="movies", target="%(movies)s"), *MOTIONCOR3.link[1:]),
    output=_MADE,
    failure=_failures(MOTIONCOR3),
    success_match=_SAVED,
    example=(
        Example(
            params={"movies": "grid1", "pixel_size": 0.885, "patch": (5, 5), "gain": "g.mrc",
                    "skip": "gain"},
            gpus=(2,),
            argv=(
                "MotionCor3", "-InTiff", "movies/", "-InSuffix", ".tif", "-InSkips", "gain",
                "-Serial", "1", "-OutMrc", "aligned/", "-Gain", "gain.mrc",
                "-RotGain", "0", "-FlipGain", "0", "-PixSize", "0.885", "-kV", "300",
                "-Cs", "0", "-SumRange", "0.0", "0.0", "-FtBin", "1.0", "-Patch", "5", "5",
                "-Iter", "15", "-Tol", "0.1", "-Bft", "500.0", "100.0", "-Group", "1", "4",
                "-LogDir", "aligned/", "-Gpu", "2",
            ),
            env={"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            files={"aligned/": ""},
        ),
        Example(
            params={"movies": "grid1", "format": "eer", "frame_integration": "fmint.txt",
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
    title="MotionCor2 -Serial 1: align all movies of a folder in one run",
    command=_command((_TIFF, _EER, _MRC), OPTIONS_2),
    params=_params(MOTIONCOR2, ("tiff", "eer", "mrc")),
    file=(InputFile(name="aligned/"),),
    link=(Link(name="movies", target="%(movies)s"),),
    output=_MADE,
    failure=_failures(MOTIONCOR2),
    success_match=_SAVED,
    example=(
        Example(
            params={"movies": "grid1", "pixel_size": 0.885, "dose_per_frame": 1.2},
            gpus=(0,),
            argv=(
                "MotionCor2", "-InTiff", "movies/", "-InSuffix", ".tif", "-Serial", "1",
                "-OutMrc", "aligned/", "-PixSize", "0.885", "-kV", "300", "-FmDose", "1.2",
                "-SumRange", "0.0", "0.0", "-FtBin", "1.0", "-Iter", "15", "-Tol", "0.1",
                "-Bft", "500.0", "150.0", "-LogDir", "aligned/", "-Gpu", "0",
            ),
        ),
        Example(
            params={"movies": "grid1", "format": "mrc", "bin": 2.0, "group": (1, 4)},
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
    unverified=(*MOTIONCOR2.unverified, *_UNVERIFIED),
)  # fmt: skip


@hookimpl
def gpucore_adapters() -> Iterable[Adapter]:
    """Offer the serial mode of both."""
    return (MOTIONCOR3_SERIAL, MOTIONCOR2_SERIAL)
