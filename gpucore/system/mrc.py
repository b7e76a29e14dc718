"""Whether an MRC file is whole, from its header and a few samples of its data.

Source: Cheng et al., "MRC2014: Extensions to the MRC format header for electron cryo-microscopy
and tomography", J. Struct. Biol. 192 (2015) 146-150, table 1.
"""

from __future__ import annotations

import math
import struct
from array import array
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HEADER", "mrc_fault"]

HEADER = 1024
"""Bytes of the fixed header."""

# Bits per voxel by mode; 101 packs two 4-bit voxels into a byte.
_BITS = {0: 8, 1: 16, 2: 32, 3: 32, 4: 64, 6: 16, 12: 16, 101: 4}
_FLOAT = 2
_BIG = b"\x11"
_SAMPLES = 16
_SAMPLE_BYTES = 4096


def mrc_fault(path: Path, *, result: bool) -> str:
    """Return what is wrong with an MRC file, or an empty text.

    Parameters
    ----------
    path : Path
        The file.
    result : bool
        Whether a program made it: its data are sampled then, and an image of one value or of
        not-a-numbers is a fault.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with path.open("rb") as file:
        header = file.read(HEADER)
        size = path.stat().st_size
        if not size:
            return "it is empty"
        if len(header) < HEADER:
            return f"it is no MRC file: {size} bytes are less than a header"
        # Mode 0 reads the same both ways: the machine stamp says which way is to be tried first.
        orders = "><" if header[212:213] == _BIG else "<>"
        order = next((one for one in orders if _plausible(header, one)), "")
        if not order:
            return "it is no MRC file: its header makes no sense"
        nx, ny, nz, mode = struct.unpack(f"{order}4i", header[:16])
        (extended,) = struct.unpack(f"{order}i", header[92:96])
        row = (nx * _BITS[mode] + 7) // 8
        expected = HEADER + extended + row * ny * nz
        if size < expected:
            return (
                f"it is cut off: {size:,} of {expected:,} bytes "
                f"({nx} x {ny} x {nz} voxels, mode {mode})"
            )
        return _data_fault(file, HEADER + extended, expected, mode, order) if result else ""


def _plausible(header: bytes, order: str) -> bool:
    nx, ny, nz, mode = struct.unpack(f"{order}4i", header[:16])
    (extended,) = struct.unpack(f"{order}i", header[92:96])
    return mode in _BITS and min(nx, ny, nz) > 0 and max(nx, ny) < 2**24 and extended >= 0


def _data_fault(file: BinaryIO, start: int, end: int, mode: int, order: str) -> str:
    """Look at samples spread evenly over the data: the whole would cost a second per gigabyte."""
    values: set[bytes] = set()
    width = max(_BITS[mode] // 8, 1)
    step = max((end - start) // _SAMPLES // width * width, _SAMPLE_BYTES)
    for place in range(start, end, step):
        file.seek(place)
        sample = file.read(min(_SAMPLE_BYTES, end - place))
        if mode == _FLOAT:
            numbers = array("f", sample[: len(sample) // 4 * 4])
            if (order == "<") != (array("H", b"\1\0")[0] == 1):
                numbers.byteswap()
            if not all(map(math.isfinite, numbers)):
                return "it holds values that are not numbers (NaN or infinite)"
        if len(values) <= 1:
            values.update(sample[i : i + width] for i in range(0, len(sample) - width + 1, width))
    return "it holds one value only: a constant image" if len(values) == 1 else ""
