"""Colour on a terminal, and none when NO_COLOR says so (https://no-color.org)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment
from pseudo_terminals import OnTerminal

if TYPE_CHECKING:
    from command_line import Cli

pytestmark = pytest.mark.slow

CALLS = {
    "error": (("map", "copi", "a.tif", "-o", "out"), 2),
    "usage": (("map",), 2),
    "table": (("gpus", "--devices", "simulated:1"), 0),
    "page": (("adapters", "show", "gctf"), 0),
    "failure": (
        ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", "-q", "--set",
         "text=exit 1"), 1,
    ),
}  # fmt: skip


def shown(cli: Cli, argv: tuple[str, ...], code: int, **more: str) -> str:
    """Return what a terminal is given, standard output too."""
    whole = ["/bin/sh", "-c", 'exec "$@" >&2', "sh", sys.executable, "-m", "gpucore.cli", *argv]
    env = {key: text for key, text in environment().items() if key != "NO_COLOR"}
    terminal = OnTerminal(whole, cli.folder, {**env, **more})
    assert terminal.finish() == code, terminal.text
    return terminal.raw


@pytest.mark.parametrize("call", CALLS)
def test_no_color_leaves_no_escape_sequence(cli: Cli, call: str) -> None:
    coloured = shown(cli, *CALLS[call])
    assert "\x1b[" in coloured
    # "When present and not an empty string", says the convention.
    assert "\x1b[" in shown(cli, *CALLS[call], NO_COLOR="")
    plain = shown(cli, (*CALLS[call][0], "--no-color"), CALLS[call][1])
    assert "\x1b" not in plain
    plain = shown(cli, *CALLS[call], NO_COLOR="1")
    assert "\x1b" not in plain
    assert plain.strip()


def test_the_living_picture_has_no_colour_either(cli: Cli) -> None:
    argv = ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", "--set", "text=exit 1")
    assert "\x1b[31m" in shown(cli, argv, 1)
    picture = shown(cli, argv, 1, NO_COLOR="1")
    # What is left moves the cursor; nothing colours (`m` ends every sequence that does).
    assert "\x1b[" in picture
    assert not [part for part in picture.split("\x1b[")[1:] if part.lstrip("0123456789;")[0] == "m"]
