"""A real third-party distribution, and a broken one, in a fresh virtual environment."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
BROKEN = "import libthat_is_missing_everywhere\n"

# What is asked of the fresh environment's Python.
ASK = """
import json, subprocess, sys
from gpucore.plugins import PluginHost
from gpucore.standard import render
from gpucore.standard.params import read_values
host = PluginHost.load()
hello = host.adapter("hello")
command = render(hello, read_values(hello, {"who": "blue lamp"}), ())
said = subprocess.run(command.argv, capture_output=True, text=True, check=True).stdout
print(json.dumps({
    "prefix": sys.prefix,
    "origin": host.origin_of("hello"),
    "plugins": {one.name: [one.distribution, one.version] for one in host.plugins},
    "quarantine": {
        one.name: [one.distribution, one.version, one.reason, one.file] for one in host.quarantine
    },
    "said": said,
}))
"""


def run(*argv: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(one) for one in argv], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_distribution(folder: Path, name: str, source: str) -> Path:
    """Write the distribution of docs/plugins.md under another name, with another module."""
    text = (ROOT / "docs" / "plugins.md").read_text()
    files = dict(re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))
    folder.mkdir(parents=True)
    project = files["pyproject.toml"].replace("hello", name)
    (folder / "pyproject.toml").write_text(project)
    (folder / f"gpucore_{name}.py").write_text(source or files["gpucore_hello.py"])
    return folder


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
        needed = importlib.metadata.distribution(name)
        for top in {file.parts[0] for file in needed.files or ()} - {"..", "__pycache__"}:
            if not (to / top).exists():
                (to / top).symlink_to(Path(str(needed.locate_file(top))))
        lend(needed, to, lent)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a fresh environment with gpucore, a third party's plugin and a broken one."""
    pytest.importorskip("hatchling", reason="builds wheels: pip install hatchling")
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    wheels = [
        wheel_of(ROOT, folder / "core"),
        wheel_of(write_distribution(folder / "src" / "hello", "hello", ""), folder / "hello"),
        wheel_of(
            write_distribution(folder / "src" / "broken", "broken", BROKEN), folder / "broken"
        ),
    ]
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", *wheels, cwd=folder)
    site = Path(
        run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=folder).strip()
    )
    core = importlib.metadata.Distribution.at(next(site.glob("gpucore_framework-*.dist-info")))
    lend(core, site, {"gpucore-framework"})
    return python


@pytest.mark.slow
def test_a_third_partys_plugin_is_found_and_run_beside_a_broken_one(python: Path) -> None:
    told = json.loads(run(python, "-I", "-c", ASK, cwd=python.parent))
    assert told["prefix"] == str(python.parents[1])
    assert told["plugins"]["hello"] == ["gpucore-hello", "1.0"]
    assert told["origin"] == "gpucore-hello 1.0"
    assert told["said"] == "hello, blue lamp\n"
    distribution, version, reason, file = told["quarantine"]["broken"]
    assert (distribution, version) == ("gpucore-broken", "1.0")
    assert reason == (
        "cannot be imported: ModuleNotFoundError: No module named 'libthat_is_missing_everywhere'"
    )
    assert file.endswith("gpucore_broken.py:1")


@pytest.mark.slow
def test_gpucores_own_plugins_are_found_as_a_third_partys_are(python: Path) -> None:
    told = json.loads(run(python, "-I", "-c", ASK, cwd=python.parent))
    assert list(told["quarantine"]) == ["broken"]
    assert told["plugins"]["motioncor3"][0] == "gpucore-framework"
