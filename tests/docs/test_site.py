"""The site has every page, and of each what GitHub shows; Sphinx is not needed to know that."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING

import pytest
from docs.pages import ROOT

if TYPE_CHECKING:
    from types import ModuleType

DOCS = ROOT / "docs"
DOCNAMES = {str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.rglob("*.md")}


def loaded(name: str) -> ModuleType:
    """Return a module of the site's own, which is in no package."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "_sphinx" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SITE = loaded("github_pages")


def entries(docname: str) -> set[str]:
    """Return the pages that the toctrees of a page name."""
    text = (DOCS / f"{docname}.md").read_text(encoding="utf-8")
    folder = "/".join(docname.split("/")[:-1])
    found = set()
    for toctree in SITE.toctrees(text, docname, DOCNAMES):
        for line in toctree.partition("\n\n")[2].splitlines()[:-1]:
            pattern = re.escape(f"{folder}/{line}" if folder else line).replace(r"\*", "[^/]*")
            found |= {one for one in DOCNAMES if re.fullmatch(pattern, one)}
    return found


def test_every_page_is_in_the_navigation() -> None:
    reached, ahead = set(), ["index"]
    while ahead:
        page = ahead.pop()
        if page not in reached:
            reached.add(page)
            ahead += entries(page)
    assert not DOCNAMES - reached, "link them in a list of docs/index.md"


def test_every_list_of_the_first_page_has_a_caption() -> None:
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    found = list(SITE.toctrees(text, "index", DOCNAMES))
    assert len(found) > 3
    assert all(":caption: " in one for one in found)


def test_a_page_lists_what_is_in_the_folder_of_its_name() -> None:
    names = {"a", "a/b", "c", "c/index", "c/d", "d"}
    assert "\na/*\n" in next(SITE.toctrees("", "a", names))
    assert "\nc/index\n" in next(SITE.toctrees("", "c", names))
    assert not list(SITE.toctrees("", "d", names))


@pytest.mark.parametrize(
    ("docname", "link", "shown"),
    [
        ("howto/map", "[a](../index.md#words)", "[a](../index.md#words)"),
        ("howto/map", "[a](#words)", "[a](#words)"),
        ("howto/map", "[a](https://example.org/x)", "[a](https://example.org/x)"),
        ("howto/map", "[a](../../CHANGELOG.md)", "[a](../changelog.md)"),
        ("howto/map", "[`a`](../../examples/a/README.md)", "`a`"),
        ("howto/map", "```text\n[a](../../x)\n```\n", "```text\n[a](../../x)\n```\n"),
        ("contributing", "[a](docs/howto/map.md#x) [b](gpucore/a.py)", "[a](howto/map.md#x) b"),
    ],
)
def test_links_lead_to_pages_alone(docname: str, link: str, shown: str) -> None:
    file = SITE.SHOWN.get(docname, f"docs/{docname}.md")
    assert SITE.inside(link, file, docname) == shown


def test_files_that_the_site_shows_are_there() -> None:
    for docname, file in SITE.SHOWN.items():
        assert (ROOT / file).is_file()
        assert f"](../{file})" in (DOCS / f"{docname}.md").read_text(encoding="utf-8")
