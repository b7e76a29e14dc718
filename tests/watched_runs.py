"""Runs that watch a folder, with a stand-in that notes what it was run on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from command_line import start

if TYPE_CHECKING:
    import subprocess

    from command_line import Cli, Ran

__all__ = ["COMMON", "COUNT", "WATCH", "begun", "runs", "watch"]

COMMON = ("--adapter", "copy.toml", "--gpus", "", "-o", "out")
WATCH = ("--watch", "in", "--pattern", "*.tif", "--settle", "10ms", "--marker", "STOP")
COUNT = ("--set", 'text=cat "$1" > "$2"; echo "$1" >> runs.txt')
"""What the stand-in is told: to note each of its runs."""


def watch(cli: Cli, *more: str) -> Ran:
    return cli("map", "copy", *COMMON, *COUNT, *WATCH, *more)


def runs(cli: Cli) -> list[str]:
    """Return the files that were run, in order."""
    noted = cli.folder / "runs.txt"
    return [Path(line).name for line in noted.read_text().splitlines()] if noted.exists() else []


def begun(cli: Cli, *more: str) -> subprocess.Popen[bytes]:
    """Start a run whose steps wait for a word, and return when the first of them runs."""
    text = 'text=mkfifo go.$$; echo "$1" >> runs.txt; echo > began; read x < go.$$; cat "$1" > "$2"'
    os.mkfifo(cli.folder / "began")
    process = start(
        "map", "copy", *COMMON, *WATCH, "--set", text, *more, cwd=cli.folder, HOME=str(cli.folder)
    )
    (cli.folder / "began").read_text()
    return process
