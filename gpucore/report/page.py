"""The page: one HTML file with all that it needs, in which every name is only text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gpucore.report.embedding import as_json
from gpucore.report.history import Attempt, State
from gpucore.report.lanes import Layout
from gpucore.report.page_data import PageData, chosen
from gpucore.report.page_tables import page_tables
from gpucore.report.step_columns import beside
from gpucore.report.texts import duration, link_to, percent, shown, utc_offset, when

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import jinja2

    from gpucore.report.failures import FailureKind
    from gpucore.report.figures import Figures
    from gpucore.report.history import History
    from gpucore.report.idle import GpuTime

__all__ = [
    "MARK",
    "MOST",
    "Living",
    "living_policy",
    "own",
    "page_html",
    "page_parts",
    "part",
    "policy",
    "script_of",
    "template",
]

Commanded: TypeAlias = "Callable[[Sequence[Attempt]], Mapping[int, list[str]]]"

MARK = "<!-- gpucore report "
"""By which a page of ours is known again."""

MOST = 6000
"""So many attempts are told one by one, if they fit."""
_FEWEST = 250
_BYTES = 900_000
_SCRIPTS = ("model.js", "drawing.js", "table.js", "page.js")
_MORE = ("now.js", "live.js")


@dataclass(frozen=True, kw_only=True)
class Living:
    """What makes a page one that is told more while it is looked at.

    Parameters
    ----------
    layout : Layout
        What its lanes, rows and stages are.
    link : callable
        Gives the link that leads to an attempt's log; empty: none does.
    version : str
        By which whoever tells more knows what the page has.
    others : bool
        Whether there are more runs to look at, one folder up.
    now : str
        How the run stands, as JSON.
    """

    layout: Layout
    link: Callable[[Attempt], str]
    version: str = ""
    others: bool = False
    now: str = "{}"


def policy(script: str, style: str, *, living: bool = False) -> str:
    """Return the content security policy of a page: its own script and style, and nothing else."""
    said = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    )
    return f"{said}; connect-src 'self'" if living else said


def living_policy() -> str:
    """Return the content security policy of a page that is told more."""
    return policy(script_of(*_SCRIPTS, *_MORE), part("page.css"), living=True)


def page_html(
    history: History,
    times: Sequence[GpuTime],
    figures: Figures,
    commands: Commanded,
    *,
    place: Path,
    trace: str,
    living: Living | None = None,
) -> str:
    """Return the page.

    Parameters
    ----------
    history : History
        What happened.
    times : sequence of GpuTime
        How the time of the GPUs was spent.
    figures : Figures
        What it comes to.
    commands : callable
        Gives the commands of some attempts, as words, by their events.
    place : Path
        The folder in which the page will lie.
    trace : str
        The name of the table beside it; empty: there is none.
    living : Living, optional
        What a page needs that is told more.

    Raises
    ------
    GpucoreError
        When the journal was damaged since it was read.
    """

    def link(attempt: Attempt) -> str:
        return beside(history.folder, attempt.log, str(place))

    shaper = PageData(
        history,
        times,
        living.link if living else link,
        living.layout if living else None,
    )
    attempts, data = _fitting(history, shaper, commands)
    script, style = script_of(*_SCRIPTS, *(_MORE if living else ())), part("page.css")
    return template("page.html.j2").render(
        _told(history, times, figures, str(place), living),
        title=Path(history.folder).name or history.folder,
        host=history.runs[-1].host if history.runs else "",
        living=living,
        style=own(style),
        script=own(script),
        policy=own(policy(script, style, living=living is not None)),
        data=own(data),
        trace=trace,
        told=len(attempts),
        total=len(history.attempts),
        untold=len(history.attempts) - len(attempts),
    )


def page_parts(
    history: History, times: Sequence[GpuTime], figures: Figures, living: Living
) -> dict[str, str]:
    """Return the parts of a living page that are told anew when they change, as HTML, by name."""
    page = template("page.html.j2")
    told = _told(history, times, figures, history.folder, living)
    context = page.new_context({**told, "living": living, "trace": ""})
    return {name: "".join(block(context)) for name, block in page.blocks.items()}


def _told(
    history: History,
    times: Sequence[GpuTime],
    figures: Figures,
    place: str,
    living: Living | None,
) -> dict[str, object]:
    """Return what the parts of a page are filled with."""
    from gpucore import __version__  # noqa: PLC0415 - the package's own module imports us

    def link(kind: FailureKind) -> str:
        if not kind.file:
            return ""
        return living.link(kind.shown) if living else link_to(kind.file, place)

    failed = history.counts.get(State.FAILED, 0) + history.counts.get(State.CUT_OFF, 0)
    return {
        "history": history,
        "failed": failed,
        "verdict": _verdict(history, figures, failed, living=living is not None),
        "troubles": [one for one in (history.journal.loss, *history.journal.notes) if one],
        "version": __version__,
        "made": when(history.made),
        "zone": _zone(utc_offset(history.made)),
        **page_tables(history, times, figures, link),
    }


def _fitting(history: History, shaper: PageData, commands: Commanded) -> tuple[list[Attempt], str]:
    """Return as many attempts as fit the page, and its data; the largest pages lack commands."""
    most = MOST
    while True:
        attempts = chosen(history, most)
        known = commands(attempts)
        for some in (known, _only_bad(attempts, known)):
            data = as_json(shaper.shaped(attempts, some))
            if len(data) <= _BYTES:
                return attempts, data
        if most <= _FEWEST:
            return attempts, data
        most //= 2


def _only_bad(
    attempts: Sequence[Attempt], commands: Mapping[int, list[str]]
) -> Mapping[int, list[str]]:
    """Return the commands of those whose command is asked for first."""
    return {
        one.event: commands[one.event]
        for one in attempts
        if one.event in commands and one.state is not State.DONE
    }


def _verdict(history: History, figures: Figures, failed: int, *, living: bool) -> str:
    counts = history.counts
    done, left = counts[State.DONE], counts[State.WAITING] + counts[State.RUNNING]
    said = [f"{done} of {figures.steps} steps {'is' if figures.steps == 1 else 'are'} done"]
    if failed:
        said.append(f"{failed} failed")
    said += [
        f"{counts[state]} {state.value}"
        for state in (State.SKIPPED, State.CANCELLED)
        if counts[state]
    ]
    if left:
        said.append(f"{left} {'is' if left == 1 else 'are'} not over")
    text = ", ".join(said)
    last = history.runs[-1] if history.runs else None
    if living and last is not None and last.life == "runs":
        return ""  # what stands above it is newer
    if last is not None and last.life == "died":
        text += "; the last run died"
    elif last is not None and last.life == "runs":
        text += f"; a run goes on, this is how it stood at {when(history.made)}"
    elif last is not None and last.life == "unknown":
        text += f"; whether the run on {shown(last.host)} goes on is not known here"
    if history.gpus:
        text += f". The GPUs were busy for {percent(figures.share)} of {duration(figures.seconds)}"
    return text + "."


def _zone(offset: int) -> str:
    sign, rest = "-" if offset < 0 else "+", abs(offset) // 60
    return f"{sign}{rest // 60:02d}:{rest % 60:02d}"


@cache
def part(name: str, package: str = "gpucore.report") -> str:
    """Return a file that pages are made of."""
    return (resources.files(package) / "templates" / name).read_text("utf-8")


@cache
def script_of(*names: str) -> str:
    """Return some of our scripts as one."""
    return '(() => {\n"use strict";\n' + "\n".join(map(part, names)) + "})();\n"


@cache
def template(name: str, package: str = "gpucore.report") -> jinja2.Template:
    """Return a template, in which every text from outside is only text."""
    import jinja2  # noqa: PLC0415 - for whoever writes a page

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False, lstrip_blocks=True
    )
    environment.filters["shown"] = shown
    environment.filters["duration"] = duration
    environment.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    return environment.from_string(part(name, package))


def own(text: str) -> str:
    """Return a text of ours, or one that `as_json` made, as it stands: it needs no escaping."""
    from markupsafe import Markup  # noqa: PLC0415 - as above

    return Markup(text)  # noqa: S704 - no text from outside comes here


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
