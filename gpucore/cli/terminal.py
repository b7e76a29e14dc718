"""What a terminal is given: outside names made harmless, tables and objects in one form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from gpucore.cli.manner import no_colour

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gpucore.standard.model import Device

__all__ = [
    "clean",
    "command_line",
    "device_names",
    "indexes",
    "print_json",
    "print_table",
    "styled",
    "talk",
]


_UNSEEN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
"""What Python takes for printable, and nobody sees."""
_MARKS = 4
"""No script puts more marks above and below a letter."""


def clean(text: str) -> str:
    r"""Return a text without anything that a terminal would obey, and without what hides in it.

    Control characters, escape sequences, bidirectional overrides, undecodable bytes, characters
    that nobody sees, and marks that pile up above others are shown as their codes.

    Examples
    --------
    >>> clean("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(text))


def _shown(text: str) -> Iterator[str]:
    from unicodedata import category  # noqa: PLC0415 - few names need it

    marks = _MARKS  # one at the beginning would stand on what we wrote before it
    for one in text:
        marks = marks + 1 if category(one) in {"Mn", "Me"} else 0
        hides = not one.isprintable() or one in _UNSEEN or marks > _MARKS
        yield one.encode("unicode_escape").decode() if hides else one


def command_line(*words: str) -> str:
    r"""Return a command to be copied into a shell: harmless to show, and still the same words.

    Examples
    --------
    >>> command_line("gpucore", "status", "my data")
    "gpucore status 'my data'"
    """
    from gpucore.report.texts import shell_word  # noqa: PLC0415 - few messages name a command

    return " ".join(map(shell_word, words))


def styled(text: str, **style: Any) -> str:
    """Return a text in a style of `click.style`, or as it is where no colour is wanted."""
    return text if no_colour() else click.style(text, **style)


def talk(text: str) -> None:
    """Say something to the person: on standard error, which data do not share."""
    click.echo(text, err=True)


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
