"""Makes of pages that are written to be read on GitHub, too, what Sphinx needs of them.

There a toctree would be shown as code, and a file outside this folder is as good to link as any. So
pages have neither toctrees nor includes: what Sphinx wants is made here of lists and links.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from sphinx.application import Sphinx

__all__ = ["SHOWN", "inside", "setup", "toctrees"]

SHOWN = {"changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}
"""Pages of the site, and the files outside this folder that are shown there."""

_LINK = re.compile(r"(?<!!)\[((?:[^\][]|\[[^\]]*\])*)\]\(([^)\s:]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
_CAPTION = re.compile(r"\*\*(.+)\*\*")
_ENTRY = re.compile(r"- \[[^\]]*\]\((?!\.\.)([^)#\s:]+)\.md\)")


def setup(app: Sphinx) -> dict[str, bool]:
    """Have every page read through this module."""
    app.connect("source-read", _read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
    text, file = source[0], f"docs/{docname}.md"
    if docname in SHOWN:
        file = SHOWN[docname]
        path = app.srcdir.parent / file
        app.env.note_dependency(str(path))
        text = path.read_text(encoding="utf-8")
    ends = toctrees(text, docname, app.project.docnames)
    source[0] = "\n".join([inside(text, file, docname), *ends])


def inside(text: str, file: str, docname: str) -> str:
    """Return a page whose links lead to pages alone; of one that leads elsewhere the text is left.

    Parameters
    ----------
    text : str
        The page.
    file : str
        The file that holds it, from the root of the repository.
    docname : str
        The page's name in the site.
    """
    pages = {shown: f"{name}.md" for name, shown in SHOWN.items()}

    def link(match: re.Match[str]) -> str:
        path, mark, anchor = match[2].partition("#")
        if not path:
            return match[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        page = pages.get(target, target.removeprefix("docs/"))
        if page == target:
            return match[1]
        path = posixpath.relpath(page, posixpath.dirname(docname) or ".")
        return f"[{match[1]}]({path}{mark}{anchor})"

    parts = _FENCE.split(text)
    return "".join(part if at % 2 else _LINK.sub(link, part) for at, part in enumerate(parts))


def toctrees(text: str, docname: str, docnames: Collection[str]) -> Iterator[str]:
    """Yield the toctrees of a page: the lists of an index, or all that lies in a folder of its own.

    Parameters
    ----------
    text : str
        The page.
    docname : str
        Its name in the site.
    docnames : collection of str
        All pages.
    """
    name = docname.rpartition("/")[2]
    if name == "index":
        lists = [_toctree(entries, caption) for caption, entries in _lists(text)]
        yield from lists or [_toctree(["*"])]
    elif f"{docname}/index" in docnames:
        yield _toctree([f"{name}/index"])
    elif any(one.startswith(f"{docname}/") for one in docnames):
        yield _toctree([f"{name}/*"])


def _lists(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the lists of links that begin with one, each with the bold line above it."""
    caption = ""
    entries: list[str] = []
    for line in [*text.splitlines(), "****"]:
        if entry := _ENTRY.match(line):
            entries.append(entry[1])
        elif line == "****" or (heading := _CAPTION.fullmatch(line)):
            if entries:
                yield caption, entries
            caption, entries = (heading[1] if line != "****" else ""), []


def _toctree(entries: list[str], caption: str = "") -> str:
    head = [f":caption: {caption}"] if caption else []
    return "\n".join(["```{toctree}", ":hidden:", ":glob:", *head, "", *entries, "```", ""])
