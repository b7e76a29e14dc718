"""``gpucore logs``: what a step's program printed, fit for a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

import click

from gpucore.cli.completing import runs, steps
from gpucore.cli.manner import remark
from gpucore.cli.options import as_json
from gpucore.cli.terminal import clean, command_line, print_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gpucore.cli.step_story import Story

__all__ = ["command"]

_BLOCK = 1 << 16
_LINE = 10_000
_PAUSE = 0.5
_LONGEST = 5.0


@click.command("logs", epilog="Example: gpucore logs aligned motioncor3/m1 -f")
@click.argument("folder", metavar="DIR", type=click.Path(), shell_complete=runs)
@click.argument("step", metavar="STEP", required=False, shell_complete=steps)
@click.option("-f", "--follow", is_flag=True, help="Go on printing until the step has ended.")
@click.option(
    "--attempt", type=click.IntRange(min=1), metavar="N", help="An attempt; the last by default."
)
@click.option("--raw", is_flag=True, help="Print it byte for byte: into a file or a pipe alone.")
@as_json
def command(
    *,
    folder: str,
    step: str | None,
    follow: bool,
    attempt: int | None,
    raw: bool,
    json_: bool,
) -> int:
    """Print what a step's program printed.

    Inside an output folder DIR may be left out. What a terminal would obey is shown as its code.
    """
    if follow + raw + json_ > 1:
        raise click.UsageError("`--follow`, `--raw` and `--json` do not go together")
    if raw and sys.stdout.isatty():
        raise click.UsageError(
            "`--raw` is for a file or a pipe: a terminal would obey what it holds"
        )
    from gpucore.cli.step_story import place_and_step  # noqa: PLC0415 - help needs none of it

    folder, name = place_and_step((folder,) if step is None else (folder, step))
    story = _story(folder, name)
    number, log = _chosen(story, attempt)
    remark(f"attempt {number}: {clean(str(log))}")
    if json_:
        print_json(
            "logs",
            {
                "folder": folder,
                "step": story.step,
                "attempt": number,
                "state": story.state,
                "log": str(log),
                "lines": list(_lines(log, kept=True)),
            },
        )
        return 0
    if raw:
        with log.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        return 0
    if not follow:
        for line in _lines(log):
            click.echo(line)
        return 0
    while True:
        for line in _followed(log, folder, story, number):
            click.echo(line)
        story = _story(folder, story.step)
        latest = story.began
        if attempt is not None or latest is None or latest.attempt <= number:
            break
        # It is tried again: so is the following.
        number, log = _chosen(story, None)
        remark(f"attempt {number}: {clean(str(log))}")
    remark(f"{clean(story.step)}: {clean(story.state)}")
    return 0


def _story(folder: str, name: str) -> Story:
    from gpucore.cli.history import read_history  # noqa: PLC0415
    from gpucore.cli.step_story import find_step, story_of  # noqa: PLC0415

    with read_history(folder) as state:
        return story_of(state, folder, find_step(state, folder, name))


def _chosen(story: Story, attempt: int | None) -> tuple[int, Path]:
    """Return the number of an attempt, and where its log lies.

    Raises
    ------
    ParameterError
        When there is none.
    """
    from gpucore.errors import ParameterError  # noqa: PLC0415
    from gpucore.report.failures import log_file  # noqa: PLC0415

    begun = {one.number: one.began for one in story.attempts if one.began is not None}
    if not begun:
        raise ParameterError(
            f"`{story.step}` was not begun: there is no log",
            hint=f"`{command_line('gpucore', 'explain', story.folder, story.step)}` says why",
            code="E717",
        )
    number = max(begun) if attempt is None else attempt
    if number not in begun:
        known = ", ".join(map(str, begun))
        raise ParameterError(
            f"there is no attempt {number} of `{story.step}`", hint=f"one of: {known}", code="E717"
        )
    log = log_file(story.folder, begun[number].log)
    if log is None:
        raise ParameterError(
            f"the log of `{story.step}` is not there: {begun[number].log}",
            hint="it was removed, or its program was not started",
            code="E717",
        )
    return number, log


def _lines(log: Path, *, kept: bool = False) -> Iterator[str]:
    """Yield the lines of a log; of one that a program wrote over the last writing alone.

    Parameters
    ----------
    log : Path
        The file.
    kept : bool
        Whether what a terminal would obey is kept: JSON writes it as codes.
    """
    shown: Callable[[bytes], str] = _written if kept else _shown
    rest = b""
    with log.open("rb") as file:
        while block := file.read(_BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            yield from map(shown, lines)
            rest = rest[-_LINE * 4 :]  # a line without an end takes no memory
    if rest:
        yield shown(rest)


def _shown(line: bytes) -> str:
    return clean(_written(line).expandtabs())


def _written(line: bytes) -> str:
    text = line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", "replace")
    return text if len(text) <= _LINE else f"{text[:_LINE]}…"


def _followed(log: Path, folder: str, story: Story, number: int) -> Iterator[str]:
    """Yield the lines of a log, and those that come, until its attempt has ended."""
    rest, pause = b"", _PAUSE
    with log.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            if block:
                *lines, rest = (rest + block).split(b"\n")
                yield from map(_shown, lines)
                rest, pause = rest[-_LINE * 4 :], _PAUSE
                continue
            if b"\r" in rest:
                # A line that is written over again and again: as it is now.
                now, _, rest = rest.rpartition(b"\r")
                yield _shown(now)
            if _has_ended(folder, story, number):
                break
            time.sleep(pause)
            # To look for its processes takes longer the more there are on the machine.
            pause = min(2 * pause, _LONGEST)
        rest += file.read()  # what came between the last look and its end
    for line in rest.split(b"\n"):
        if line:
            yield _shown(line)


def _has_ended(folder: str, story: Story, number: int) -> bool:
    from gpucore.system.orphans import find_marked  # noqa: PLC0415

    began = story.began
    # To read a large journal anew takes longer than to look for a process.
    if began is not None and find_marked((began.env.get("GPUCORE_RUN", ""),), story.step):
        return False
    now = _story(folder, story.step)
    return now.state != "running" or now.began is None or now.began.attempt != number
