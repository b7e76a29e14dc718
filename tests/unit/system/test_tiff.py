"""A TIFF file that lacks a page, or the end of one, is found before a program reads it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from gpucore.system.files import file_fault
from gpucore.system.tiff import tiff_fault

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = np.arange(4 * 32 * 32, dtype=np.uint16).reshape(4, 32, 32)


def write(path: Path, *, big: bool = False, order: str = "<", rows: int = 8) -> bytes:
    with tifffile.TiffWriter(path, bigtiff=big, byteorder=order) as file:
        for frame in FRAMES:
            file.write(frame, photometric="minisblack", rowsperstrip=rows, contiguous=False)
    return path.read_bytes()


@pytest.mark.parametrize("rows", [8, 32])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_whole_is_whole_and_every_shorter_file_is_cut_off(
    tmp_path: Path, big: bool, order: str, rows: int
) -> None:
    path = tmp_path / "m.tif"
    whole = write(path, big=big, order=order, rows=rows)
    assert tiff_fault(path) == ""
    for length in [*range(16, len(whole), 509), len(whole) - 1]:
        path.write_bytes(whole[:length])
        assert "it is cut off" in tiff_fault(path)


def test_pages_written_at_once_are_seen_to_the_last(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    tifffile.imwrite(path, FRAMES, photometric="minisblack", metadata=None)
    assert tiff_fault(path) == ""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "it is cut off" in tiff_fault(path)


def test_pages_that_go_in_circles_end(tmp_path: Path) -> None:
    path = tmp_path / "m.tif"
    path.write_bytes(struct.pack("<2sHIHI", b"II", 42, 8, 0, 8))
    assert tiff_fault(path) == "it is no TIFF file: its pages have no end"


@pytest.mark.parametrize("content", [b"", b"II*\0", b"text", b"II*\0\0\0\0\0"])
def test_what_is_none_is_a_fault(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.tif"
    path.write_bytes(content)
    assert tiff_fault(path)


def test_a_movie_is_told_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "m.mrc"
    write(path)
    assert file_fault(str(path), "movie", result=False) == ""
    path.write_bytes(b"text" * 400)
    assert "no MRC file" in file_fault(str(path), "movie", result=False)
