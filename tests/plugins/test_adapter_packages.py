"""Distributions of adapters, as others write them, in a fresh environment: found, run, proved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fresh_environments import fresh_environment, run, wheel_of

from gpucore.scaffold import new_adapter_file, new_adapter_package

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "examples" / "gpucore-hello"
JOB = '[[step]]\nname = "greet"\nadapter = "hello"\nparams = { who = "blue lamp" }\n'


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment with gpucore, the example, and a package that `gpucore new` wrote."""
    pytest.importorskip("hatchling", reason="builds wheels: pip install hatchling")
    folder = tmp_path_factory.mktemp("packages")
    shutil.copytree(HELLO, folder / "gpucore-hello")
    new_adapter_package("sharpen", folder)
    new_adapter_file("plain", folder)
    (folder / "test_plain.py").write_text(
        "from gpucore.testing import AdapterContract\n"
        'class TestPlain(AdapterContract):\n    adapter = "plain.toml"\n'
    )
    wheels = [
        wheel_of(ROOT, folder / "core"),
        wheel_of(folder / "gpucore-hello", folder / "hello"),
        wheel_of(folder / "gpucore-sharpen", folder / "sharpen"),
    ]
    return fresh_environment(folder, wheels, also=("pytest",))


def gpucore(python: Path, *argv: str) -> str:
    return run(python, "-I", "-m", "gpucore.cli", *argv, cwd=python.parents[2])


@pytest.mark.slow
def test_the_example_is_found_and_listed_with_its_version(python: Path) -> None:
    listed = json.loads(gpucore(python, "adapters", "--json"))["adapters"]
    origins = {one["name"]: one["from"] for one in listed}
    assert origins["hello"] == "gpucore-hello 1.2.0"
    assert origins["sharpen"] == "gpucore-sharpen 0.1.0"
    assert origins["motioncor3"].startswith("gpucore-framework ")
    assert not json.loads(gpucore(python, "plugins", "--json"))["quarantine"]


@pytest.mark.slow
def test_the_example_is_run(python: Path) -> None:
    folder = python.parents[2]
    (folder / "job.toml").write_text(JOB)
    ran = json.loads(gpucore(python, "run", "job.toml", "--json", "--devices", "simulated:1"))
    (step,) = ran["steps"]
    assert (step["state"], step["argv"][1:]) == ("done", ["hello,", "blue lamp"])
    assert Path(folder, step["log"]).read_text() == "hello, blue lamp\n"


@pytest.mark.slow
def test_an_installed_gpucore_writes_new_adapters(python: Path) -> None:
    assert gpucore(python, "new", "adapter", "fresh") == "fresh.toml\n"
    assert gpucore(python, "new", "adapter", "fresh", "--package") == "gpucore-fresh\n"
    told = gpucore(python, "config", "check", "fresh.toml")
    assert told == "fresh.toml: the adapter fresh is fine\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "tests",
    ["gpucore-hello/tests", "gpucore-sharpen/tests", "test_plain.py"],
    ids=["the example", "a package of gpucore new", "a file of gpucore new"],
)
def test_what_is_written_for_others_passes_the_kit_unedited(python: Path, tests: str) -> None:
    folder = python.parents[2]
    said = run(
        python, "-I", "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider",
        "--rootdir", folder, folder / tests, cwd=folder,
    )  # fmt: skip
    assert " passed" in said
    assert " failed" not in said
