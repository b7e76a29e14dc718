"""The kinds of mistake that errors have codes for, each with a page: what it means, what mends it.

The pages are files beside this module, so that ``gpucore explain E204`` works wherever gpucore is
installed; ``docs/reference/errors/`` holds the same. They are read when somebody asks.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["code_named", "codes", "looks_like_a_code", "page", "title"]

_FOLDER = Path(__file__).parent
_CODE = re.compile(r"[Ee]?([0-9]{3})")
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")
_FILE = re.compile(r"^<!-- (\S+) -->$", re.MULTILINE)
_COMMENT = re.compile(r"^<!-- .* -->\n", re.MULTILINE)


def codes() -> tuple[str, ...]:
    """Return all codes in order."""
    return tuple(sorted(one.stem for one in _FOLDER.glob("E[0-9][0-9][0-9].md")))


def looks_like_a_code(text: str) -> bool:
    """Say whether a text is meant as a code.

    Examples
    --------
    >>> looks_like_a_code("e204"), looks_like_a_code("204"), looks_like_a_code("ctf/m204")
    (True, True, False)
    """
    return _CODE.fullmatch(text) is not None


def code_named(text: str) -> str:
    """Return the code that a text means; empty when there is none such.

    Examples
    --------
    >>> code_named("e204"), code_named("204"), code_named("E203a")
    ('E204', 'E204', '')
    """
    found = _CODE.fullmatch(text)
    code = f"E{found[1]}" if found else ""
    return code if code in codes() else ""


def title(code: str) -> str:
    """Return what a code is for, in a few words.

    Examples
    --------
    >>> title("E204")
    'unknown key'
    """
    with (_FOLDER / f"{code}.md").open(encoding="utf-8") as file:
        return file.readline().partition(": ")[2].strip()


def page(code: str) -> str:
    """Return a code's page as Markdown for a terminal: without comments, and links as their texts.

    Raises
    ------
    FileNotFoundError
        When there is no such code.
    """
    text = (_FOLDER / f"{code}.md").read_text(encoding="utf-8")
    return _LINK.sub(r"\1", _COMMENT.sub("", _FILE.sub(r"`\1`:\n", text)))
