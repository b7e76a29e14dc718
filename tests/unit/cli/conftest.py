"""The command line in a folder of its own, on a machine that knows nothing of it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import COPY, Cli

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return the command line, with `copy.toml` and three items in its folder."""
    for name in list(os.environ):
        if name.startswith("GPUCORE_"):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["host"])  # `resume` puts that of the run there
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    cli = Cli(folder, capsys)
    cli.write("copy.toml", COPY)
    for name in ("a.tif", "b.tif", "c.tif"):
        cli.write(name, f"{name}\n")
    return cli


@pytest.fixture
def folder(cli: Cli) -> Path:
    """Return a folder to watch with two files in it, whose watching ends when all are taken."""
    for name in ("in/a.tif", "in/b.tif", "in/STOP"):
        cli.write(name)
    return cli.folder / "in"
