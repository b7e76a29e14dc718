"""Runs whose programs wait at gates, and hosts of theirs that are killed."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

from command_line import Cli, Ran, run_apart, start
from programs import Gate

if TYPE_CHECKING:
    import subprocess

__all__ = ["GATED", "GatedRun", "gone"]

GATED = """
schema = 1
name = "gated"
title = "gated: a stand-in that waits until it is let go"
program = { executable = "/bin/sh" }
gpu = { use = "compulsory", form = "space" }

[command]
argv = ["%(EXE)s", "-c", "%(text)s", "gated", "%(src)s", "%(dst)s", "%(GPU)s"]

[params]
src = { type = "path", item = true, help = "what is read" }
dst = { type = "path", output = "%(src.stem)s.out", help = "what is made" }
text = { type = "string", default = 'cat "$1" > "$2"', help = "what is run" }
"""

# Each attempt is on record by the program's own hand; it tells its number, and waits to be let go
# (unless there is a file `free`).
TEXT = (
    'echo "$1" >> attempts; test -e free || { echo $$ > here; read word < go; }; '
    'case $word in fail) exit 7;; esac; cat "$1" > "$2"'
)


def gone(pid: int) -> bool:
    """Say whether a process has ended, or ends within a minute."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 60)[0])
    finally:
        os.close(descriptor)


class GatedRun:
    """A `gpucore map` over files, one at a time, on simulated GPUs."""

    def __init__(self, cli: Cli, *items: str, devices: int = 1) -> None:
        self.cli = cli
        self.items = items or ("a.tif",)
        self.devices = devices
        cli.write("gated.toml", GATED)
        self.here = Gate(cli.folder / "here")
        self.go = Gate(cli.folder / "go")

    @property
    def call(self) -> tuple[str, ...]:
        """What is called."""
        return (
            "map", "gated", *self.items, "-o", "out", "--adapter", "gated.toml",
            "--devices", f"simulated:{self.devices}", "--gpus", f"0-{self.devices - 1}",
            "--threads", "2", "--set", f"text={TEXT}",
        )  # fmt: skip

    def begin(self, *more: str) -> tuple[subprocess.Popen[bytes], int]:
        """Start it; return its process, and that of its first program, which waits."""
        host = start(*self.call, *more, cwd=self.cli.folder)
        return host, int(self.here.receive())

    def cut_off(self) -> int:
        """Start it, kill its host, and return the number of the program that lives on."""
        host, program = self.begin()
        host.send_signal(signal.SIGKILL)
        host.communicate()
        return program

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        """Start a verb in a process of its own."""
        return start(*argv, cwd=self.cli.folder)

    def verb(self, *argv: str) -> Ran:
        """Call a verb in a process of its own."""
        return run_apart(*argv, cwd=self.cli.folder)

    @property
    def attempts(self) -> list[str]:
        """The items in the order in which programs began with them."""
        return (self.cli.folder / "attempts").read_text().split()
