"""Plugins are the same or not by distribution and name, however the name is spelt."""

from __future__ import annotations

import pytest

from gpucore.plugins.found import Found, canonical


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
