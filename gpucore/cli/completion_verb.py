"""``gpucore completion``: what makes a shell complete gpucore's commands."""

from __future__ import annotations

import click

__all__ = ["command"]

_PROGRAM = "gpucore"
_VARIABLE = f"_{_PROGRAM.upper()}_COMPLETE"
"""By which click knows that a shell asks: a setting of nobody's."""

_RETURN = "    return 0\n"
_NO_BLANK = """\
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace
    fi

"""
"""After `name=` comes its value, and no blank."""


@click.command("completion", epilog='Example: eval "$(gpucore completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="SHELL")
def command(shell: str) -> int:
    """Print what makes a shell complete gpucore's commands.

    For bash (4.4 or newer), zsh or fish. Verbs, options, adapters, parameters, runs and steps
    complete.
    """
    from click.shell_completion import ShellComplete, get_completion_class  # noqa: PLC0415

    from gpucore.cli.entry import gpucore  # noqa: PLC0415 - it has imported this module

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has all three
    # Of bash click's own class asks for the version of the one on PATH, which need not be this.
    source = ShellComplete.source(found(gpucore, {}, _PROGRAM, _VARIABLE))
    click.echo(source.replace(_RETURN, f"{_NO_BLANK}{_RETURN}", 1) if shell == "bash" else source)
    return 0
