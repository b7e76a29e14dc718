"""A measured table as Markdown, and its place in README.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDERS = re.compile(r"(?:/[^/\s'\"]+)+/")
README = Path(__file__).resolve().parent / "README.md"


@dataclass(frozen=True, kw_only=True)
class Table:
    """What one measurement found.

    Parameters
    ----------
    name
        Its verb on the command line, and its markers in the README.
    columns, rows
        The first column is text, the others are figures.
    notes
        Sentences below the table.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """Return the table and its notes."""
        rule = ("---", *("---:" for _ in self.columns[1:]))
        lines = [f"| {' | '.join(cells)} |" for cells in (self.columns, rule, *self.rows)]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines)


def write(table: Table, *, command: str, machine: str, readme: Path = README) -> None:
    """Put a table between its markers, with how, where and when it was measured.

    Raises
    ------
    ValueError
        When the README lacks the markers.
    """
    text = readme.read_text(encoding="utf-8")
    begin, end = (f"<!-- {table.name}:{word} -->" for word in ("begin", "end"))
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{readme.name} has no {begin} … {end}")
    block = f"\n`{command}`\n\n{machine}\n\n{table.markdown()}\n"
    readme.write_text(f"{head}{begin}{block}{end}{tail}", encoding="utf-8")


def told(reason: str) -> str:
    """Return a reason as the text of a cell: without this machine's folders, on one line.

    Examples
    --------
    >>> told("/home/me/bin/python: no module | none")
    'python: no module / none'
    """
    return FOLDERS.sub("", reason).replace("|", "/")
