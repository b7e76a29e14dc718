"""``gpucore explain``: why a step failed or waits, or what an error's code means."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from gpucore.cli.completing import runs, steps
from gpucore.cli.options import as_json
from gpucore.cli.terminal import clean, command_line, print_json, styled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem

    from gpucore.cli.step_story import InputFact, Story
    from gpucore.system.journal_records import Finished
    from gpucore.system.journal_replay import JournalState
    from gpucore.system.journal_steps import RecordedAttempt

__all__ = ["command"]

_WIDTH = 160
_ATTEMPTS = 4
_UNITS = ("kB", "MB", "GB", "TB")


def _runs_or_codes(
    context: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer output folders, and codes where one is begun."""
    from gpucore.cli.code_pages import codes_like  # noqa: PLC0415 - only a shell asks

    return [*codes_like(incomplete), *runs(context, param, incomplete)]


@click.command(
    "explain", epilog="Examples: gpucore explain aligned motioncor3/m1; gpucore explain E204"
)
@click.argument(
    "folder", metavar="DIR", type=click.Path(), required=False, shell_complete=_runs_or_codes
)
@click.argument("step", metavar="STEP", required=False, shell_complete=steps)
@click.option("--codes", is_flag=True, help="List the codes of errors.")
@as_json
def command(*, folder: str | None, step: str | None, codes: bool, json_: bool) -> int:
    """Say why a step failed or waits, or what an error's code means.

    Of a step it also says what would change that; inside an output folder DIR may be left out.
    Instead of DIR and STEP it takes a code: E204.
    """
    if codes or (folder and step is None and _is_code(folder)):
        from gpucore.cli.code_pages import tell_code, tell_codes  # noqa: PLC0415 - as below

        return tell_codes(json_=json_) if codes else tell_code(str(folder), json_=json_)
    if folder is None:
        raise click.UsageError("missing argument 'DIR'")
    from gpucore.cli.history import read_history  # noqa: PLC0415 - help needs none of it
    from gpucore.cli.step_story import (  # noqa: PLC0415
        find_step,
        place_and_step,
        story_of,
        unusual_inputs,
    )

    folder, name = place_and_step((folder,) if step is None else (folder, step))
    with read_history(folder) as state:
        name = find_step(state, folder, name)
        story = story_of(state, folder, name)
        inputs = list(unusual_inputs(state, story))
        waits = list(_waiting(state, story)) if story.state in {"waiting", "running"} else []
    if json_:
        print_json("explain", _document(story, inputs, waits))
        return 0
    click.echo(styled(clean(_headline(story)), bold=True))
    for label, text in (*_facts(story), *_inputs(inputs), *_advice(story)):
        click.echo(f"  {label:<9} {clean(text)}")
    for text in waits:
        click.echo(f"  {clean(text)}")
    _tell_log(story)
    return 0


def _is_code(text: str) -> bool:
    """Say whether one argument is a code, and not the end of a step's name as `m204` or `204`."""
    from gpucore.codes import looks_like_a_code  # noqa: PLC0415 - only where one argument is given

    in_a_run = os.path.isdir(".gpucore")  # noqa: PTH112 - the working directory
    return looks_like_a_code(text) and (not in_a_run or text[:1] in "Ee")


def _headline(story: Story) -> str:
    from gpucore.cli.progress import duration  # noqa: PLC0415

    step, finished, began = story.step, story.finished, story.began
    if story.state == "failed" and finished is not None:
        tried = [one.began for one in story.attempts if one.began is not None]
        on = ", ".join(dict.fromkeys(story.gpus(one.devices) for one in tried))
        times = f" {len(tried)} times," if len(tried) > 1 else ""
        where = f" on {on}" if on else " before its program was started"
        fault = ": the step is at fault, not the GPUs" if story.is_at_fault else ""
        return f"{step} failed{times}{where}{fault}"
    if story.state == "running" and began is not None:
        since = duration(max(time.time() - began.time, 0.0))
        return f"{step} has been running for {since} on {story.gpus(began.devices)}"
    if story.state == "done" and finished is not None:
        took = f", in {duration(max(finished.time - began.time, 0.0))}" if began else ""
        return f"{step} is done{took}"
    said = {
        "waiting": "waits" if story.lives else "was not begun, and no run goes on",
        "running": "is about to be started",
        "cut off": "was cut off: its host died, and nothing of it lives",
        "skipped": "was skipped",
        "cancelled": "was cancelled",
    }
    return f"{step} {said.get(story.state, story.state)}"


def _facts(story: Story) -> Iterator[tuple[str, str]]:
    from gpucore.standard.classes import CLASSES  # noqa: PLC0415

    finished, began = story.finished, story.began
    if began is not None:
        program = began.argv[0].rpartition("/")[2] if began.argv else "?"
        yield "program", f"{program} (adapter {story.adapter})"
    if finished is not None and story.state not in {"running", "waiting", "cut off"}:
        if finished.reason:
            yield "reason", finished.reason
        if finished.failure is not None:
            yield "class", f"{finished.failure.value}: {CLASSES[finished.failure].means}"
        for warning in finished.warnings:
            yield "warning", warning
    begun = [one for one in story.attempts if one.began is not None]
    if len(begun) > _ATTEMPTS:
        yield "attempts", f"{len(begun)}; the last {_ATTEMPTS} of them:"
    for one in begun[-_ATTEMPTS:] if len(begun) > 1 or finished is not None else ():
        yield f"attempt {one.number}", _attempt(story, one)


def _attempt(story: Story, one: RecordedAttempt) -> str:
    from gpucore.cli.progress import duration  # noqa: PLC0415
    from gpucore.cli.step_story import code_text  # noqa: PLC0415

    began, finished = one.began, one.finished
    parts = [story.gpus(began.devices)] if began is not None else []
    if finished is None:
        return f"{parts[0]}, no end on record"
    if began is not None:
        parts.append(duration(max(finished.time - began.time, 0.0)))
    parts.append(code_text(finished))
    parts += _peaks(finished)
    text = ", ".join(parts)
    differs = finished is not story.finished and finished.reason
    return f"{text}: {finished.reason}" if differs else text


def _peaks(finished: Finished) -> Iterator[str]:
    from gpucore.standard.memory import format_memory  # noqa: PLC0415

    memory = getattr(finished, "peak_memory_mib", None)
    busy = getattr(finished, "peak_utilisation", None)
    if memory:
        yield f"{format_memory(memory)} of GPU memory at most"
    if busy is not None:
        yield f"GPU {busy} % busy at most"


def _inputs(inputs: list[InputFact]) -> Iterator[tuple[str, str]]:
    for one in inputs:
        if one.size is None:
            yield "input", f"{one.path} was not there"
        else:
            others = _size(one.least)
            if one.most != one.least:
                others = f"{others} to {_size(one.most)}"
            yield "input", f"{one.path} has {_size(one.size)}; those of the others have {others}"


def _advice(story: Story) -> Iterator[tuple[str, str]]:
    from gpucore.standard.classes import CLASSES  # noqa: PLC0415

    finished = story.finished
    if story.state == "failed" and finished is not None:
        if finished.failure is not None:
            yield "rule", CLASSES[finished.failure].follows
        if finished.hint:
            yield "try", finished.hint
    if story.state == "skipped" and finished is not None:
        before, _, rest = finished.reason.partition(" did not end well")
        if before and not rest:
            yield "try", command_line("gpucore", "explain", story.folder, before)
    if story.state in {"failed", "skipped", "cancelled", "cut off", "waiting"} and not story.lives:
        yield "again", command_line("gpucore", "resume", story.folder)


def _waiting(state: JournalState, story: Story) -> Iterator[str]:
    """Yield what stands between a step and its start, as far as that is on record."""
    from gpucore.cli.obstacles import obstacles  # noqa: PLC0415

    if story.lives:
        yield from obstacles(state, story)


def _tell_log(story: Story) -> None:
    if story.log is None:
        return
    click.echo(f"  {'log':<9} {clean(str(story.log))}")
    for line in story.last_lines:
        cut = line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…"
        click.echo(f"            | {clean(cut)}")


def _document(story: Story, inputs: list[InputFact], waits: list[str]) -> dict[str, object]:
    finished = story.finished if story.state not in {"running", "waiting", "cut off"} else None
    failure = finished.failure if finished is not None else None
    return {
        "folder": story.folder,
        "step": story.step,
        "stage": story.stage,
        "adapter": story.adapter,
        "state": story.state,
        "what": _headline(story),
        "reason": finished.reason if finished is not None else "",
        "hint": finished.hint if finished is not None else "",
        "failure": failure.value if failure is not None else None,
        "warnings": list(finished.warnings) if finished is not None else [],
        "step_at_fault": story.is_at_fault,
        "attempts": list(map(_recorded, story.attempts)),
        "inputs": [
            {"path": one.path, "size": one.size, "least": one.least, "most": one.most}
            for one in inputs
        ],
        "waits_for": waits,
        "log": str(story.log) if story.log is not None else "",
        "lines": story.last_lines,
    }


def _recorded(one: RecordedAttempt) -> dict[str, object]:
    began, finished = one.began, one.finished
    failure = finished.failure if finished is not None else None
    code = None
    if finished is not None:
        code = -finished.signal if finished.signal else finished.exit_code
    return {
        "attempt": one.number,
        "gpus": list(began.devices) if began is not None else [],
        "began": began.time if began is not None else None,
        "ended": finished.time if finished is not None else None,
        "state": finished.state.value if finished is not None else None,
        "failure": failure.value if failure is not None else None,
        "reason": finished.reason if finished is not None else "",
        "exit_code": code,
        "peak_memory_mib": getattr(finished, "peak_memory_mib", None),
        "peak_utilisation": getattr(finished, "peak_utilisation", None),
        "log": began.log if began is not None else "",
    }


def _size(count: int) -> str:
    """Return an amount of bytes as people write it.

    Examples
    --------
    >>> _size(12), _size(12_400), _size(310_000_000)
    ('12 bytes', '12 kB', '310 MB')
    """
    amount, unit = float(count), "bytes"
    for unit_ in _UNITS:
        if amount < 1000:  # noqa: PLR2004 - powers of ten
            break
        amount, unit = amount / 1000, unit_
    return f"{amount:.0f} {unit}" if amount >= 10 or unit == "bytes" else f"{amount:.1f} {unit}"  # noqa: PLR2004 - two digits
