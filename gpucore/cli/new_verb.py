"""``gpucore new``: begin an adapter."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from gpucore.cli.manner import remark
from gpucore.cli.options import as_json
from gpucore.cli.terminal import clean, print_json

__all__ = ["command"]


@click.group("new")
def command() -> None:
    """Begin an adapter, as a file or as a package."""


@command.command("adapter", epilog="Example: gpucore new adapter sharpen")
@click.argument("name", metavar="NAME")
@click.option("--package", is_flag=True, help="Write a distribution, with entry point and tests.")
@click.option(
    "--output",
    "-o",
    type=click.Path(file_okay=False),
    default=".",
    metavar="DIR",
    help="Where it is written; the working directory by default.",
)
@as_json
def adapter(*, name: str, package: bool, output: str, json_: bool) -> int:
    """Write an adapter that passes every check, to be changed into one for your program."""
    from gpucore.scaffold import new_adapter_file, new_adapter_package  # noqa: PLC0415

    made = (new_adapter_package if package else new_adapter_file)(name, Path(output))
    if json_:
        print_json(
            "new", {"adapter": name, "kind": "package" if package else "file", "made": str(made)}
        )
    else:
        click.echo(clean(str(made)))
    place = shlex.quote(str(made))
    after = f"gpucore config check {place}"
    if package:
        after = f"pip install -e {shlex.quote(f'{made}[test]')} && pytest {place}"
    remark(f"change it into what your program wants, then: {clean(after)}")
    return 0
