"""The live view as lines of text of one size: a picture, and what a person chose to see of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.cells import cell_len, set_cell_size

from gpucore.cli.terminal import clean
from gpucore.cli.top.grid import Field, fit, fit_end, grid
from gpucore.cli.top.picture import GpuNow, RunNow, StepNow
from gpucore.cli.top.sorting import COLUMNS, Table, row_key
from gpucore.cli.top.view import Mode
from gpucore.cli.top.wording import (
    gpu_detail,
    gpu_now,
    index_of,
    memory,
    rate,
    run_detail,
    span,
    step_detail,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gpucore.cli.top.picture import Picture
    from gpucore.cli.top.sorting import Row
    from gpucore.cli.top.view import Cancel, View

__all__ = ["KEYS", "Line", "draw", "run_fields", "shares", "tables_text"]

KEYS = (
    ("j k, arrows", "move; PgUp, PgDn, Home, End as well"),
    ("Tab", "go to the next table: GPUs, runs, steps of the chosen run"),
    ("s", "sort by the next column; r: the other way round"),
    ("Enter, l", "look at the log of the chosen step, which is followed; q or Esc leaves it"),
    ("c", "cancel the chosen run or step, after a question"),
    ("?", "show this"),
    ("q, Ctrl-C", "quit"),
)
_USUAL = "q quit · ? help · Tab table · s sort · l log · c cancel"
_IN_LOG = "q back · j k PgUp PgDn g G move · ← → shift"
_ANSWERS = " (y/n)"
_LEAST_NAME = 8
_FEW_LINES = 9
_SHORT = 3

_BAD = {"quarantined", "unknown", "failed", "died", "unread", "cut off"}
_ODD = {"others", "avoided", "busy", "held", "waits"}


class Line(NamedTuple):
    """A line and its style: title, head, focus, chosen, bad, odd or dim; mostly none."""

    text: str
    style: str = ""


def draw(
    picture: Picture | None, view: View, width: int, height: int, *, log: Sequence[str] = ()
) -> list[Line]:
    """Return the lines of a screen, as many as it has.

    Parameters
    ----------
    picture : Picture or None
        What there is; None: nothing is known yet.
    view : View
        What is chosen.
    width, height : int
        The size of the terminal, in cells.
    log : sequence of str
        Lines of the log that is looked at.
    """
    if width < 1 or height < 1:
        return []
    if view.mode is Mode.LOG:
        lines = _log(view, width, height, log)
    elif view.mode is Mode.HELP:
        keys = [Line(f"  {key:<12} {what}") for key, what in KEYS]
        lines = [Line(" gpucore top: what keys do", "title"), Line(""), *keys, Line("")]
        lines.append(Line(" any key goes back", "dim"))
    elif picture is None:
        lines = [Line(" gpucore top", "title"), Line(" looking …", "dim")]
    else:
        lines = _tables(picture, view, width, height)
    lines = [Line(fit(line.text, width), line.style) for line in lines[:height]]
    return lines + [Line("")] * (height - len(lines))


def shares(available: int, wanted: Sequence[int], first: int) -> list[int]:
    """Return how many of the available lines each part gets, the first to be served named by place.

    Examples
    --------
    >>> shares(10, [9, 3, 4], 0)
    [4, 3, 3]
    """
    given = [0] * len(wanted)
    turn = [first, *(place for place in range(len(wanted)) if place != first)]
    while available > 0 and any(map(int.__lt__, given, wanted)):
        for place in turn:
            if available > 0 and given[place] < wanted[place]:
                given[place] += 1
                available -= 1
    return given


def tables_text(picture: Picture, view: View) -> list[list[tuple[str, ...]]]:
    """Return the tables of GPUs and runs, head and rows, for where nothing is drawn."""
    found = []
    for table in (Table.GPUS, Table.RUNS):
        fields = _FIELDS[table](view.rows(table, picture), picture)
        heads = tuple(one.title for one in fields)
        found.append([heads, *zip(*(one.cells for one in fields), strict=True)])
    return found


def _tables(picture: Picture, view: View, width: int, height: int) -> list[Line]:
    title = _title(picture, width)
    notes = [Line(f" {clean(note)}", "odd") for note in picture.notes[:2]]
    last = _last(picture, view, width)
    if height < _FEW_LINES:
        inner = height - 1 if height >= _SHORT else height
        shown = _table(picture, view, view.focus, width, max(inner, 1))
        return [*shown, *last[-1:]] if height >= _SHORT else shown
    tables = list(Table)
    room = height - 1 - len(notes) - len(last)
    wanted = [1 + max(1, len(view.rows(table, picture))) for table in tables]
    blank = room >= sum(wanted) + len(tables) - 1
    given = shares(room, wanted, tables.index(view.focus))
    lines = [title, *notes]
    for table, size in zip(tables, given, strict=True):
        if blank and table is not tables[0]:
            lines.append(Line(""))
        lines += _table(picture, view, table, width, size)
    lines += [Line("")] * (height - len(lines) - len(last))
    return [*lines, *last]


def _title(picture: Picture, width: int) -> Line:
    used = sum(one.state == "used" for one in picture.gpus)
    going = sum(not one.over for one in picture.runs)
    clock = time.strftime("%H:%M:%S", time.localtime(picture.time))
    gpus = f"{used} of {_many(len(picture.gpus), 'GPU')} used"
    left = f" gpucore top · {clean(picture.host)} · {gpus} · {_many(going, 'run')}"
    return Line(fit(left, max(0, width - len(clock) - 2)) + f" {clock} ", "title")


def _last(picture: Picture, view: View, width: int) -> list[Line]:
    """Return what is said below the tables: of the chosen row, and what can be done."""
    row = view.row(view.focus, picture)
    detail = ""
    if isinstance(row, GpuNow):
        detail = gpu_detail(row)
    elif isinstance(row, RunNow):
        detail = run_detail(row, picture.time)
    elif isinstance(row, StepNow):
        detail = step_detail(row)
    if view.question is not None:
        return [Line(f" {detail}", "dim"), Line(_question(view.question, width), "bad")]
    said = Line(f" {view.message}", "odd") if view.message else Line(f" {_USUAL}", "dim")
    return [Line(f" {detail}", "dim"), said]


def _question(asked: Cancel, width: int) -> str:
    """Return what is asked before something ends; a long name loses its beginning."""
    name, words = clean(asked.run.folder), ("end the run in ", " and all its programs?")
    if asked.step is not None:
        name = clean(asked.step.step)
        words = ("end ", "? Its run goes on, and takes it as failed.")
    before, after = words
    room = width - cell_len(before + after) - len(_ANSWERS) - 1
    if room < _LEAST_NAME:
        before, after, room = "end ", "?", width - len("end ?") - len(_ANSWERS) - 1
    return f" {before}{fit_end(name, min(cell_len(name), room))}{after}{_ANSWERS}"


def _table(picture: Picture, view: View, table: Table, width: int, size: int) -> list[Line]:
    """Return a table in so many lines, its head among them; the chosen row is always shown."""
    if size < 1:
        return []
    rows = view.rows(table, picture)
    fields = _FIELDS[table](rows, picture)
    order = view.orders[table]
    mark = "▴" if order.reverse else "▾"
    sorted_by = COLUMNS[table][order.column].title
    fields = [
        Field(
            title=f"{one.title} {mark}" if one.title == sorted_by else one.title,
            cells=one.cells, right=one.right, rest=one.rest, from_end=one.from_end, drop=one.drop,
        )
        for one in fields
    ]  # fmt: skip
    head, texts = grid(fields, max(width - 2, 1))
    focus = view.focus is table
    keys = [row_key(row) for row in rows]
    chosen = view.chosen.get(table, "")
    place = keys.index(chosen) if chosen in keys else 0
    most = size - 1
    begin = max(0, min(place - most // 2, len(rows) - most))
    beside = _beside(table, view, picture)
    if 0 < most < len(rows):
        beside = f"{beside}  {begin + 1}-{begin + most} of {len(rows)}"
    head = f"{'>' if focus else ' '} {head}"
    if beside and width > 2 * cell_len(beside):
        head = set_cell_size(head, width - cell_len(beside) - 2) + f" {beside} "
    lines = [Line(head, "focus" if focus else "head")]
    if not rows:
        return [*lines, Line(f"  {_nothing(table, view, picture)}", "dim")][:size]
    for number in range(begin, min(begin + most, len(rows))):
        row, is_chosen = rows[number], number == place
        marked = ">" if is_chosen and focus else "·" if is_chosen and table is Table.RUNS else " "
        style = "chosen" if is_chosen and focus else _style(row)
        lines.append(Line(f"{marked} {texts[number]}", style))
    return lines


def _beside(table: Table, view: View, picture: Picture) -> str:
    """Return what stands beside a table's head: whose steps they are."""
    run = view.run(picture) if table is Table.STEPS else None
    return f"of {clean(run.folder.rpartition('/')[2])}" if run is not None and run.folder else ""


def _nothing(table: Table, view: View, picture: Picture) -> str:
    if table is Table.GPUS:
        return "no GPU is known"
    if table is Table.RUNS:
        return "no run goes on on this machine"
    run = view.run(picture)
    return "no step of the chosen run runs or has failed" if run is not None else "no run is chosen"


def _style(row: Row) -> str:
    if row.state in _BAD:
        return "bad"
    if row.state in _ODD:
        return "odd"
    return "dim" if row.state in {"free", "ended"} else ""


def _gpu_fields(rows: Sequence[GpuNow], picture: Picture) -> list[Field]:
    busy = [_unit(one.utilisation, "%") for one in rows]
    temperatures = [_unit(one.temperature, "°C") for one in rows]
    return [
        Field(title="GPU", cells=[str(one.index) for one in rows], right=True),
        Field(title="name", cells=[_model(one) for one in rows], drop=1),
        Field(title="memory", cells=[memory(one) for one in rows], right=True, drop=2),
        Field(title="busy", cells=busy, right=True, drop=4),
        Field(title="temp", cells=temperatures, right=True, drop=3),
        Field(title="now", cells=[gpu_now(one, picture.time) for one in rows], rest=True),
    ]  # fmt: skip


def _model(gpu: GpuNow) -> str:
    name = clean(gpu.name) or "?"
    return f"{name} (simulated)" if gpu.simulated and "simulated" not in name else name


def run_fields(rows: Sequence[RunNow], _: Picture | None = None) -> list[Field]:
    """Return the columns of a table of runs."""

    def counts(state: str) -> list[str]:
        return [str(one.counts.get(state, 0)) if one.counts else "-" for one in rows]

    folders = [clean(one.folder) or _unfoldered(one) for one in rows]
    left = [span(one.left) if one.left is not None else "-" for one in rows]
    return [
        Field(title="run", cells=folders, rest=True, from_end=True),
        Field(title="user", cells=[clean(one.user) or "?" for one in rows], drop=5),
        Field(title="process", cells=[str(one.pid or "?") for one in rows], right=True, drop=6),
        Field(title="state", cells=[one.state for one in rows], drop=1),
        Field(title="done", cells=counts("done"), right=True),
        Field(title="running", cells=counts("running"), right=True, drop=3),
        Field(title="failed", cells=counts("failed"), right=True),
        Field(title="waiting", cells=counts("waiting"), right=True, drop=2),
        Field(title="rate", cells=[rate(one.rate) for one in rows], right=True, drop=7),
        Field(title="left", cells=left, right=True, drop=4),
    ]


def _unfoldered(run: RunNow) -> str:
    """Return what stands for a folder that is not known: what `gpucore exec` runs has none."""
    steps = {one.step for one in run.running}
    execs = sorted(one for one in steps if one.startswith("exec "))
    return clean(", ".join(execs)) if execs and len(execs) == len(steps) else "(not known)"


def _step_fields(rows: Sequence[StepNow], picture: Picture) -> list[Field]:
    since = [span(picture.time - one.since) if one.since else "-" for one in rows]
    return [
        Field(title="state", cells=[one.state for one in rows]),
        Field(title="since", cells=since, right=True, drop=2),
        Field(title="GPU", cells=[index_of(one.gpus, picture.gpus) for one in rows], drop=1),
        Field(title="step", cells=[_step(one) for one in rows], rest=True),
    ]


def _step(step: StepNow) -> str:
    text = clean(step.step)
    if step.attempt > 1 and step.state == "running":
        text += f", attempt {step.attempt}"
    return f"{text}: {clean(step.reason)}" if step.reason else text


def _unit(value: int | None, unit: str) -> str:
    return "-" if value is None else f"{value} {unit}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def _log(view: View, width: int, height: int, log: Sequence[str]) -> list[Line]:
    """Return the lines of a log that the screen has room for, and where they are in it."""
    page = max(1, height - 2)
    above = max(0, min(view.above, len(log) - page))
    end = len(log) - above
    shown = log[max(0, end - page) : end]
    name = clean(view.log.step) if view.log is not None else ""
    attempt = f" · attempt {view.log.attempt}" if view.log is not None and view.log.attempt else ""
    how = f"{above} lines below" if above else "followed"
    lines = [Line(fit(f" log of {name}{attempt} · {how}", width), "title")]
    lines += [Line(line[view.shift :]) for line in shown]
    if not log:
        lines.append(Line(" nothing was printed yet", "dim"))
    lines = lines[: height - 1] + [Line("")] * (height - 1 - len(lines))
    return [*lines, Line(f" {view.message or _IN_LOG}", "dim")]


_FIELDS: dict[Table, Callable[[Sequence[Any], Picture], list[Field]]] = {
    Table.GPUS: _gpu_fields,
    Table.RUNS: run_fields,
    Table.STEPS: _step_fields,
}
