"""A real third-party distribution, and a broken one, in a fresh virtual environment."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fresh_environments import fresh_environment, run, wheel_of

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


def write_distribution(folder: Path, name: str, source: str) -> Path:
    """Write the distribution of docs/plugins.md under another name, with another module."""
    text = (ROOT / "docs" / "plugins.md").read_text()
    files = dict(re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))
    folder.mkdir(parents=True)
    project = files["pyproject.toml"].replace("hello", name)
    (folder / "pyproject.toml").write_text(project)
    (folder / f"gpucore_{name}.py").write_text(source or files["gpucore_hello.py"])
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a fresh environment with gpucore, a third party's plugin and a broken one."""
    pytest.importorskip("hatchling", reason="builds wheels: pip install hatchling")
    folder = tmp_path_factory.mktemp("fresh")
    wheels = [
        wheel_of(ROOT, folder / "core"),
        wheel_of(write_distribution(folder / "src" / "hello", "hello", ""), folder / "hello"),
        wheel_of(
            write_distribution(folder / "src" / "broken", "broken", BROKEN), folder / "broken"
        ),
    ]
    return fresh_environment(folder, wheels)


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
    assert told["plugins"]["adapters"][0] == "gpucore-framework"
