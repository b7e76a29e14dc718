"""Stand-ins for makers' libraries: NVIDIA's in C, compiled once; AMD's in Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

FAKES = Path(__file__).parent / "fakes"


@dataclass(frozen=True)
class FakeDriver:
    """A machine with a driver, whose state can be changed while it is read.

    Parameters
    ----------
    state : Path
        The file that drives the library.
    variables : dict
        By which a process finds the library.
    """

    state: Path
    variables: dict[str, str]

    def set(self, *lines: str) -> None:
        """Say what the driver answers from now on, see ``tests/fakes/fakenvml.c``."""
        self.write("".join(f"{line}\n" for line in lines))

    def write(self, text: str) -> None:
        """Write the file in one go: it may be read at any time."""
        aside = self.state.with_suffix(".new")
        aside.write_text(text)
        aside.replace(self.state)

    def environment(self, *lines: str, **more: str) -> dict[str, str]:
        """Return the environment of a process on this machine, whose driver answers so."""
        if lines:
            self.set(*lines)
        return {"PATH": os.defpath, **self.variables, **more}


def build_nvml(folder: Path) -> Path:
    """Compile NVIDIA's stand-in into a folder, where a C compiler is."""
    compiler = shutil.which("gcc")
    if compiler is None:
        if os.environ.get("CI"):
            pytest.fail("gcc is needed for the stand-in of the driver's library")
        pytest.skip("there is no gcc")
    name = "libnvidia-ml.so.1"
    options = ["-std=gnu11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-lpthread"]
    source = str(FAKES / "fakenvml.c")
    argv = [compiler, source, *options, f"-Wl,-soname,{name}", "-o", str(folder / name)]
    subprocess.run(argv, check=True)
    return folder


def fake_nvml(library: Path, folder: Path) -> FakeDriver:
    """Return a machine with NVIDIA's stand-in."""
    state = folder / "nvml.txt"
    return FakeDriver(state, {"LD_LIBRARY_PATH": str(library), "FAKENVML_STATE": str(state)})


def fake_amd(folder: Path) -> FakeDriver:
    """Return a machine with AMD's stand-in."""
    state = folder / "amdsmi.json"
    variables = {"PYTHONPATH": str(FAKES), "FAKEAMDSMI_STATE": str(state)}
    return FakeDriver(state, {**variables, "PYTHONDONTWRITEBYTECODE": "1"})


def amd_state(*devices: dict[str, object], **more: object) -> str:
    """Return the state of AMD's stand-in with these devices."""
    return json.dumps({"devices": devices, **more})
