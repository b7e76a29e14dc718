"""Texts that would be markup, script or a terminal's command where somebody forgot that."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["hostile", "uncoded"]

PIECES = (
    "</script>", "<script>alert(1)</script>", "<!--", "-->", "]]>", "<img src=x onerror=alert(1)>",
    "'\"><svg onload=alert(1)>", "{{7*7}}", "{% raw %}", "${alert(1)}", "`", "\\", "\\u003c",
    "&lt;", "&amp;", "\u2028", "\u2029", "\u202e", "\u2066", "\u200f", "\ufeff", "\x1b[2J",
    "\r", "\n", "\t", "\x7f", "\x85", "\udcff\udc80", "é", "日本", "😀", "😀😁", "a/b", "..",
    " ", "#", "javascript:alert(1)", "data:text/html,x", "%0a", "%", "?", "onerror=", "</style>",
    "</pre>", "</title>", "<base href=//x>", "<a href=x>", "\u0301" * 5, "%(GPU)s",
    "=cmd|' /C calc'!A0",
)  # fmt: skip


def hostile(count: int) -> list[str]:
    """Return hostile names, each with a number of its own."""
    pick = random.Random(6)
    return [f"s/{''.join(pick.choices(PIECES, k=pick.randrange(1, 6)))}{n}" for n in range(count)]


def uncoded(codes: Sequence[int | str]) -> list[str]:
    """Return texts as the page's script makes them of their codes."""
    texts, before = [], b""
    for ahead, behind, middle in zip(codes[::3], codes[1::3], codes[2::3], strict=True):
        assert isinstance(ahead, int)
        assert isinstance(behind, int)
        end = before[len(before) - 2 * behind :] if behind else b""
        before = before[: 2 * ahead] + str(middle).encode("utf-16-le", "surrogatepass") + end
        texts.append(before.decode("utf-16-le"))
    return texts
