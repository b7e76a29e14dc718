"""A folder in which the examples of a page are run, with stand-ins for the programs they name."""

from __future__ import annotations

import os
import struct
import sys
from typing import TYPE_CHECKING

import pytest
from programs import script

if TYPE_CHECKING:
    from pathlib import Path

# What each stand-in makes of its command line: the files that the real program would make.
STAND_INS = {
    "MotionCor3": 'cp "$STAND_IN_MRC" aligned.mrc; echo shifts > movie-Full.log; '
    "echo shifts > movie-Patch-Full.log; echo shifts > movie-Patch-Patch.log; "
    "echo shifts > movie-Patch-Frame.log",
    "MotionCor2": "exit 0",
    "Gctf": 'echo "11000 10900 45.0 0.1  Final Values" > mic_gctf.log; cp "$STAND_IN_MRC" mic.ctf',
    "gpucore-framealign": 'while [ $# -gt 0 ]; do case "$1" in --out) cp "$STAND_IN_MRC" "$2";; '
    '--shifts) echo "1 0 0" > "$2";; esac; shift; done',
    "python": f'exec "{sys.executable}" "$@"',
    "gpucore": f'exec "{sys.executable}" -m gpucore.cli "$@"',
}


def mrc(side: int = 4) -> bytes:
    """Return a whole MRC file of one small image whose values differ."""
    header = bytearray(1024)
    struct.pack_into("<4i", header, 0, side, side, 1, 2)
    struct.pack_into("<3i", header, 28, side, side, 1)
    struct.pack_into("<6f", header, 40, side, side, 1, 90, 90, 90)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    struct.pack_into("<3f", header, 76, 0, side * side - 1, (side * side - 1) / 2)
    struct.pack_into("<4s4B", header, 208, b"MAP ", 0x44, 0x44, 0, 0)
    struct.pack_into("<i", header, 108, 20140)
    return bytes(header) + struct.pack(f"<{side * side}f", *range(side * side))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with small movies, simulated GPUs and stand-ins for the programs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in STAND_INS.items():
        script(programs / name, text)
    folder = tmp_path / "desk"
    movies = folder / "movies"
    movies.mkdir(parents=True)
    for number in (1, 2, 3):
        (movies / f"m{number}.tif").write_bytes(b"II*\0stand-in")
        (folder / f"m{number}.mrc").write_bytes(mrc())
    demo = folder / "gpucore-demo" / "movies"
    demo.mkdir(parents=True)
    for number in range(1, 9):
        (demo / f"movie{number}.mrc").write_bytes(mrc())
    (folder / "adapters").mkdir()
    (folder / "particles.star").write_text("data_\n")
    whole = tmp_path / "whole.mrc"
    whole.write_bytes(mrc())
    for name in [one for one in os.environ if one.startswith(("GPUCORE_", "CUDA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STAND_IN_MRC", str(whole))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / ".config"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    return folder
