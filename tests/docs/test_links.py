"""Links of the documentation lead somewhere, and nothing in it belongs to one machine alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from docs.pages import GENERATED, PAGES, ROOT, anchors, links

if TYPE_CHECKING:
    from pathlib import Path

EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
OF_ONE_MACHINE = re.compile(
    r"(?<![\w.])/(?:root|work|tmp|home/\w+)\b"
    r"|(?i:pypi\.org|pythonhosted\.org|conda\.anaconda\.org|index-url|localhost:\d+)"
)
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[a-z]{2,}")


@EVERY_PAGE
def test_every_link_to_a_file_leads_to_it(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page}: {link}"
        assert ROOT in target.parents, f"{page}: {link} leads out of the repository"
        if anchor:
            assert anchor in anchors(target), f"{page}: {link}"


@EVERY_PAGE
def test_no_page_names_what_one_machine_alone_has(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    if page.parent == GENERATED:
        text = text.replace("in /tmp/", "")  # where a program leaves its own files is a fact of it
    assert not OF_ONE_MACHINE.findall(text)
    assert not MAIL.findall(text)


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        ahead += [
            (page.parent / link.partition("#")[0]).resolve()
            for link in links(page)
            if not re.match(r"[a-z]+:|#", link)
        ]
    assert set(PAGES) <= reached


def test_what_one_machine_alone_has_is_found() -> None:
    for folder in ("root", "work", "tmp", "home/somebody"):
        assert OF_ONE_MACHINE.search(f"see /{folder}/x")
    for words in (("pypi", "org/simple"), ("files.pythonhosted", "org")):
        assert OF_ONE_MACHINE.search(".".join(words))
    assert OF_ONE_MACHINE.search("-".join(("--index", "url")))
    for text in ("/opt/Gctf", "framework", "docs/working.md", "at/root", "/etc/gpucore"):
        assert not OF_ONE_MACHINE.search(text)
