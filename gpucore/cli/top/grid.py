"""Columns of text fitted into the width of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

__all__ = ["Field", "fit", "fit_end", "grid"]

_GAP = 2
_LEAST = 12
"""Cells that the column which takes what is left gets, before others have to go."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A column.

    Parameters
    ----------
    title : str
        Its head.
    cells : sequence of str
        Its texts, without anything that a terminal would obey.
    right : bool
        Whether they end at the same place, as numbers do.
    rest : bool
        Whether it takes the width that the others leave.
    from_end : bool
        Whether it is the beginning that is left out of a text that is too long.
    drop : int
        When the width is not enough, the column with the greatest number goes first; 0: it stays.
    """

    title: str
    cells: Sequence[str]
    right: bool = False
    rest: bool = False
    from_end: bool = False
    drop: int = 0


def fit(text: str, width: int) -> str:
    """Return a text in so many cells, its end left out when it is too long."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…"


def fit_end(text: str, width: int) -> str:
    """Return a text in so many cells, its beginning left out when it is too long."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    while cell_len(text) > width - 1:
        text = text[1:]
    return set_cell_size("…" + text, width)


def grid(fields: Sequence[Field], width: int) -> tuple[str, list[str]]:
    """Return the head and the rows of a table, each of so many cells."""
    fields = list(fields)
    widths = [_natural(one) for one in fields]
    while (left := _left(fields, widths, width)) < 0:
        place = max(range(len(fields)), key=lambda place: fields[place].drop)
        if not fields[place].drop:
            break
        del fields[place], widths[place]
    for place, one in enumerate(fields):
        if one.rest:
            widths[place] = max(1, min(widths[place], _LEAST) + max(left, 0))
    head = _line([one.title for one in fields], fields, widths, width)
    count = len(fields[0].cells) if fields else 0
    return head, [
        _line([one.cells[row] for one in fields], fields, widths, width) for row in range(count)
    ]


def _natural(field: Field) -> int:
    return max(cell_len(field.title), max(map(cell_len, field.cells), default=0))


def _left(fields: Sequence[Field], widths: Sequence[int], width: int) -> int:
    needed = sum(
        min(one, _LEAST) if field.rest else one for field, one in zip(fields, widths, strict=True)
    )
    return width - needed - _GAP * (len(fields) - 1)


def _line(texts: Sequence[str], fields: Sequence[Field], widths: Sequence[int], width: int) -> str:
    cells = []
    for text, field, cell in zip(texts, fields, widths, strict=True):
        if field.right:
            text = " " * (cell - cell_len(text)) + text  # noqa: PLW2901 - the same, moved
        cells.append(fit_end(text, cell) if field.from_end else fit(text, cell))
    return fit((" " * _GAP).join(cells), width)
