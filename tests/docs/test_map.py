"""The map in CONTRIBUTING.md has all that there is, and nothing else."""

from __future__ import annotations

from docs.pages import ROOT, column, section

MAP = section(ROOT / "CONTRIBUTING.md", "2. The map")
PACKAGE = ROOT / "gpucore"


def test_every_module_and_folder_of_the_package_is_on_the_map() -> None:
    modules = {path.stem for path in PACKAGE.glob("[!_]*.py")}
    folders = {
        f"gpucore/{path.name}/"
        for path in PACKAGE.iterdir()
        if path.is_dir() and any(path.glob("*.py*")) and path.name != "__pycache__"
    }
    told = column(MAP)
    assert modules | folders <= {
        *told,
        *(one.removeprefix("gpucore/").removesuffix(".py") for one in told),
    }


def test_the_map_has_no_module_that_is_not_there() -> None:
    for name in column(MAP):
        path = ROOT / name if "/" in name else PACKAGE / f"{name}.py"
        assert path.exists() or (ROOT / "adapters" / name).exists(), name
