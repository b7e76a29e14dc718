"""``gpucore resume``: what the last run of an output folder did not do."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucore.cli.completing import runs
from gpucore.cli.options import as_events, as_json
from gpucore.cli.options import checksum as checksum_option
from gpucore.cli.options import kill_orphans as kill_orphans_option

if TYPE_CHECKING:
    from gpucore.system.journal_records import RunBegan
    from gpucore.system.journal_replay import JournalState

__all__ = ["command"]

_VERBS = ("map", "run")


@click.command("resume", epilog="Example: gpucore resume aligned")
@click.argument("folder", type=click.Path(), metavar="DIR", shell_complete=runs)
@kill_orphans_option
@checksum_option
@as_json
@as_events
def command(
    *, folder: str, kill_orphans: bool, checksum: bool | None, json_: bool, json_events: bool
) -> int:
    """Run what the last run of an output folder did not do.

    It is called again as it was, in the same working directory. What is done is not run again.
    """
    from gpucore.cli.entry import gpucore  # noqa: PLC0415 - it imports the verbs
    from gpucore.cli.event_lines import event_lines  # noqa: PLC0415
    from gpucore.cli.history import living_run, read_history  # noqa: PLC0415
    from gpucore.cli.session import Resuming  # noqa: PLC0415
    from gpucore.errors import ConfigError  # noqa: PLC0415

    event_lines(asked=json_events, otherwise=json_)
    with read_history(folder, whole=False) as state:
        if (alive := living_run(state)) is not None:
            raise ConfigError(
                f"a run still goes on in `{folder}`: process {alive.pid} (run {alive.run})",
                hint=f"wait until it has ended, or end it: `gpucore cancel {folder}`",
                code="E713",
            )
        run = _last_called(state, folder)
    where = Path(folder).absolute()
    try:
        os.chdir(run.cwd)
    except OSError as error:
        raise ConfigError(
            f"the folder `{run.cwd}`, in which the run was started, cannot be entered "
            f"({error.strerror})",
            hint="go where its files are now, and start it anew with the same output folder",
            code="E716",
        ) from error
    left_out = {"--again"} | ({"--json", "--json-events"} if json_ or json_events else set())
    verb, *rest = _without(left_out, run.argv[1:])
    # What the new run is recorded with is what this one was called with.
    sys.argv = [run.argv[0], verb, *rest]
    if kill_orphans:
        rest.insert(0, "--kill-orphans")
    if checksum:
        rest.insert(0, "--checksum")
    if json_:
        rest.insert(0, "--json")
    if json_events:
        rest.insert(0, "--json-events")
    result = gpucore.main(
        args=[verb, *rest],
        prog_name="gpucore",
        standalone_mode=False,
        obj=Resuming(folder=where),
    )
    return result if isinstance(result, int) else 0


def _last_called(state: JournalState, folder: str) -> RunBegan:
    """Return the last run that gpucore's own command line began.

    Raises
    ------
    ConfigError
        When that cannot be called again.
    """
    from gpucore.errors import ConfigError  # noqa: PLC0415

    runs = [run for run, _ in state.runs if not _is_verb(run, "cancel")]
    if not runs:
        raise ConfigError(
            f"the journal in `{folder}` does not say what was run",
            hint="start the run anew with the same output folder",
            code="E715",
        )
    if not any(_is_verb(runs[-1], verb) for verb in _VERBS):
        called = " ".join(runs[-1].argv[:2])
        raise ConfigError(
            f"the last run in `{folder}` was not called by `gpucore map` or `gpucore run`, but by "
            f"`{called}`",
            hint="start it again there; an executor opened with `resume=True` goes on",
            code="E715",
        )
    return runs[-1]


def _is_verb(run: RunBegan, verb: str) -> bool:
    program = Path(run.argv[0] if run.argv else "")
    ours = program.name == "gpucore" or program.parts[-3:] == ("gpucore", "cli", "__main__.py")
    return ours and run.argv[1:2] == (verb,)


def _without(options: set[str], argv: tuple[str, ...]) -> list[str]:
    end = argv.index("--") if "--" in argv else len(argv)
    return [one for one in argv[:end] if one not in options] + list(argv[end:])
