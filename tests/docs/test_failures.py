"""The page on failures says of each class what `gpucore explain` says."""

from __future__ import annotations

from docs.pages import ROOT, rows, section

from gpucore.standard.classes import CLASSES

PAGE = ROOT / "docs" / "explanation" / "failures.md"


def test_the_page_on_failures_says_of_each_class_what_explain_says() -> None:
    table = rows(section(PAGE, "What a class means, and what follows"))
    told = {cells[0].strip("`"): (cells[1], cells[2]) for cells in table}
    assert told == {
        failure.value: (facts.means, facts.follows) for failure, facts in CLASSES.items()
    }
