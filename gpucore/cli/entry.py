"""The command ``gpucore``: verbs are imported when they are called, errors become messages."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from gpucore.cli.endings import hide_lost, ignore, listen, listening, status, status_of_signal
from gpucore.cli.error_text import tell_error, tell_internal
from gpucore.cli.manner import usual_manner, with_options
from gpucore.errors import GpucoreError, ParameterError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from click.shell_completion import CompletionItem

__all__ = ["VERBS", "main", "run"]

VERBS = {
    "adapters": "List the programs that gpucore knows, or show one.",
    "cancel": "End the run of an output folder, and all its programs.",
    "completion": "Print what makes a shell complete gpucore's commands.",
    "config": "Show settings, check files, print their forms.",
    "demo": "Align eight synthetic movies and compare with what is known.",
    "doctor": "Check this machine as a run would use it, and say what mends it.",
    "exec": "Run any command on GPUs that are leased for it.",
    "explain": "Say why a step failed or waits, or what an error's code means.",
    "gpus": "Show the GPUs of this machine.",
    "init": "Begin a gpucore.toml for this machine, and a job.",
    "leases": "Show who holds which GPU of this machine now.",
    "logs": "Print what a step's program printed.",
    "map": "Run one adapter over files.",
    "new": "Begin an adapter, as a file or as a package.",
    "plugins": "List what is plugged in, and what is in quarantine.",
    "report": "Write what the runs of an output folder did as one HTML file.",
    "resume": "Run what the last run of an output folder did not do.",
    "run": "Run a job file; `-` is a job on standard input.",
    "serve": "Show what runs do while they go on, as pages for a browser.",
    "status": "Show how far the runs of an output folder have come.",
    "top": "Watch all runs and GPUs of this machine; ? shows the keys.",
}
"""Verbs and their first help line; a test holds it equal to that of each verb's module."""

_INTERRUPTED = 128


class _Verbs(click.Group):
    """Imports a verb when it is called: `gpucore --help` must not load all of gpucore."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            if ctx.resilient_parsing:  # a shell asks what could come next
                return None
            raise ParameterError(
                f"there is no verb `{cmd_name}`",
                hint=did_you_mean(cmd_name, VERBS, listed="`gpucore --help`"),
                code="E250",
            )
        module = importlib.import_module(f"gpucore.cli.{_module(cmd_name)}")
        command = module.command
        assert isinstance(command, click.Command)  # noqa: S101 - a fault of ours, not of a user
        return with_options(command)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

        verbs = VERBS.items()
        return [
            CompletionItem(one, help=help_) for one, help_ in verbs if one.startswith(incomplete)
        ]

    def invoke(self, ctx: click.Context) -> object:
        from gpucore.cli.logged import logged  # noqa: PLC0415 - `gpucore --help` logs nothing

        try:
            with logged():
                return super().invoke(ctx)
        except BrokenPipeError:
            # Whoever read our output has enough of it (`| head`); click would call that 1.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(_INTERRUPTED + signal.SIGPIPE) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all done, 1 a step failed, 2 wrong input or configuration, 3 no usable "
    "GPU, 4 internal fault, 5 nothing to do, 130 interrupted.",
)
@click.version_option(package_name="gpucore-framework", prog_name="gpucore")
def gpucore() -> None:
    """Run the GPU programs of cryo-EM, each step on the GPUs that it may use."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status.

    Parameters
    ----------
    argv : sequence of str
        Arguments; those of the process by default.
    """
    usual_manner()
    with listening():
        return _main(argv)


def _main(argv: Sequence[str] | None = None) -> int:
    try:
        result = gpucore.main(args=argv, prog_name="gpucore", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.ClickException as error:
        _tell_usage(error)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        return status(error)
    except GpucoreError as error:
        return status_of_signal() or tell_error(error)
    except Exception as error:  # noqa: BLE001 - the last place where a traceback can be kept back
        return status_of_signal() or tell_internal(error)
    return result if isinstance(result, int) else 0


def run() -> int:
    """Run the command line as a process of its own, which ends with it; return its exit status."""
    hide_lost()
    listen()
    result = _main()
    ignore()
    return result


def _module(verb: str) -> str:
    # `exec` and the like are words of Python's own; a module of such a name reads badly.
    return f"{verb}_verb"


def _tell_usage(error: click.ClickException) -> None:
    """Say what click found as any other error is said."""
    context = getattr(error, "ctx", None)
    hint = ""
    if context is not None:
        usage = " ".join(context.get_usage().split()).removeprefix("Usage: ")
        hint = f"{usage}; see `{context.command_path} --help`"
    what = error.format_message().rstrip(".")
    tell_error(GpucoreError(what[:1].lower() + what[1:], hint=hint, code="E250"))
