"""Options of a watched folder, and a run over the files that come."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gpucore.config.watch import WatchTable
    from gpucore.planning import Plan
    from gpucore.settings import Settings
    from gpucore.standard.model import Event
    from gpucore.streaming.job import StreamJob

__all__ = ["Span", "files_now", "run_stream", "watch_of", "watching"]

F = TypeVar("F", bound="Callable[..., int]")

_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|min|h|d)?")
_OF_FOLDER = (
    "pattern", "settle", "ready", "marker", "idle", "newest_first", "poll", "run_changed",
)  # fmt: skip
_OF_BATCHES = ("batch", "batch_wait")


class Span(click.ParamType[float]):
    """A length of time: ``2`` and ``2s`` are seconds, ``500ms``, ``30min``, ``12h``, ``3d``."""

    name = "time"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return it in seconds."""
        if isinstance(value, (int, float)):
            return float(value)
        found = _SPAN.fullmatch(value.strip())
        seconds = float(found[1]) * _UNITS[found[2] or "s"] if found else 0.0
        if not seconds:
            self.fail(f"{value!r} is no length of time: write 2s, 30min or 12h", param, ctx)
        return seconds


def watching(function: F) -> F:
    """Add the options of a watched folder; the function gets them as ``watched``."""

    @functools.wraps(function)
    def gathered(**given: Any) -> int:
        names = ("watch", *_OF_FOLDER, *_OF_BATCHES)
        return function(watched={name: given.pop(name) for name in names}, **given)

    with_options: Any = gathered
    for option in (
        click.option(
            "--batch-wait",
            type=Span(),
            metavar="TIME",
            help="Run a batch of a watched folder that is not full after so long.",
        ),
        click.option(
            "--batch",
            type=click.IntRange(min=1),
            metavar="N",
            help="Files that one step takes, for a program that takes many at a time.",
        ),
        click.option(
            "--run-changed",
            is_flag=True,
            help="Going on, run files again that were rewritten after they were done.",
        ),
        click.option(
            "--poll",
            type=Span(),
            metavar="TIME",
            help="Look at the folder so often, instead of being told by the kernel.",
        ),
        click.option(
            "--newest-first", is_flag=True, help="Take the newest of the files that wait."
        ),
        click.option(
            "--idle", type=Span(), metavar="TIME", help="End after so long without a new file."
        ),
        click.option(
            "--marker", metavar="NAME", help="End when a file of this name is in the folder."
        ),
        click.option(
            "--ready",
            metavar="NAME",
            help="A file that says that another is complete: '*.xml' beside it, or gain.mrc for "
            "all.",
        ),
        click.option(
            "--settle",
            type=Span(),
            metavar="TIME",
            help="A file is complete when it did not change for so long: 2s, 1min.",
        ),
        click.option(
            "--pattern",
            multiple=True,
            metavar="GLOB",
            help="Which files of the folder: '*.tif', '**/*.tif'; may be repeated; all by default.",
        ),
        click.option(
            "--watch",
            metavar="DIR",
            help="Take the files that come into a folder, instead of FILES.",
        ),
    ):
        with_options = option(with_options)
    return with_options  # type: ignore[no-any-return]


def watch_of(watched: Mapping[str, Any], files: tuple[str, ...]) -> WatchTable | None:
    """Return the folder that the options name; None when they name none.

    Raises
    ------
    ParameterError
        For options without it, and for files beside it.
    """
    from gpucore.config.watch import WatchTable  # noqa: PLC0415 - for runs that watch alone
    from gpucore.errors import ParameterError  # noqa: PLC0415

    told = {name: watched[name] for name in _OF_FOLDER if watched[name]}
    if watched["watch"] is None:
        others = [*told, *(("batch_wait",) if watched["batch_wait"] else ())]
        if others:
            option = f"--{others[0].replace('_', '-')}"
            raise ParameterError(
                f"{option} is given without a folder to watch", hint="add --watch DIR", code="E250"
            )
        return None
    if files:
        raise ParameterError(
            f"`{files[0]}` is given beside --watch",
            hint="files that are there already are taken, too: leave it out",
            code="E250",
        )
    return WatchTable(dir=watched["watch"].rstrip("/") or watched["watch"], **told)


def files_now(job: StreamJob) -> Plan:
    """Return the steps of the files that are there now, or of one that may come."""
    from gpucore.planning import Plan, PlannedStep  # noqa: PLC0415
    from gpucore.streaming.batches import Batches  # noqa: PLC0415
    from gpucore.streaming.finder import FoundFile  # noqa: PLC0415
    from gpucore.streaming.folder import WatchedFolder  # noqa: PLC0415
    from gpucore.streaming.patterns import NamePattern  # noqa: PLC0415
    from gpucore.streaming.settling import FileStamp  # noqa: PLC0415

    plans = [job.first]
    for stage in job.watched:
        names = list(stage.files)
        if stage.watch is not None:
            pattern = NamePattern(stage.watch.patterns)
            folder = WatchedFolder(str(job.root / stage.watch.dir), pattern, polled=True)
            names = sorted(name for name in folder.names("") if pattern.fits(name))
        batches = Batches(stage, job.root)
        files = [FoundFile(name, FileStamp(0, 0)) for name in names]
        now = [*batches.recorded(), *batches.of(files, 0.0, all_=True)]
        plans += [stage.plan(batches.item(batch)) for batch in now]
    steps: list[PlannedStep] = []
    for plan in plans if len(plans) > 1 else [job.sample]:
        start = len(steps)
        steps += [
            PlannedStep(one.step, tuple(start + place for place in one.after)) for one in plan.steps
        ]
    return Plan(steps=tuple(steps), root=job.root)


def run_stream(
    settings: Settings,
    job: StreamJob,
    *,
    output: str,
    as_json: bool,
    resume: bool,
    kill_orphans: bool,
    also: Callable[[Event], None] | None = None,
) -> int:
    """Run the files of watched folders until nothing more is to come; return the exit status.

    Raises
    ------
    GpucoreError
        Before anything is started or written.
    """
    from gpucore.cli.session import run_plan  # noqa: PLC0415
    from gpucore.streaming.stream import Stream  # noqa: PLC0415

    stream = Stream(job)
    try:
        return run_plan(
            settings,
            job.sample,
            output=output,
            as_json=as_json,
            resume=resume,
            kill_orphans=kill_orphans,
            feed=stream,
            also=also,
        )
    finally:
        stream.close()
