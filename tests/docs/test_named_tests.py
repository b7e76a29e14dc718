"""Where the pages say which test shows something, there is one, and it shows that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.pages import PAGES, ROOT, rows, section

TESTS = {path.name: path for path in sorted((ROOT / "tests").rglob("test_*.py"))}
PAGES_OF_DOCS = [page for page in PAGES if page.is_relative_to(ROOT / "docs")]
NAMED = re.compile(r"`((?:tests/[\w/]+/)?test_\w+\.py)`")
RELIABILITY = ROOT / "docs" / "reliability.md"
BROKEN = rows(section(ROOT / "docs" / "howto" / "broken-gpus.md", "By what you see"))


@pytest.mark.parametrize("page", PAGES_OF_DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    for name in NAMED.findall(page.read_text(encoding="utf-8")):
        path = TESTS.get(Path(name).name)
        assert path is not None, name
        assert "/" not in name or path.relative_to(ROOT) == Path(name), name


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row[0])
def test_the_tests_of_a_symptom_are_those_that_its_row_names(row: list[str]) -> None:
    named = NAMED.findall(row[-1])
    assert named
    of_it = {
        name
        for name, path in TESTS.items()
        if f"def test_row_{row[0]}_" in path.read_text(encoding="utf-8")
    }
    assert of_it <= set(named)


def test_every_symptom_that_a_test_is_named_after_has_its_row() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in TESTS.values())
    tested = {int(number) for number in re.findall(r"def test_row_(\d+)_", text)}
    assert tested <= {int(row[0]) for row in BROKEN}
    assert [int(row[0]) for row in BROKEN] == list(range(1, len(BROKEN) + 1))


def test_every_promise_names_what_shows_it() -> None:
    promises = re.findall(r"^(\d+)\. ", section(RELIABILITY, "Promises"), re.MULTILINE)
    shown = rows(section(RELIABILITY, "What shows each"))
    assert [row[0] for row in shown] == promises
    assert all(NAMED.search(row[1]) or "follows from" in row[1] for row in shown)
