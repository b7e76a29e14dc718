"""Plugins are the same or not by distribution and name, however the name is spelt."""

from __future__ import annotations

import importlib.metadata
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import PluginError
from gpucore.plugins.found import Found, canonical, find_plugins, load_reference

if TYPE_CHECKING:
    from pathlib import Path


def found(distribution: str, name: str = "p") -> Found:
    return Found(name=name, distribution=distribution, version="1", module="m", load=lambda: None)


@pytest.mark.parametrize("spelling", ["my-lab", "My_Lab", "my.lab", "MY--LAB"])
def test_two_spellings_of_a_distribution_are_one(spelling: str) -> None:
    assert canonical(spelling) == "my-lab"
    assert found(spelling).key == "my-lab:p"


def test_gpucores_own_distribution_is_known_however_it_is_spelt() -> None:
    assert found("gpucore_framework").is_core
    assert not found("gpucore").is_core


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        (["p"], True),
        (["my_lab"], True),
        (["my-lab:p"], True),
        (["q", "my-lab:q"], False),
        ([], False),
    ],
)
def test_a_plugin_is_meant_by_its_name_its_distribution_or_both(
    names: list[str], meant: bool
) -> None:
    assert found("My-Lab").is_named(names) is meant


def info(folder: Path, name: str, **files: str) -> None:
    """Write a folder of metadata; a name's last `_` is the dot of its file."""
    (folder / name).mkdir()
    for file, text in files.items():
        (folder / name / file.replace("_txt", ".txt").replace("PKG_", "PKG-")).write_text(text)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder that is looked at."""
    monkeypatch.setattr("gpucore.plugins.found.search_path", lambda: [str(tmp_path)])
    return tmp_path


POINTS = "[console_scripts]\nx = y\n[gpucore]\n# a comment\n\n p = a.b : c [e]\nq=m\n[other]\nr=s\n"


def test_what_is_found_is_what_pythons_own_reader_finds(folder: Path) -> None:
    info(folder, "my_lab-1.dist-info", entry_points_txt=POINTS,
         METADATA="Metadata-Version: 2.1\nName: My_Lab\nVersion: 1.5\n\nName: no\n")  # fmt: skip
    own = importlib.metadata.PathDistribution(folder / "my_lab-1.dist-info")
    points = own.entry_points.select(group="gpucore")
    assert [(one.name, one.module) for one in find_plugins()] == [
        (point.name, point.value) for point in sorted(points)
    ]
    assert {(one.distribution, one.version) for one in find_plugins()} == {("My_Lab", "1.5")}


def test_every_plugin_that_is_installed_here_is_found() -> None:
    points = importlib.metadata.entry_points(group="gpucore")
    assert {(one.name, one.module) for one in find_plugins()} == {
        (point.name, point.value) for point in points
    }


def test_a_development_install_is_found_by_its_egg_info(folder: Path) -> None:
    info(folder, "lab.egg-info", entry_points_txt="[gpucore]\np = m\n",
         PKG_INFO="Name: lab\nVersion: 2\n")  # fmt: skip
    assert [(one.key, one.version) for one in find_plugins()] == [("lab:p", "2")]


def test_a_distribution_in_an_archive_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "lab.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("lab-3.dist-info/METADATA", "Name: lab\nVersion: 3\n")
        file.writestr("lab-3.dist-info/entry_points.txt", "[gpucore]\np = m\n")
    monkeypatch.setattr("gpucore.plugins.found.search_path", lambda: [str(archive)])
    assert [(one.key, one.version) for one in find_plugins()] == [("lab:p", "3")]


def test_a_distribution_that_another_finder_knows_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info(tmp_path, "lab-4.dist-info", entry_points_txt="[gpucore]\np = m\n",
         METADATA="Name: lab\nVersion: 4\n")  # fmt: skip

    class Finder:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            return None

        @staticmethod
        def find_distributions(context: object) -> list[importlib.metadata.Distribution]:
            return [importlib.metadata.PathDistribution(tmp_path / "lab-4.dist-info")]

    monkeypatch.setattr("gpucore.plugins.found.search_path", list)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert [(one.key, one.version) for one in find_plugins()] == [("lab:p", "4")]


def test_a_folder_that_is_not_there_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gpucore.plugins.found.search_path", lambda: ["/nowhere", "\0"])
    assert find_plugins() == []


@pytest.mark.parametrize(
    ("text", "found_there"),
    [
        ("json", "json"),
        ("json:loads", "loads"),
        ("json.decoder : JSONDecoder.decode [x]", "decode"),
    ],
)
def test_a_reference_is_a_module_or_something_in_it(text: str, found_there: str) -> None:
    assert getattr(load_reference(text), "__name__", "") == found_there


@pytest.mark.parametrize("text", ["", "not a module", "a:b:c", "a.", ".a", "a:"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(PluginError, match="which is no module"):
        load_reference(text)


def test_names_within_a_plugin_are_told_with_or_without_its_distribution() -> None:
    names = ["a", "my_lab:b", "other:c"]
    assert found("My-Lab").names_within(names) == {"a", "b"}
