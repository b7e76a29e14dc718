"""How much is said, and whether in colour: options that every verb has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import click

__all__ = ["manner", "no_colour", "remark", "usual_manner", "with_more", "with_options"]


@dataclass
class _Manner:
    """What the options of this call say; threads that speak are not click's, and ask here."""

    quiet: bool = False
    verbose: int = 0
    plain: bool = False
    debug: bool = False


manner = _Manner()


def usual_manner() -> None:
    """Begin a call: nothing of an earlier one in the same process counts."""
    manner.quiet, manner.verbose, manner.plain, manner.debug = False, 0, False, False


def no_colour() -> bool:
    """Return whether plain text is asked for: by ``--no-color`` or as https://no-color.org says."""
    return manner.plain or bool(os.environ.get("NO_COLOR"))


def remark(text: str) -> None:
    """Say on standard error what somebody may want to know; ``--quiet`` leaves it out."""
    if not manner.quiet:
        click.echo(text, err=True)


def with_more(text: str) -> None:
    """Say on standard error what is told with ``--verbose`` alone."""
    if manner.verbose:
        click.echo(text, err=True)


def with_options(command: click.Command) -> click.Command:
    """Give a verb, and those below it, the options that every verb has; return it."""
    taken = {text for one in command.params for text in one.opts}
    # What is before them counts on: `gpucore gpus -q probe`.
    command.params += [one for one in _options() if not taken & set(one.opts)]
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            with_options(inner)
    return command


def _options() -> list[click.Option]:
    kept: dict[str, Any] = {"expose_value": False, "is_eager": True, "callback": _keep}
    return [
        click.Option(
            ["-q", "--quiet"], is_flag=True, help="Tell what goes wrong and how it ends, no more.",
            **kept,
        ),
        click.Option(["-v", "--verbose"], count=True, help="Tell more; -vv tells all.", **kept),
        click.Option(["--no-color", "plain"], is_flag=True, help="Write without colours.", **kept),
        click.Option(["--debug"], is_flag=True, help="Show where an error comes from.", **kept),
    ]  # fmt: skip


def _keep(context: click.Context, param: click.Parameter, value: int) -> None:  # noqa: ARG001 - click's signature
    if value:
        assert param.name is not None  # noqa: S101 - each has one
        setattr(manner, param.name, value)
