"""Stand-ins for real programs: scripts, adapters that run them, and gates that they wait at."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING

from gpucore.standard import Adapter, Gpu, GpuUse, Group, Output, Param, Program, Template

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Gate", "python", "script", "shell"]


class Gate:
    """A named pipe: whoever comes first waits for the other side, and nobody looks at a clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def __str__(self) -> str:
        return shlex.quote(str(self.path))

    def receive(self) -> str:
        """Wait for a writer; return all that is written until the last writer is gone."""
        return self.path.read_text()

    def release(self, text: str = "\n") -> None:
        """Wait for a reader, and let it go on."""
        self.path.write_text(text)


def script(path: Path, text: str) -> str:
    """Write a shell script that can be run; return its path."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def python(path: Path, text: str) -> str:
    """Write a program for this Python that can be run; return its path."""
    path.write_text(f"#!{sys.executable} -S\n{text}\n")
    path.chmod(0o755)
    return str(path)


def shell(
    name: str = "probe",
    *,
    use: GpuUse = GpuUse.NONE,
    output: tuple[Output, ...] = (),
    own_directory: bool = False,
    executable: str = "/bin/sh",
    check: str = "file",
    **gpu: object,
) -> Adapter:
    """Return an adapter that runs the shell text it is given; ``$@`` holds the step's GPUs."""
    form = str(gpu.pop("form", "space" if use.allows_gpu else "none"))
    told = (Group(when="gpu", args=("%(GPU)s",)),) if form != "none" else ()
    return Adapter(
        name=name,
        title="a stand-in",
        program=Program(executable=executable, install="it comes with the tests"),
        gpu=Gpu(use=use, form=form, **gpu),
        command=Template(
            argv=("%(EXE)s", "-c", "%(text)s", name, *told), own_directory=own_directory
        ),
        params={
            "text": Param(type="string", help="what is run"),
            "item": Param(type="path", item=True, optional=True, help="what is read"),
            "out": Param(
                type="path", output="out.txt", optional=True, check=check, help="what is made"
            ),
        },
        output=output,
    )
