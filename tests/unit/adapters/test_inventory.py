"""Every program of the inventory has an adapter, or the index says why it has none.

``inventory.tsv`` holds each place where Scipion's plugins start a program with a GPU, and each
program of a survey of the field, with the adapters that run it.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from catalogue.evidence import Evidence
from catalogue.index import index_text
from catalogue.without import WITHOUT

from gpucore.plugins import PluginHost

INSTALLED = PluginHost.load().adapters
with (Path(__file__).parent / "inventory.tsv").open(encoding="utf-8", newline="") as _file:
    ROWS = list(csv.DictReader(_file, delimiter="\t"))


def test_the_inventory_is_that_of_scipions_plugins_and_of_the_survey() -> None:
    scipion = [row for row in ROWS if row["source"].startswith("scipion-em-")]
    assert len(scipion) == 165
    assert len({row["source"] for row in scipion}) > 40
    assert len(ROWS) - len(scipion) > 40


@pytest.mark.parametrize(
    "row", ROWS, ids=lambda row: f"{row['source']}: {row['protocol or program']}"
)
def test_each_program_has_an_adapter_or_a_reason(row: dict[str, str]) -> None:
    adapters = row["adapters"].split()
    assert adapters or row["without"]
    assert [name for name in adapters if name not in INSTALLED] == []
    assert row["without"] in {"", *WITHOUT}


def test_no_reason_is_given_for_a_program_that_has_an_adapter() -> None:
    executables = {Path(one.program.executable).name for one in INSTALLED.values()}
    assert not executables & set(WITHOUT)


@pytest.mark.parametrize("name", WITHOUT)
def test_the_index_says_why_a_program_has_none(name: str) -> None:
    text = index_text(INSTALLED.values(), Evidence(runs={}, live=frozenset()))
    section = text.partition("## Programs without an adapter, and why")[2]
    (line,) = (
        one for one in section.splitlines() if one.replace("\\_", "_").startswith(f"| {name} ")
    )
    assert WITHOUT[name] in line


@pytest.mark.parametrize("name", WITHOUT)
def test_an_adapter_that_a_reason_names_is_there(name: str) -> None:
    named = [one for one in WITHOUT[name].split("`")[1::2] if " " not in one and one != "gpus"]
    assert [one for one in named if one not in INSTALLED] == []
