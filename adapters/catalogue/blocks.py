"""Parts of a page that are generated: marked in it, each below a heading, and written anew."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["END", "begin", "own_part", "with_block"]

END = "<!-- The end of it. -->"

_NEXT = re.compile(r"^#{1,6} ", re.MULTILINE)
_BLOCK = re.compile(r"^<!-- Written by .*?^<!-- The end of it\. -->$", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^(?:<!-- .*\n)?```", re.MULTILINE)


def begin(of: str) -> str:
    """Return the comment before a part that is written from something."""
    return f"<!-- Written by `python -m catalogue` from {of}. -->"


def own_part(page: str, title: str) -> tuple[int, int] | None:
    """Return where the text below a heading begins and ends, deeper headings left out.

    None: the page has no such heading.
    """
    heading = re.search(rf"^#+ {re.escape(title)}\n", page, re.MULTILINE)
    if heading is None:
        return None
    following = _NEXT.search(page, heading.end())
    return heading.end(), following.start() if following else len(page)


def with_block(page: str, title: str, head: str, of: str, lines: Sequence[str]) -> str:
    """Return a page with what is generated below one of its headings.

    It replaces what was generated there before, or a table that somebody wrote by hand; where
    there is neither, it comes before the first example.

    Parameters
    ----------
    page : str
        The page.
    title : str
        The heading.
    head : str
        What the first line of a table by hand begins with.
    of : str
        What the lines are written from.
    lines : sequence of str
        What is generated.

    Raises
    ------
    ValueError
        When there is no such heading.
    """
    found = own_part(page, title)
    if found is None:
        raise ValueError(f"the page has no heading {title!r}")
    start, end = found
    text = page[start:end]
    block = "\n".join([begin(of), "", *lines, "", END])
    by_hand = re.compile(rf"^{re.escape(head)}.*(?:\n\|.*)*", re.MULTILINE)
    place = _BLOCK.search(text) or by_hand.search(text)
    if place:
        return f"{page[: start + place.start()]}{block}{page[start + place.end() :]}"
    example = _FENCE.search(text)
    at = start + (example.start() if example else len(text.rstrip("\n")))
    before = page[:at].rstrip("\n")
    return f"{before}\n\n{block}\n\n{page[at:].lstrip(chr(10))}"
