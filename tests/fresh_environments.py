"""Fresh virtual environments with distributions in them, made without the network."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["fresh_environment", "lend", "run", "wheel_of"]


def run(*argv: str | Path, cwd: Path) -> str:
    """Run a command that must end well; return what it prints."""
    done = subprocess.run(
        [str(one) for one in argv], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wheel_of(source: Path, out: Path) -> Path:
    """Build a wheel with the backend that the distribution names."""
    out.mkdir()
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out, cwd=source)
    return next(out.glob("*.whl"))


def lend(needing: importlib.metadata.Distribution, to: Path, lent: set[str]) -> None:
    """Lend what a distribution needs from this environment, without the network."""
    for requirement in map(Requirement, needing.requires or ()):
        name = requirement.name.lower()
        if name in lent or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        lent.add(name)
        lend_one(importlib.metadata.distribution(name), to, lent)


def lend_one(needed: importlib.metadata.Distribution, to: Path, lent: set[str]) -> None:
    """Lend one distribution, and what it needs."""
    for top in {file.parts[0] for file in needed.files or ()} - {"..", "__pycache__"}:
        if not (to / top).exists():
            (to / top).symlink_to(Path(str(needed.locate_file(top))))
    lend(needed, to, lent)


def fresh_environment(folder: Path, wheels: Iterable[Path], *, also: Iterable[str] = ()) -> Path:
    """Make an environment with wheels in it, gpucore's among them; return its Python.

    Parameters
    ----------
    folder : Path
        Where it is made.
    wheels : iterable of Path
        What is installed.
    also : iterable of str
        Distributions of this environment that are lent to it, beside what gpucore needs.
    """
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", *wheels, cwd=folder)
    site = Path(
        run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=folder).strip()
    )
    core = importlib.metadata.Distribution.at(next(site.glob("gpucore_framework-*.dist-info")))
    lent = {"gpucore-framework"}
    lend(core, site, lent)
    for name in also:
        lend_one(importlib.metadata.distribution(name), site, lent)
    return python
