"""Imports point one way, the inside is pure, and files stay small: read from the source itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

LEVELS = (
    "gpucore.errors",
    "gpucore.standard",
    "gpucore.scheduling",
    "gpucore.config",
    "gpucore.plugins",
    "gpucore.system",
    "gpucore.engines",
    "gpucore.registry",
    "gpucore.executor",
    "gpucore.report",
    "gpucore.serving",
    "gpucore.hosts",
    "gpucore.testing",
    "gpucore.cli",
)
"""A module imports from its own level and from those before it."""

MODULES = {
    "gpucore": "gpucore.executor",  # what a host sees; it imports up to the executor, lazily
    "gpucore.__main__": "gpucore.cli",
    "gpucore.admission": "gpucore.executor",
    "gpucore.adoption": "gpucore.executor",
    "gpucore.attempts": "gpucore.executor",
    "gpucore.causes": "gpucore.executor",
    "gpucore.clashes": "gpucore.executor",
    "gpucore.codes": "gpucore.cli",
    "gpucore.containers": "gpucore.executor",
    "gpucore.deprecation": "gpucore.errors",
    "gpucore.dispatch": "gpucore.executor",
    "gpucore.feeding": "gpucore.executor",
    "gpucore.futures": "gpucore.executor",
    "gpucore.holding": "gpucore.executor",
    "gpucore.inbox": "gpucore.executor",
    "gpucore.inspection": "gpucore.executor",
    "gpucore.jobs": "gpucore.executor",
    "gpucore.learning": "gpucore.executor",
    "gpucore.lease": "gpucore.executor",
    "gpucore.modes": "gpucore.executor",
    "gpucore.monitoring": "gpucore.executor",
    "gpucore.notes": "gpucore.executor",
    "gpucore.observers": "gpucore.executor",
    "gpucore.opening": "gpucore.executor",
    "gpucore.moves": "gpucore.executor",
    "gpucore.outcomes": "gpucore.executor",
    "gpucore.ownership": "gpucore.executor",
    "gpucore.planning": "gpucore.executor",
    "gpucore.provision": "gpucore.executor",
    "gpucore.record": "gpucore.executor",
    "gpucore.results": "gpucore.executor",
    "gpucore.retrying": "gpucore.executor",
    "gpucore.running": "gpucore.executor",
    "gpucore.sameness": "gpucore.executor",
    "gpucore.scaffold": "gpucore.executor",
    "gpucore.settings": "gpucore.executor",
    "gpucore.sightings": "gpucore.executor",
    "gpucore.staging": "gpucore.executor",
    "gpucore.startup": "gpucore.executor",
    "gpucore.step_leases": "gpucore.executor",
    "gpucore.stewardship": "gpucore.executor",
    "gpucore.streaming": "gpucore.executor",
    "gpucore.streaming.backlog": "gpucore.executor",
    "gpucore.streaming.batches": "gpucore.executor",
    "gpucore.streaming.behind": "gpucore.executor",
    "gpucore.streaming.finder": "gpucore.executor",
    "gpucore.streaming.folder": "gpucore.executor",
    "gpucore.streaming.given": "gpucore.executor",
    "gpucore.streaming.job": "gpucore.executor",
    "gpucore.streaming.patterns": "gpucore.executor",
    "gpucore.streaming.settling": "gpucore.executor",
    "gpucore.streaming.source": "gpucore.executor",
    "gpucore.streaming.stages": "gpucore.executor",
    "gpucore.streaming.stream": "gpucore.executor",
    "gpucore.streaming.submitting": "gpucore.executor",
    "gpucore.submissions": "gpucore.executor",
    "gpucore.surroundings": "gpucore.executor",
    "gpucore.symptoms": "gpucore.executor",
}
"""Modules that lie at the top and belong to a level that is not called like them."""

PURE = ("gpucore.errors", "gpucore.standard", "gpucore.scheduling")
OUTSIDE = {
    "asyncio", "concurrent", "ctypes", "datetime", "fcntl", "io", "logging", "multiprocessing",
    "os", "queue", "random", "secrets", "shutil", "signal", "socket", "sqlite3", "subprocess",
    "sys", "tempfile", "threading", "time", "uuid", "warnings",
}  # fmt: skip
OUTSIDE_CALLS = {"open", "print", "input", "exec", "eval", "breakpoint"}
PATHS = {"PurePath", "PurePosixPath"}

ADAPTERS_MAY_IMPORT = ("gpucore.standard", "gpucore.plugins")
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
MOST_LINES = 400


def modules(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield dotted name and file of every module of a package."""
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def imports(name: str, file: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, module and imported name of every import, those for types alone included."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) + 1 - node.level]
            source = ".".join([*base, node.module or ""]).strip(".") if node.level else node.module
            for alias in node.names:
                yield node.lineno, source or "", alias.name


def level(module: str) -> int | None:
    """Return how far down a module stands; None when no level is known for it."""
    for known, place in MODULES.items():
        if module == known:
            return LEVELS.index(place)
    return next(
        (n for n, one in enumerate(LEVELS) if module == one or module.startswith(f"{one}.")), None
    )


def direction_faults(folder: Path) -> list[str]:
    """Return every import that points down the list of levels."""
    faults = []
    known = {name for name, _ in modules(folder)}
    for name, file in modules(folder):
        here = level(name)
        if here is None:
            faults.append(f"{file}: {name} has no level: add it to tests/test_architecture.py")
            continue
        for line, source, imported in imports(name, file):
            target = f"{source}.{imported}" if f"{source}.{imported}" in known else source
            if target.split(".")[0] != folder.name:
                continue
            there = level(target)
            if there is None or there > here:
                faults.append(f"{file}:{line}: {name} must not import {target}")
    return faults


def purity_faults(folder: Path) -> list[str]:
    """Return every way in which a pure module touches the outside."""
    faults = []
    for name, file in modules(folder):
        if not any(name == one or name.startswith(f"{one}.") for one in PURE):
            continue
        for line, source, imported in imports(name, file):
            outside = source.split(".")[0] in OUTSIDE
            if source == "pathlib":
                outside = imported not in PATHS
            if outside:
                what = f"{source}.{imported}".rstrip(".")
                faults.append(f"{file}:{line}: {name} is pure and imports {what}")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id in OUTSIDE_CALLS:
                faults.append(f"{file}:{called.lineno}: {name} is pure and calls {called.id}")
    return faults


def adapter_faults(folder: Path) -> list[str]:
    """Return every import of an adapter beyond the standard and the plugins' public names."""
    faults = []
    for name, file in modules(folder):
        own = ".".join(name.split(".")[:2])
        for line, source, imported in imports(name, file):
            package = source.split(".")[0]
            if package == folder.name:
                # A program that we ship is a folder of its own; adapters know nothing of others.
                # What PyTorch prints, say, is the same for each program that is built on it, and a
                # mode of a program (motioncor_serial) builds on the program (motioncor3).
                whole = f"{source}.{imported}"
                allowed = f"{source}.".startswith(f"{own}.") or whole == own
                allowed = allowed or source.endswith(("_failures", "_names"))
                allowed = allowed or _letters(source) == _letters(own)
            elif package == "gpucore":
                allowed = source in ADAPTERS_MAY_IMPORT and not imported.startswith("_")
            else:
                allowed = True
            if not allowed:
                faults.append(f"{file}:{line}: {name} must not import {source}")
    return list(dict.fromkeys(faults))


def _letters(module: str) -> str:
    """Return the letters that the name of an adapter's module begins with: its family."""
    parts = module.split(".")
    return re.sub("[^a-z].*", "", parts[1]) if len(parts) > 1 else ""


def file_faults(*folders: Path) -> list[str]:
    """Return every file that is too long, and every name that says nothing."""
    faults = []
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            lines = len(file.read_text(encoding="utf-8").splitlines())
            if lines > MOST_LINES:
                faults.append(f"{file}: {lines} lines, {MOST_LINES} at most")
            parts = (file.stem, *file.relative_to(folder).parts[:-1])
            faults += [
                f"{file}: the name `{part}` says nothing"
                for part in parts
                if part in NAMES_THAT_SAY_NOTHING
            ]
    return faults


def test_imports_point_one_way() -> None:
    assert not direction_faults(ROOT / "gpucore")


def test_the_standard_and_the_scheduling_are_pure() -> None:
    assert not purity_faults(ROOT / "gpucore")


def test_adapters_import_only_what_is_public_to_them() -> None:
    assert not adapter_faults(ROOT / "adapters" / "gpucore_adapters")


def test_files_are_small_and_their_names_say_what_they_hold() -> None:
    assert not file_faults(ROOT / "gpucore", ROOT / "adapters" / "gpucore_adapters", ROOT / "tests")


def test_every_level_that_exists_is_read() -> None:
    found = {name for name, _ in modules(ROOT / "gpucore")}
    assert {"gpucore", *PURE} <= found


def plant(folder: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("path", "text", "fault"),
    [
        ("standard/a.py", "from gpucore.scheduling import Ledger", "gpucore.scheduling"),
        ("standard/a.py", "import gpucore.cli.run", "gpucore.cli.run"),
        ("standard/a.py", "from gpucore import executor", "gpucore.executor"),
        ("standard/a.py", "import gpucore", "gpucore"),
        ("standard/a.py", "from ..scheduling import ledger", "gpucore.scheduling.ledger"),
        ("standard/a.py", "from .. import executor", "gpucore.executor"),
        ("standard/__init__.py", "from ..executor import x", "gpucore.executor"),
        ("errors.py", "from gpucore.standard import Device", "gpucore.standard"),
        (
            "scheduling/a.py",
            "if TYPE_CHECKING:\n    from gpucore.config import Settings",
            "gpucore.config",
        ),
        ("plugins/a.py", "def f():\n    from gpucore.system import nvml", "gpucore.system"),
        ("executor.py", "from gpucore.cli import main", "gpucore.cli"),
        ("registry.py", "from gpucore.executor import x", "gpucore.executor"),
        ("__init__.py", "from gpucore.report import x", "gpucore.report"),
        ("standard/a.py", "from gpucore.nowhere import x", "gpucore.nowhere"),
    ],
)
def test_a_planted_import_that_points_down_is_found(
    tmp_path: Path, path: str, text: str, fault: str
) -> None:
    files = {"__init__.py": "", "executor.py": "", "scheduling/ledger.py": "", path: text}
    (found,) = direction_faults(plant(tmp_path / "gpucore", files))
    assert found.endswith(f"must not import {fault}")
    assert str(Path("gpucore") / path) in found


def test_imports_that_point_up_are_no_faults(tmp_path: Path) -> None:
    files = {
        "__init__.py": "def __getattr__(n):\n    from gpucore.executor import StepExecutor",
        "__main__.py": "from gpucore.cli import main",
        "standard/a.py": "from gpucore.errors import GpucoreError\nfrom .b import c\nimport json",
        "scheduling/a.py": "from gpucore.standard import Need",
        "executor.py": "from gpucore.registry import x\nimport os",
        "cli/run.py": "from gpucore import StepExecutor\nfrom gpucore.executor import x",
    }
    assert not direction_faults(plant(tmp_path / "gpucore", files))


def test_a_module_without_a_level_is_found(tmp_path: Path) -> None:
    (found,) = direction_faults(plant(tmp_path / "gpucore", {"standardise.py": ""}))
    assert "gpucore.standardise has no level" in found


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("import os", "imports os"),
        ("import os.path", "imports os.path"),
        ("from time import monotonic", "imports time.monotonic"),
        ("from pathlib import Path", "imports pathlib.Path"),
        ("import pathlib", "imports pathlib"),
        ("def f():\n    import logging", "imports logging"),
        ("if TYPE_CHECKING:\n    import threading", "imports threading"),
        ("print('x')", "calls print"),
        ("with open('x') as f: pass", "calls open"),
    ],
)
def test_a_planted_touch_of_the_outside_is_found(tmp_path: Path, text: str, fault: str) -> None:
    files = {"standard/a.py": text, "system/a.py": "import os\nprint(open('x'))"}
    (found,) = purity_faults(plant(tmp_path / "gpucore", files))
    assert found.endswith(fault)


def test_a_pure_path_is_pure(tmp_path: Path) -> None:
    files = {"standard/a.py": "from pathlib import PurePosixPath\nimport re, json"}
    assert not purity_faults(plant(tmp_path / "gpucore", files))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gctf.py", "from gpucore.standard.template import render"),
        ("gctf.py", "from gpucore.standard import _x"),
        ("gctf.py", "from gpucore.executor import StepExecutor"),
        ("gctf.py", "import gpucore"),
        ("gctf.py", "from gpucore_adapters.motioncor2 import ADAPTER"),
        ("gctf.py", "from . import motioncor2"),
        ("framealign/a.py", "from gpucore_adapters import gctf"),
    ],
)
def test_an_adapter_that_reaches_too_far_is_found(tmp_path: Path, path: str, text: str) -> None:
    (found,) = adapter_faults(plant(tmp_path / "gpucore_adapters", {path: text}))
    assert " must not import " in found


def test_an_adapter_may_use_the_standard_and_its_own_folder(tmp_path: Path) -> None:
    files = {
        "gctf.py": "from gpucore.standard import Adapter\nfrom gpucore.plugins import hookimpl",
        "framealign/__init__.py": "from gpucore_adapters.framealign.movie import read",
        "framealign/a.py": "from .movie import read\nimport numpy\n"
        "from gpucore_adapters.framealign import movie",
        "gctf_serial.py": "from gpucore_adapters.gctf import ADAPTER\n"
        "from gpucore_adapters.shell_names import PLAIN_NAME",
    }
    assert not adapter_faults(plant(tmp_path / "gpucore_adapters", files))


def test_a_long_file_and_a_name_that_says_nothing_are_found(tmp_path: Path) -> None:
    files = {"a.py": "x = 1\n" * 401, "b.py": "x = 1\n" * 400, "utils.py": "", "common/c.py": ""}
    found = file_faults(plant(tmp_path, files))
    assert [Path(fault.split(":")[0]).name for fault in found] == ["a.py", "c.py", "utils.py"]
