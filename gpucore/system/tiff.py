"""Whether a TIFF file is whole: every page's directory and data lie inside it.

Source: Adobe, "TIFF Revision 6.0" (1992), section 2; Aware Systems, "The BigTIFF File Format".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_tiff", "tiff_fault"]

_OFFSETS, _COUNTS = (273, 324), (279, 325)  # of strips, of tiles
_WIDTHS = {3: "H", 4: "I", 16: "Q"}  # SHORT, LONG, LONG8
_MOST_PAGES = 100_000


class _Form(NamedTuple):
    order: str
    offset: str  # of an offset or a count
    entries: str  # of the number of entries of a directory


_FORMS = {
    b"II*\0": _Form("<", "I", "H"),
    b"MM\0*": _Form(">", "I", "H"),
    b"II+\0": _Form("<", "Q", "Q"),
    b"MM\0+": _Form(">", "Q", "Q"),
}


def is_tiff(path: Path) -> bool:
    """Say whether a file begins as TIFF files do.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(4) in _FORMS


def tiff_fault(path: Path) -> str:
    """Return what is wrong with a TIFF file, or an empty text.

    Only directories are read, which are some hundred bytes a page.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        form = _FORMS.get(file.read(4))
        if form is None:
            return "it is no TIFF file"
        pages = 0
        try:
            file.seek(4 if form.offset == "I" else 8)
            (place,) = _read(file, form.order, form.offset)
            while place:
                pages += 1
                if pages > _MOST_PAGES:
                    return "it is no TIFF file: its pages have no end"
                end, place = _page(file, form, place)
                if end > size:
                    return f"it is cut off: page {pages} ends at byte {end:,} of {size:,}"
        except EOFError:
            return (
                f"it is cut off: the directory of page {max(pages, 1)} is not in its {size:,} bytes"
            )
    return "" if pages else "it is no TIFF file: it has no page"


def _page(file: BinaryIO, form: _Form, place: int) -> tuple[int, int]:
    """Return where a page's data end, and where the next page's directory is."""
    file.seek(place)
    (entries,) = _read(file, form.order, form.entries)
    ends: dict[bool, tuple[int, ...]] = {}
    body = f"HH{form.offset}{struct.calcsize(form.offset)}s"
    table = [_read(file, form.order, body) for _ in range(min(entries, 4096))]
    (following,) = _read(file, form.order, form.offset)
    for tag, kind, count, raw in table:
        if tag in (*_OFFSETS, *_COUNTS) and kind in _WIDTHS:
            ends[tag in _OFFSETS] = _values(file, form, kind, count, raw)
    starts, lengths = ends.get(True, ()), ends.get(False, ())
    return max(map(sum, zip(starts, lengths, strict=False)), default=0), following


def _values(file: BinaryIO, form: _Form, kind: int, count: int, raw: bytes) -> tuple[int, ...]:
    width = _WIDTHS[kind]
    length = count * struct.calcsize(width)
    if length <= len(raw):
        return struct.unpack(f"{form.order}{count}{width}", raw[:length])
    (place,) = struct.unpack(f"{form.order}{form.offset}", raw)
    file.seek(place)
    content = file.read(length)
    if len(content) < length:
        raise EOFError
    return struct.unpack(f"{form.order}{count}{width}", content)


def _read(file: BinaryIO, order: str, form: str) -> tuple:  # type: ignore[type-arg]
    length = struct.calcsize(f"{order}{form}")
    content = file.read(length)
    if len(content) < length:
        raise EOFError
    return struct.unpack(f"{order}{form}", content)
