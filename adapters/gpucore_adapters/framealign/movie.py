"""The program's files: movies in, averages and tables of shifts out."""

from __future__ import annotations

import os
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np

from .faults import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from .alignment import Frames, Shifts

COLUMNS = ("frame", "x_pixels", "y_pixels")


def read_movie(path: Path) -> tuple[Frames, float | None]:
    """Return the frames of an MRC movie, and the pixel size of its header.

    Parameters
    ----------
    path : Path
        MRC2014 file of real values, also compressed by gzip or bzip2.

    Returns
    -------
    frames : array, (frames, rows, columns)
        As stored.
    pixel_size : float or None
        Å; None if the header has none.

    Raises
    ------
    InputError
        Unreadable, cut short, or not a movie.
    """
    try:
        # A file longer than its header says is whole: some writers append to it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            with mrcfile.open(path, mode="r") as mrc:
                frames = mrc.data
                pixel_size = float(mrc.voxel_size.x)
    except OSError as fault:
        raise InputError(f"cannot read {path}: {fault.strerror or fault}") from fault
    except (ValueError, EOFError, OverflowError, MemoryError, zlib.error) as fault:
        # mrcfile has no class of its own for this; both its wordings name the data block.
        if isinstance(fault, EOFError) or "bytes in data block" in str(fault):
            what = f"{path} is truncated: its header announces more data than the file holds"
            raise InputError(what) from fault
        raise InputError(f"{path} is not a readable MRC file: {fault}") from fault
    if frames.ndim != 3 or len(frames) < 2:  # noqa: PLR2004 - a movie: two frames, of two axes each
        size = " x ".join(str(length) for length in frames.shape)
        raise InputError(f"{path} is not a movie: it holds {size} values, not several frames")
    if frames.dtype.kind not in "iuf" or 0 in frames.shape:
        raise InputError(f"{path} is not a movie: it holds {frames.dtype} values")
    if frames.dtype.kind == "f" and not np.isfinite(frames).all():
        raise InputError(f"{path} is not a movie: it holds values that are not finite")
    return frames, pixel_size if pixel_size > 0 else None


def write_average(path: Path, image: NDArray[np.float32], pixel_size: float) -> None:
    """Write an image as MRC mode 2, with its pixel size in Å."""
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(image)
        mrc.voxel_size = pixel_size
        # mrcfile's own label holds the time; without it, equal input gives equal bytes.
        mrc.header.label[:] = b""
        mrc.header.label[0] = b"gpucore-framealign: average of aligned frames"
        mrc.header.nlabl = 1


def write_shifts(path: Path, shifts: Shifts) -> None:
    """Write a table of x, y in pixels, one line for each frame, the first being frame 1."""
    rows = [f"{frame}\t{x:.4f}\t{y:.4f}" for frame, (x, y) in enumerate(shifts + 0.0, start=1)]
    path.write_text("\n".join(["\t".join(COLUMNS), *rows, ""]), encoding="utf-8")


def read_shifts(path: Path) -> Shifts:
    """Return the x, y columns, (frames, 2) in pixels, of a table that `write_shifts` wrote.

    Raises
    ------
    ValueError
        Not such a table.
    """
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    if tuple(head.split("\t")) != COLUMNS:
        raise ValueError(f"{path}: the columns are {head!r}, not {' '.join(COLUMNS)}")
    return np.array([[float(value) for value in row.split("\t")[1:]] for row in rows])


def publish(writers: Mapping[Path, Callable[[Path], None]]) -> None:
    """Write files so that each appears under its name only when all are complete.

    Parameters
    ----------
    writers : mapping
        For each file, a callable that writes it under the name it is given. They are renamed in
        this order, so put the file that others wait for last.

    Raises
    ------
    OutputError
        One could not be written or renamed; no temporary file is left.
    """
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}.partial") for path in writers}
    path = Path()
    try:
        for path, write in writers.items():
            write(temporary[path])
        for path in writers:
            temporary[path].replace(path)
    except OSError as fault:
        raise OutputError(f"cannot write {path}: {fault.strerror or fault}") from fault
    finally:
        for leftover in temporary.values():
            leftover.unlink(missing_ok=True)
