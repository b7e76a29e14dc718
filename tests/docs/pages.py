"""The documentation as data: its pages, and their sections, tables, links and examples.

An example is a fenced block. What stands in a comment on the line before it says more of it:
`<!-- job.toml -->`, that it is this file; `<!-- not run: why -->`, that it is for reading only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ERROR_PAGES",
    "GENERATED",
    "PAGES",
    "ROOT",
    "Block",
    "anchors",
    "blocks",
    "column",
    "links",
    "rows",
    "section",
]

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
GENERATED = ROOT / "docs" / "adapters"
"""Written from the adapters, whose examples are proved whenever they are loaded."""
ERROR_PAGES = ROOT / "docs" / "reference" / "errors"
"""Pages of codes, whose examples go wrong on purpose: `test_error_pages.py` runs them."""

_COMMENT = re.compile(r"<!-- (?:not run: (?P<why>.+)|(?P<file>\S+)) -->")
_HEADING = re.compile(r"(#+) (.+)")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    kind: str
    text: str
    file: str = ""
    why_not_run: str = ""

    @property
    def place(self) -> str:
        """Where it stands, as messages show it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    start = 0
    inside = False
    for number, line in enumerate(lines, start=1):
        assert not re.match(r"\s+```", line), f"{page}:{number}: a fence is indented"
        if not line.startswith("```"):
            continue
        if not inside:
            start, inside = number, True
            continue
        said = _COMMENT.fullmatch(lines[start - 2].strip()) if start > 1 else None
        text = "".join(f"{one}\n" for one in lines[start : number - 1])
        found.append(
            Block(
                page=page,
                line=start,
                kind=lines[start - 1].removeprefix("```").strip(),
                text=text,
                file=(said["file"] or "") if said else "",
                why_not_run=(said["why"] or "") if said else "",
            )
        )
        inside = False
    assert not inside, f"{page}:{start}: a block is not closed"
    return found


def prose(page: Path) -> str:
    """Return a page's text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)


def section(page: Path, title: str) -> str:
    """Return what stands under a heading, deeper headings included."""
    inside, depth, found = False, 0, []
    for line in page.read_text(encoding="utf-8").splitlines():
        heading = _HEADING.fullmatch(line)
        if heading and inside and len(heading[1]) <= depth:
            break
        if heading and heading[2] == title:
            inside, depth = True, len(heading[1])
        elif inside:
            found.append(line)
    assert inside, f"{page}: there is no heading `{title}`"
    return "\n".join(found)


def rows(text: str) -> list[list[str]]:
    """Return the rows of the tables in a text, heads left out."""
    cells = [
        [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    rules = [n for n, row in enumerate(cells) if all(re.fullmatch(":?-+:?", c) for c in row)]
    return [row for n, row in enumerate(cells) if n not in rules and n + 1 not in rules]


def column(text: str) -> list[str]:
    """Return the names in the first column of a section's tables, one cell may hold several."""
    return [name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])]


def links(page: Path) -> list[str]:
    """Return the targets of a page's links."""
    return re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    found = set()
    for line in prose(page).splitlines():
        if heading := _HEADING.fullmatch(line):
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading[2]).lower()
            found.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found
