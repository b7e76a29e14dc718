"""A pyworkflow that is missing, too old, too new or broken is told, with what works."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

import gpucore.hosts.scipion
from gpucore.errors import ProgramError
from gpucore.hosts.scipion import install, remove
from gpucore.hosts.scipion.versions import check_pyworkflow

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pyworkflow(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module in the place of Scipion's."""
    module = ModuleType("pyworkflow")
    monkeypatch.setitem(sys.modules, "pyworkflow", module)
    return module


@pytest.mark.parametrize("call", [install, remove])
def test_a_python_without_pyworkflow_is_told_where_there_is_one(
    call: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyworkflow", None)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "pyworkflow")
    with pytest.raises(ProgramError) as error:
        call()  # type: ignore[operator]
    assert error.value.what == "Scipion's pyworkflow is not installed in this Python"
    assert "scipion3 python" in error.value.hint
    assert '"scipion-pyworkflow>=3.10.6,<3.12"' in error.value.hint


@pytest.mark.parametrize("version", ["3.10.6", "3.11", "3.11.7", "3.11.20rc1"])
def test_a_version_that_works_is_returned(version: str, pyworkflow: ModuleType) -> None:
    pyworkflow.__version__ = version
    assert check_pyworkflow() == version


@pytest.mark.parametrize("version", ["2.0", "3.10.5", "3.12.0", "3.12.0rc1", "4.0.0", "devel"])
def test_a_version_that_nobody_has_tried_is_refused_with_those_that_work(
    version: str, pyworkflow: ModuleType
) -> None:
    pyworkflow.__version__ = version
    with pytest.raises(ProgramError) as error:
        install()
    assert error.value.what == (
        f"pyworkflow {version} is not known to gpucore: 3.10.6 and later work, before 3.12.0"
    )
    assert "GPUCORE_SCIPION=off" in error.value.hint


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import nowhere_to_be_found", "nowhere_to_be_found"),
        ("raise OSError('no home')", "no home"),
    ],
)
def test_a_pyworkflow_that_cannot_be_imported_is_told_with_the_reason(
    text: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyworkflow.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ProgramError) as error:
        install()
    assert error.value.what.startswith("Scipion's pyworkflow cannot be imported: ")
    assert why in error.value.what


def test_the_package_has_nothing_but_what_it_says() -> None:
    with pytest.raises(AttributeError, match="no attribute 'uninstall'"):
        _ = gpucore.hosts.scipion.uninstall
