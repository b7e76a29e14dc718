"""Texts that others wrote, as Markdown that shows them as they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PARTS = re.compile(r"(https?://[^\s,;()<>]*[^\s,;()<>.]|`[^`]+`)")

__all__ = ["block", "code", "plain", "table"]


def plain(text: str) -> str:
    r"""Return a text in which Markdown finds nothing of its own but code; addresses are links.

    Examples
    --------
    >>> plain("a_b is <here> | there, as `a_b`, see https://example.org/a_b")
    'a\\_b is \\<here> \\| there, as `a_b`, see <https://example.org/a_b>'
    """
    return "".join(_part(part) for part in _PARTS.split(" ".join(text.split())))


def _part(part: str) -> str:
    if part.startswith(("http://", "https://")):
        return f"<{part}>"
    if len(part) > 1 and part[0] == part[-1] == "`":
        return code(part[1:-1])
    return re.sub(r"([\\`*_\[\]<|~])", r"\\\1", part)


def code(text: str) -> str:
    r"""Return a text as code, in a table's cell, too.

    Examples
    --------
    >>> code("a|b"), code("`x`")
    ('`a\\|b`', '`` `x` ``')
    """
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    blank = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{blank}{text}{blank}{fence}".replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; its cells are Markdown."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def block(kind: str, text: str) -> Iterator[str]:
    """Yield the lines of a fenced block."""
    yield f"```{kind}"
    yield from text.splitlines()
    yield "```"
