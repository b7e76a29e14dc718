"""The page on device sources tells every source, and every message of a driver in trouble."""

from __future__ import annotations

from docs.pages import ROOT, column, rows, section

from gpucore.config import SiteConfig
from gpucore.registry import open_plugins
from gpucore.system import nvml
from gpucore.system.nvml import DEADLINE, meaning
from gpucore.system.simulated import MEMORY_MIB

PAGE = ROOT / "docs" / "reference" / "device-sources.md"


def test_every_source_is_told() -> None:
    told = [one.partition(":")[0] for one in column(PAGE.read_text("utf-8").partition("\n## ")[0])]
    known = open_plugins(SiteConfig()).device_sources
    assert sorted(told) == sorted(known)


def test_every_message_of_a_driver_in_trouble_is_told_with_what_to_do() -> None:
    table = {row[0]: row[1] for row in rows(section(PAGE, "When the driver cannot be asked"))}
    missing = [meaning(fault) for fault in nvml._MEANINGS]
    assert {error.what: error.hint for error in missing}.items() <= table.items()
    library = meaning("LibraryNotFound")
    assert table[library.what] == library.hint
    others = {what for what in table if what not in {error.what for error in missing}}
    assert {what for what in others if "libnvidia-ml" not in what} == {
        f"the NVIDIA driver did not answer within {DEADLINE:g} seconds"
    }


def test_numbers_are_those_of_the_code() -> None:
    text = PAGE.read_text("utf-8")
    assert f"made-up GPUs of {MEMORY_MIB // 1024} GiB" in text
    assert f"has\n{DEADLINE:g} seconds" in text
