"""What `map`, `run` and `demo` have in common: a plan shown, or run to its end."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucore.cli.error_text import tell_error
from gpucore.cli.event_lines import outcome_data
from gpucore.cli.held import HeldByOthers
from gpucore.cli.interruption import Interruption
from gpucore.cli.manner import remark
from gpucore.cli.progress import LinePrinter, duration, open_display
from gpucore.cli.run_page import MOST_FOR_A_PAGE, write_page
from gpucore.cli.terminal import clean, command_line, device_names, indexes, print_json, talk
from gpucore.errors import ConfigError
from gpucore.feeding import PlanFeed
from gpucore.notes import gpu_notes
from gpucore.outcomes import expected_outputs
from gpucore.planning import preview
from gpucore.provision import sharing_note
from gpucore.standard.model import Outcome, StepEnded, StepState
from gpucore.standard.params import rooted
from gpucore.standard.template import render
from gpucore.startup import container_name, folders_of, planned_startup
from gpucore.system.files import writable_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gpucore.executor import StepExecutor
    from gpucore.planning import Plan
    from gpucore.provision import Provision
    from gpucore.scheduling import Grant
    from gpucore.settings import Settings
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.model import Command, Event
    from gpucore.standard.step import Step

__all__ = ["Resuming", "run_plan", "show_plan", "without_needless_gpus"]

_INTERRUPTED = 128
_NOTHING = 5


@dataclass(frozen=True, kw_only=True)
class Resuming:
    """What `gpucore resume` says to the verb that it calls: click's object of that call.

    Parameters
    ----------
    folder : Path
        The output folder whose run is resumed.
    """

    folder: Path


def without_needless_gpus(
    settings: Settings, plan: Plan, later: Iterable[tuple[Adapter, bool]] = ()
) -> Settings:
    """Return settings without a GPU list when no step of the plan, nor a later one, uses a GPU.

    Nothing is then asked of a driver, and nothing it says can be in the way.
    """
    steps = ((one.step.adapter, one.step.use_gpu) for one in plan.steps)
    used = any(one.gpu.use.uses_gpu(use_gpu=wanted) for one, wanted in (*steps, *later))
    return settings if used else replace(settings, config=replace(settings.config, gpus=""))


def show_plan(settings: Settings, plan: Plan, *, as_json: bool) -> int:
    """Print every command in the order in which it would start; start nothing.

    No program is needed, and no device when the GPU list names its GPUs by index and nobody chose a
    device source.
    """
    provision = settings.provide(machine_needed=False)
    rows = [
        (step, grant, _command(settings, step, grant))
        for step, grant in preview(plan, provision, may_share=settings.may_share)
    ]
    if as_json:
        print_json("plan", {"steps": [_as_data(*row) for row in rows]})
        return 0
    for number, row in enumerate(rows, start=1):
        for line in _lines(number, *row):
            click.echo(line)
    for note in _notes(settings, plan, provision):
        remark(f"note: {clean(note)}")
    plural = "s" * (len(rows) != 1)
    remark(f"{len(rows)} step{plural}, {provision.workers} at once; nothing was run")
    return 0


def run_plan(
    settings: Settings,
    plan: Plan,
    *,
    output: str,
    as_json: bool = False,
    resume: bool = False,
    kill_orphans: bool = False,
    feed: PlanFeed | None = None,
    also: Callable[[Event], None] | None = None,
) -> int:
    """Run a plan; return the exit status.

    Parameters
    ----------
    settings, plan : Settings, Plan
        What is run, and with what.
    output : str
        The output folder.
    as_json : bool
        Whether how it went is printed as one JSON object.
    resume : bool
        Whether what earlier runs of the folder have done is not run again.
    kill_orphans : bool
        Whether programs that outlived an earlier run are ended instead of waited for.
    feed : PlanFeed, optional
        Submits the steps as their files come; the plan is a sample of them then.
    also : callable, optional
        Told of every event, beside who shows them.

    Raises
    ------
    GpucoreError
        Before anything is started or written: a program or GPU that is not there, an output that
        cannot be written.
    """
    resuming = _resuming(plan.root / output)
    fault = writable_fault(_folders(plan, output))
    if fault:
        raise ConfigError(
            f"the outputs cannot be written: {fault}", hint="give another folder", code="E261"
        )
    provision = settings.provide()
    feed = feed or PlanFeed(plan)
    display = open_display(feed.stages, HeldByOthers(settings))
    feed.on_more = display.more
    outcomes: list[Outcome] = []

    def watch(event: Event) -> None:
        if as_json and isinstance(event, StepEnded):
            outcomes.append(event.outcome)
        display(event)
        if also is not None:
            also(event)
        feed.heard(event)

    started = time.monotonic()
    try:
        executor = feed.executor(
            settings,
            provision,
            output=output,
            journal=True,
            resume=resume,
            kill_orphans=kill_orphans,
            on_event=watch,
        )
        with Interruption(executor, display) as interruption:
            try:
                feed.run(executor)
            finally:
                executor.close()
    finally:
        display.close()
    counts = executor.counts
    if as_json:
        summary = {state.value: count for state, count in counts.items() if count}
        print_json(
            "run",
            {
                "run": executor.run,
                "counts": summary,
                "seconds": round(time.monotonic() - started, 3),
                "logs": str(executor.folder / "log"),
                "steps": [outcome_data(outcome) for outcome in outcomes],
            },
        )
    _summary(executor, display, time.monotonic() - started, output)
    if len(plan.steps) <= MOST_FOR_A_PAGE:
        write_page(plan.root / output, settings.environment, called=output)
    else:
        words = command_line("gpucore", "report", output)
        talk(f"no page of so many steps was written: {words}")
    if interruption.signal:
        return _INTERRUPTED + interruption.signal
    if executor.halted is not None:
        return tell_error(executor.halted)
    if resuming and feed.is_whole and display.earlier == feed.submitted:
        return _NOTHING
    return 0 if counts[StepState.DONE] == feed.submitted and not feed.refused else 1


def _resuming(output: Path) -> bool:
    """Return whether `gpucore resume` has called.

    Raises
    ------
    ConfigError
        When the run that it calls again writes elsewhere now.
    """
    context = click.get_current_context(silent=True)
    told = context.obj if context is not None else None
    if not isinstance(told, Resuming):
        return False
    if os.path.realpath(told.folder) != os.path.realpath(output):
        raise ConfigError(
            f"`{told.folder}` was moved: the run that made it writes to `{output}`",
            hint="move it back, or start the run anew with the folder where it is now",
            code="E716",
        )
    return True


def _summary(executor: StepExecutor, display: LinePrinter, seconds: float, output: str) -> None:
    counts = executor.counts
    parts = [
        f"{counts[state]} {state.value}"
        for state in (StepState.DONE, StepState.FAILED, StepState.SKIPPED, StepState.CANCELLED)
        if counts[state] or state is StepState.DONE
    ]
    if display.earlier:
        were = "was" if display.earlier == 1 else "were"
        talk(f"{display.earlier} {were} done before")
    talk(f"{', '.join(parts)} in {duration(seconds)}; outputs in {clean(output)}")
    if display.failed:
        first = display.failed[0].step
        more = counts[StepState.FAILED] - 1
        others = f" and {more} more" if more > 0 else ""
        words = command_line("gpucore", "explain", output, first)
        talk(f"failed: {clean(first)}{others}; why: {words}")


def _command(settings: Settings, step: Step, grant: Grant) -> Command:
    startup = planned_startup(step.adapter, settings.config.program.get(step.adapter.name))
    root, own_directory = str(settings.root), step.adapter.command.own_directory
    absolute = rooted(step.adapter, step.values, root)
    command = render(
        step.adapter,
        absolute if own_directory else step.values,
        startup.devices(step.adapter, grant.devices),
        executable=startup.executable,
        isolate=settings.config.isolate,
    )
    argv = command.argv
    if startup.container is not None:
        outputs = expected_outputs(step, absolute, gpu=bool(grant.devices))
        argv = startup.wrapped(
            step.adapter,
            command,
            own=command.env,
            devices=grant.devices,
            name=container_name("plan", step.name, 1),
            cwd="its-own-directory" if own_directory else root,
            folders=folders_of(step.adapter, absolute, [output.path for output in outputs]),
        )
    return replace(command, argv=argv, env={**startup.variables, **command.env})


def _lines(number: int, step: Step, grant: Grant, command: Command) -> Iterator[str]:
    yield f"# {number}  {clean(step.name)}  {device_names(grant.devices)}"
    if command.own_directory:
        made = [*(file.name for file in command.files), *(link.name for link in command.links)]
        with_ = f", with {', '.join(made)}" if made else ""
        yield clean(f"# in a directory of its own{with_}")
    words = [f"{name}={shlex.quote(value)}" for name, value in command.env.items()]
    words += [shlex.quote(argument) for argument in command.argv]
    # A line break inside a quoted argument stays what it is; everything else is made printable.
    yield "\n".join(clean(line) for line in " ".join(words).split("\n"))
    for line in (command.stdin or "").splitlines():
        yield f"# answers: {clean(line)}"


def _as_data(step: Step, grant: Grant, command: Command) -> dict[str, object]:
    return {
        "step": step.name,
        "adapter": step.adapter.name,
        "gpus": indexes(grant.devices),
        "simulated": any(device.simulated for device in grant.devices),
        "argv": list(command.argv),
        "env": dict(command.env),
        "stdin": command.stdin,
        "own_directory": command.own_directory,
        "files": {file.name: file.text for file in command.files},
        "links": {link.name: link.target for link in command.links},
    }


def _notes(settings: Settings, plan: Plan, provision: Provision) -> Iterator[str]:
    for adapter in plan.adapters:
        if note := sharing_note(adapter, provision, may_share=settings.may_share):
            yield note
    yield from gpu_notes((planned.step for planned in plan.steps), provision)
    if provision.absent is not None:
        yield f"no GPU is used: {provision.absent.what}"


def _folders(plan: Plan, output: str) -> list[Path]:
    """Return every folder that the plan writes to, each once."""
    folders = {plan.root / output: None}
    for planned in plan.steps:
        step = planned.step
        for one in expected_outputs(step, step.values, gpu=step.use_gpu):
            folders[(plan.root / one.path).parent] = None
    return list(folders)
