"""What ``gpucore explain E204`` prints: the page of a code, or the list of all codes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gpucore.cli.manner import no_colour
from gpucore.cli.terminal import print_json, print_table
from gpucore.codes import code_named, codes, page, title
from gpucore.errors import ParameterError, did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["codes_like", "tell_code", "tell_codes"]

_WIDTH = 100


def tell_code(text: str, *, json_: bool) -> int:
    """Print the page of a code, however it is written: E204, e204, 204.

    Raises
    ------
    ParameterError
        When there is no such code.
    """
    code = code_named(text)
    if not code:
        near = did_you_mean(f"E{text[-3:]}", codes(), listed="`gpucore explain --codes`")
        raise ParameterError(f"there is no code `{text}`", hint=near, code="E250")
    said = page(code)
    if json_:
        print_json("code", {"code": code, "title": title(code), "page": said})
    elif sys.stdout.isatty():
        _show(said)
    else:
        click.echo(said.rstrip("\n"))
    return 0


def tell_codes(*, json_: bool) -> int:
    """Print all codes, each with what it is for."""
    rows = [(code, title(code)) for code in codes()]
    if json_:
        print_json("codes", {"codes": [{"code": code, "title": said} for code, said in rows]})
    else:
        print_table(("code", "what it is for"), rows)
    return 0


def codes_like(incomplete: str) -> list[CompletionItem]:
    """Return the codes that begin so, for a shell; none before anything of one is typed."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

    begun = incomplete.upper()
    return [
        CompletionItem(code, help=title(code))
        for code in codes()
        if begun and code.startswith(begun)
    ]


def _show(said: str) -> None:
    from rich.console import Console  # noqa: PLC0415 - 100 ms, and only whoever reads needs it
    from rich.markdown import Markdown  # noqa: PLC0415 - as above

    console = Console(no_color=no_colour(), highlight=False)
    console.print(
        Markdown(said, code_theme="ansi_dark", hyperlinks=False), width=min(console.width, _WIDTH)
    )
