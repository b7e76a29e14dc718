"""What a terminal is given: outside names made harmless, errors in one form."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from gpucore.errors import Faults, GpucoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpucore.standard.model import Device

__all__ = [
    "clean",
    "device_names",
    "indexes",
    "no_colour",
    "print_json",
    "print_table",
    "styled",
    "talk",
    "tell_error",
]


def clean(text: str) -> str:
    r"""Return a text without anything that a terminal would obey.

    Control characters, escape sequences, bidirectional overrides and undecodable bytes are shown
    as their codes.

    Examples
    --------
    >>> clean("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def no_colour() -> bool:
    """Return whether the environment asks for plain text (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def styled(text: str, **style: Any) -> str:
    """Return a text in a style of `click.style`, or as it is where no colour is wanted."""
    return text if no_colour() else click.style(text, **style)


def talk(text: str) -> None:
    """Say something to the person: on standard error, which data do not share."""
    click.echo(text, err=True)


def tell_error(error: GpucoreError) -> int:
    """Show an error, or several; return the exit status."""
    errors = error.errors if isinstance(error, Faults) else (error,)
    for one in errors:
        talk(_error_text(one))
    if len(errors) > 1:
        talk(f"{len(errors)} problems, all shown above")
    return max(one.exit_code for one in errors)


def print_json(kind: str, content: Mapping[str, object]) -> None:
    """Print one versioned object on standard output."""
    document = {"schema": f"gpucore.{kind}/1", **content}
    # ASCII: names that are not UTF-8 can be written too, and come back as Python reads them.
    click.echo(json.dumps(document, indent=2))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on standard output, fit for `grep` and `awk`: columns two blanks apart."""
    cells = [[clean(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for place, row in enumerate(cells):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(styled(line.rstrip(), bold=place == 0))


def device_names(devices: Sequence[Device]) -> str:
    """Return what a step's devices are called: `GPU 0 1`, `no GPU`; made-up ones are marked."""
    if not devices:
        return "no GPU"
    mark = " (simulated)" if any(device.simulated for device in devices) else ""
    return f"GPU {' '.join(map(str, indexes(devices)))}{mark}"


def indexes(devices: Sequence[Device]) -> list[int]:
    """Return the devices' indexes, each once: a slot may hold a device twice."""
    return list(dict.fromkeys(device.index for device in devices))


def _error_text(error: GpucoreError) -> str:
    lines = [styled("error: ", fg="red", bold=True) + _indented(error.what, "       ")]
    if error.where:
        lines.append(f"  --> {clean(error.where)}")
    place = getattr(error, "place", None)
    if place is not None and place.source:
        number = str(place.line)
        source = clean(place.source.expandtabs(1))
        lines.append(f"  {number} | {source}")
        lines.append(f"  {' ' * len(number)} | {' ' * (place.column - 1)}^")
    if error.hint:
        lines.append(styled("help: ", fg="cyan") + _indented(error.hint, "      "))
    return "\n".join(lines)


def _indented(text: str, indent: str) -> str:
    return f"\n{indent}".join(clean(line) for line in text.splitlines())
