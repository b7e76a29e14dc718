"""What will go is said with the version, where it is used, and goes when that version comes."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import gpucore
from gpucore.deprecation import (
    DEPRECATED,
    Deprecation,
    GpucoreDeprecationWarning,
    deprecated,
)

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
OLD = Deprecation(what="twice(x)", since="0.2.0", gone="0.4.0", instead="write `x * 2`")


@deprecated(OLD)
def twice(number: int) -> int:
    """Return a number twice."""
    return number * 2


def overdue(entries: tuple[Deprecation, ...], version: str) -> list[str]:
    """Return what should have gone by a version, or would go without a minor version between."""
    now = numbers(version)
    return [
        one.what
        for one in entries
        if now >= numbers(one.gone) or numbers(one.gone)[:2] <= numbers(one.since)[:2]
    ]


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(one) for one in version.split("."))


def test_what_is_deprecated_works_and_tells_versions_and_what_to_write_on_its_users_line() -> None:
    with pytest.warns(GpucoreDeprecationWarning) as told:
        assert twice(3) == 6
    (one,) = told
    assert str(one.message) == (
        "twice(x) is deprecated since gpucore 0.2.0 and goes in 0.4.0: write `x * 2`"
    )
    assert one.filename == __file__
    assert issubclass(GpucoreDeprecationWarning, DeprecationWarning)
    assert twice.__doc__ == "Return a number twice."


def test_an_argument_that_will_go_is_told_on_the_line_of_the_call() -> None:
    def opened(gpu: str | None = None) -> str | None:
        if gpu is not None:
            OLD.warn()
        return gpu

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert opened() is None
        assert not told
        assert opened(gpu="0") == "0"
    assert [one.filename for one in told] == [__file__]


@pytest.mark.parametrize(
    ("version", "since", "gone", "late"),
    [
        ("0.3.9", "0.2.0", "0.4.0", False),
        ("0.4.0", "0.2.0", "0.4.0", True),
        ("1.0.0", "0.2.0", "0.4.0", True),
        ("0.2.1", "0.2.0", "0.2.5", True),
    ],
)
def test_an_entry_that_outlives_its_version_is_seen(
    version: str, since: str, gone: str, late: bool
) -> None:
    entry = Deprecation(what="x", since=since, gone=gone, instead="y")
    assert overdue((entry,), version) == (["x"] if late else [])


def test_nothing_outlives_the_version_in_which_it_was_to_go_and_all_is_in_the_changelog() -> None:
    assert overdue(DEPRECATED, gpucore.__version__) == []
    assert [one.what for one in DEPRECATED if one.what not in CHANGELOG.read_text()] == []
