"""Loading plugins is cheap, because what they import is."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pydantic", "rich", "click", "pynvml", "numpy", "tomli", "tomllib", "importlib.metadata")


def imported_by(statement: str) -> set[str]:
    """Return what a fresh interpreter has imported after a statement."""
    code = f"import sys\nsys.path[:] = {sys.path!r}\n{statement}\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.slow
def test_importing_gpucore_plugins_imports_nothing_heavy() -> None:
    assert imported_by("import gpucore.plugins").isdisjoint(HEAVY)


@pytest.mark.slow
def test_loading_every_installed_plugin_imports_nothing_heavy() -> None:
    modules = imported_by("from gpucore.plugins import PluginHost\nPluginHost.load()")
    assert modules.isdisjoint(HEAVY)
