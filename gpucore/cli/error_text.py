"""An error as a terminal shows it: code, what, the line with a caret, and what mends it."""

from __future__ import annotations

import os
import traceback
import unicodedata
from typing import TYPE_CHECKING

from gpucore.cli.manner import manner, remark
from gpucore.cli.terminal import clean, styled, talk
from gpucore.errors import Faults, GpucoreError, InternalError

if TYPE_CHECKING:
    from gpucore.config.places import Place

__all__ = ["error_text", "tell_error", "tell_internal"]

_WIDTH = 120
"""Of a line of a file as many characters are shown; a file may be one line of a megabyte."""
_BEFORE = 60
_WIDE = {"W", "F"}
_SUGGESTION = "did you mean "


def tell_error(error: GpucoreError) -> int:
    """Show an error, or several, and what tells more; return the exit status."""
    errors = error.errors if isinstance(error, Faults) else (error,)
    if _debugs():
        _show_traceback(error)
    for one in errors:
        talk(error_text(one))
    codes = list(dict.fromkeys(one.code for one in errors))
    more = f"`gpucore explain {codes[0]}` tells more"
    if len(codes) > 1:
        more += f", and of {', '.join(codes[1:])}"
    if len(errors) > 1:
        talk(f"{len(errors)} problems, all shown above; {more}")
    else:
        remark(more)
    return max(one.exit_code for one in errors)


def tell_internal(error: Exception) -> int:
    """Show a fault of gpucore itself, and how to find out where; return the exit status."""
    if debugs := _debugs():
        _show_traceback(error)
    said = clean(str(error))
    fault = InternalError(
        f"internal fault: {type(error).__name__}{said and f': {said}'}",
        hint="this is a fault of gpucore: please report it, with what was called",
    )
    talk(error_text(fault))
    remark(
        "`gpucore explain E900` tells more"
        + ("" if debugs else "; --debug, or GPUCORE_DEBUG=1, shows where it happened")
    )
    return fault.exit_code


def error_text(error: GpucoreError) -> str:
    """Return one error as it is shown: head, place, the line with a caret, help."""
    lines = [f"{styled(f'error[{error.code}]:', fg='red', bold=True)} {_indented(error.what)}"]
    place: Place | None = getattr(error, "place", None)
    if where := _where(error, place):
        lines.append(f"  --> {clean(where)}")
    hint = error.hint
    if place is not None and place.source:
        beside = hint if hint.startswith(_SUGGESTION) else ""
        lines += _marked(place, beside)
        if beside:
            known = getattr(error, "known", ())
            hint = f"keys allowed here: {', '.join(known)}" if known else ""
    if hint:
        lines.append(f"{styled('help:', fg='cyan')} {_indented(hint, 6)}")
    return "\n".join(lines)


def _where(error: GpucoreError, place: Place | None) -> str:
    file, key = getattr(error, "file", ""), getattr(error, "key", "")
    # A place that was put before it later tells more than file and key.
    if place is None or not file or not error.where.startswith(file):
        return error.where
    return f"{file}:{place.line}:{place.column}{key and f'  {key}'}"


def _marked(place: Place, beside: str) -> list[str]:
    """Return a line of a file, and below it a caret under what is meant."""
    at = place.column - 1
    start = max(at - _BEFORE, 0) if len(place.source) > _WIDTH else 0
    end = start + _WIDTH
    before = ("…" if start else "") + _shown(place.source[start:at])
    marked = _shown(place.source[at : min(at + place.width, end)])
    rest = _shown(place.source[at + place.width : end]) + ("…" if len(place.source) > end else "")
    number = str(place.line)
    carets = styled("^" * max(columns(marked), 1), fg="red", bold=True)
    return [
        f"  {number} | {before}{marked}{rest}".rstrip(),
        f"  {' ' * len(number)} | {' ' * columns(before)}{carets}{beside and f' {clean(beside)}'}",
    ]


def _shown(source: str) -> str:
    return clean(source.replace("\t", " "))


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes.

    Examples
    --------
    >>> columns("movie"), columns("電顕"), columns("e\N{COMBINING ACUTE ACCENT}")
    (5, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in _WIDE)
        for one in text
    )


def _indented(text: str, indent: int = 2) -> str:
    return f"\n{' ' * indent}".join(clean(line) for line in text.splitlines())


def _debugs() -> bool:
    return manner.debug or bool(os.environ.get("GPUCORE_DEBUG"))


def _show_traceback(error: BaseException) -> None:
    for line in "".join(traceback.format_exception(error)).splitlines():
        talk(clean(line))
