"""Synthetic movies are reproducible, and their drift is what it is said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest
from gpucore_adapters.framealign.movie import read_shifts, write_shifts
from gpucore_adapters.framealign.synthetic import make_movie, random_drift, rms_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


def test_a_random_drift_is_a_few_pixels_and_calms_down() -> None:
    for seed in range(5):
        steps = np.hypot(*np.diff(random_drift(seed).T))
        assert 3 < steps.sum() < 6
        assert (np.diff(steps) < 0).all()


def test_equal_seeds_make_equal_movies(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_movie(tmp_path / name, seed=seed, size=64, frames=3)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_the_error_ignores_where_the_whole_picture_lies() -> None:
    drift = random_drift(0)
    assert rms_error(7 - drift, drift) == pytest.approx(0)
    assert rms_error(np.zeros((2, 2)), np.array([[0, 0], [6, 8]])) == pytest.approx(5)


def test_a_table_of_shifts_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_shifts(tmp_path / "s.tsv", -random_drift(3))
    assert (tmp_path / "s.tsv").read_text().startswith("frame\tx_pixels\ty_pixels\n1\t0.0000\t")
    assert read_shifts(tmp_path / "s.tsv") == pytest.approx(-random_drift(3), abs=5e-5)
    (tmp_path / "s.tsv").write_text("no\ttable\n")
    with pytest.raises(ValueError, match="columns"):
        read_shifts(tmp_path / "s.tsv")


def test_a_movie_as_tiff_shows_the_same_picture(tmp_path: Path) -> None:
    read: Callable[[Path], NDArray[np.uint16]] = pytest.importorskip("tifffile").imread
    for name in ("m.mrc", "m.tif"):
        make_movie(tmp_path / name, seed=4, size=64, frames=3)
    turned = read(tmp_path / "m.tif")[:, ::-1]
    assert (turned == mrcfile.read(tmp_path / "m.mrc")).all()
