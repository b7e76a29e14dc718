"""The page: one HTML file with all that it needs, in which every name is only text."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gpucore.report.embedding import as_json
from gpucore.report.history import State
from gpucore.report.page_data import PageData, chosen
from gpucore.report.page_tables import page_tables
from gpucore.report.texts import duration, percent, shown, utc_offset, when

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import jinja2

    from gpucore.report.figures import Figures
    from gpucore.report.history import Attempt, History
    from gpucore.report.idle import GpuTime

__all__ = ["MARK", "MOST", "page_html"]

Commanded: TypeAlias = "Callable[[Sequence[Attempt]], Mapping[int, list[str]]]"

MARK = "<!-- gpucore report "
"""By which a page of ours is known again."""

MOST = 6000
"""So many attempts are told one by one, if they fit."""
_FEWEST = 250
_BYTES = 900_000
_SCRIPTS = ("model.js", "drawing.js", "table.js", "page.js")


def page_html(
    history: History,
    times: Sequence[GpuTime],
    figures: Figures,
    commands: Commanded,
    *,
    place: Path,
    trace: str,
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
        The name of the table beside it.

    Raises
    ------
    GpucoreError
        When the journal was damaged since it was read.
    """
    from gpucore import __version__  # noqa: PLC0415 - the package's own module imports us

    attempts, data = _fitting(history, times, commands, str(place))
    script = '(() => {\n"use strict";\n' + "\n".join(map(_part, _SCRIPTS)) + "})();\n"
    style = _part("page.css")
    failed = history.counts.get(State.FAILED, 0) + history.counts.get(State.CUT_OFF, 0)
    return _template().render(
        title=Path(history.folder).name or history.folder,
        history=history,
        host=history.runs[-1].host if history.runs else "",
        failed=failed,
        verdict=_verdict(history, figures, failed),
        troubles=[one for one in (history.journal.loss, *history.journal.notes) if one],
        version=__version__,
        made=when(history.made),
        zone=_zone(utc_offset(history.made)),
        style=_safe(style),
        script=_safe(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=_safe(data),
        trace=trace,
        told=len(attempts),
        total=len(history.attempts),
        untold=len(history.attempts) - len(attempts),
        **page_tables(history, times, figures, str(place)),
    )


def _fitting(
    history: History, times: Sequence[GpuTime], commands: Commanded, place: str
) -> tuple[list[Attempt], str]:
    """Return as many attempts as fit the page, and its data; the largest pages lack commands."""
    shaper = PageData(history, times, place)
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


def _verdict(history: History, figures: Figures, failed: int) -> str:
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
def _part(name: str) -> str:
    return (resources.files("gpucore.report") / "templates" / name).read_text("utf-8")


@cache
def _template() -> jinja2.Template:
    import jinja2  # noqa: PLC0415 - for whoever writes a page

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False, lstrip_blocks=True
    )
    environment.filters["shown"] = shown
    environment.filters["duration"] = duration
    environment.filters["sentence"] = lambda text: text[:1].upper() + text[1:]
    return environment.from_string(_part("page.html.j2"))


def _safe(text: str) -> str:
    """Return a text of ours, or one that `as_json` made, as it stands: it needs no escaping."""
    from markupsafe import Markup  # noqa: PLC0415 - as above

    return Markup(text)  # noqa: S704 - no text from outside comes here


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
