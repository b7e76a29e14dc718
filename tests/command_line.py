"""The command line as a user calls it: in this process, or in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpucore.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

__all__ = ["COPY", "Cli", "Ran", "environment", "everything_below", "run_apart", "start"]

COPY = """
schema = 1
name = "copy"
title = "copy: a stand-in"

[program]
executable = "/bin/sh"

[command]
argv = ["%(EXE)s", "-c", "%(text)s", "copy", "%(src)s", "%(dst)s", "%(word)s"]

[params]
src = { type = "path", item = true, help = "what is read" }
dst = { type = "path", output = "%(src.stem)s.out", help = "what is made" }
text = { type = "string", default = 'cat "$1" > "$2"', help = "what is run" }
word = { type = "string", default = "a word", help = "what is said" }
number = { type = "int", default = 1, min = 0, max = 5, help = "a number" }
side = { type = "path", optional = true, help = "what is read beside it" }
switch = { type = "bool", default = false, help = "a switch" }
"""
"""An adapter that runs shell text: ``$1`` is the item, ``$2`` the output, ``$3`` a word."""


@dataclass(frozen=True)
class Ran:
    """How a call ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of standard output that are no comments."""
        return [line for line in self.out.splitlines() if not line.startswith("#")]


class Cli:
    """Calls the command line in this process, in a folder of its own."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture

    def __call__(self, *argv: str) -> Ran:
        """Call it; the output is the call's own."""
        self._capture.readouterr()
        # `exec` gives them back to the program that it is about to become.
        before = {one: signal.getsignal(one) for one in (signal.SIGPIPE, signal.SIGXFSZ)}
        try:
            code = main(argv)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        said = self._capture.readouterr()
        assert "Traceback" not in said.out + said.err
        return Ran(code, said.out, said.err)

    def write(self, name: str, text: str = "x\n") -> str:
        """Write a file below the folder; return its name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return name

    def refuses(self, *argv: str, code: int = 2) -> str:
        """Call it, see that it refuses and writes nothing; return what it said."""
        before = everything_below(self.folder)
        ran = self(*argv)
        assert ran.code == code, ran.err
        assert everything_below(self.folder) == before
        assert ran.out == ""
        return ran.err


def everything_below(folder: Path) -> list[tuple[str, int, int]]:
    """Return every path below a folder with its size and its time."""
    return sorted(
        (str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")
    )


def environment(**more: str) -> dict[str, str]:
    """Return this environment without settings of gpucore, with what is given."""
    kept = {key: text for key, text in os.environ.items() if not key.startswith("GPUCORE_")}
    kept.pop("CUDA_VISIBLE_DEVICES", None)
    return kept | more


def start(*argv: str | bytes, cwd: Path, **more: str) -> subprocess.Popen[bytes]:
    """Start the command line in a process of its own; its output is piped."""
    return subprocess.Popen(
        [sys.executable, "-m", "gpucore.cli", *argv],
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run_apart(*argv: str | bytes, cwd: Path, **more: str) -> Ran:
    """Run the command line in a process of its own to its end."""
    with start(*argv, cwd=cwd, **more) as process:
        out, err = process.communicate()
    return Ran(process.returncode, out.decode(), err.decode())
