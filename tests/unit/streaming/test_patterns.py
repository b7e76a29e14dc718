"""Which names in a watched folder are files to run over."""

from __future__ import annotations

import pytest

from gpucore.streaming.patterns import NamePattern, is_unfinished_name


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.tif", "m1.tif"),
        ("*.tif", "a b[1].tif"),
        ("m?.tif", "m1.tif"),
        ("m[0-4].tif", "m3.tif"),
        ("m[!0-4].tif", "m7.tif"),
        ("m[1.tif", "m[1.tif"),
        ("*", "anything"),
        ("**/*.tif", "m1.tif"),
        ("**/*.tif", "a/b/c/m1.tif"),
        ("grid_*/Data/*.tif", "grid_7/Data/m1.tif"),
        ("*.tif", "m\nn.tif"),
        ("*.tif", "m\udcff.tif"),
        ("[]]*", "]a"),
    ],
)
def test_a_path_that_fits_is_taken(pattern: str, path: str) -> None:
    assert NamePattern([pattern]).fits(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.tif", "m1.tiff"),
        ("*.tif", "a/m1.tif"),
        ("m?.tif", "m.tif"),
        ("m[0-4].tif", "m7.tif"),
        ("grid_*/*.tif", "grid_7/Data/m1.tif"),
        ("**/*.tif", ".hidden/m1.tif"),
        ("*.tif", ".m1.tif"),
        ("*", "m1.tif.part"),
        ("*.tif", "M1.TIF"),
    ],
)
def test_a_path_that_does_not_fit_is_not_taken(pattern: str, path: str) -> None:
    assert not NamePattern([pattern]).fits(path)


def test_one_of_several_patterns_is_enough() -> None:
    pattern = NamePattern(["*.tif", "*/*.mrc"])
    assert pattern.fits("a.tif")
    assert pattern.fits("b/a.mrc")
    assert not pattern.fits("a.mrc")
    assert pattern.may_hold("b")
    assert not pattern.may_hold("b/c")


@pytest.mark.parametrize("name", ["m.tif.part", "m.TMP", "m.tif~", ".m.tif.Xa3", "m.filepart"])
def test_names_of_files_that_are_not_finished_are_known(name: str) -> None:
    assert is_unfinished_name(name)


@pytest.mark.parametrize("name", ["part.tif", "tmp", "m.part.tif"])
def test_names_that_only_look_like_them_are_not(name: str) -> None:
    assert not is_unfinished_name(name)
