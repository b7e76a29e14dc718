"""What a person has chosen to look at, and what each key does about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from gpucore.cli.terminal import clean
from gpucore.cli.top.picture import GpuNow, RunNow, StepNow
from gpucore.cli.top.sorting import COLUMNS, Order, Row, Table, ordered, row_key

if TYPE_CHECKING:
    from gpucore.cli.top.picture import Picture

__all__ = ["Action", "Cancel", "Extent", "LogOf", "Mode", "Quit", "Redraw", "Suspend", "View"]

_INTERRUPTED = 130
_SHIFT = 20


class Mode(Enum):
    """What the screen shows."""

    TABLES = "tables"
    LOG = "log"
    HELP = "help"
    QUESTION = "question"


@dataclass(frozen=True)
class Quit:
    """Leave, with an exit status."""

    code: int = 0


@dataclass(frozen=True)
class Redraw:
    """Draw all anew."""


@dataclass(frozen=True)
class Suspend:
    """Give the terminal back to the shell for a while."""


@dataclass(frozen=True)
class Cancel:
    """End a run, or one step of it."""

    run: RunNow
    step: StepNow | None = None


Action = Quit | Redraw | Suspend | Cancel


_ALWAYS: dict[str, Action] = {
    "ctrl-c": Quit(_INTERRUPTED),
    "ctrl-l": Redraw(),
    "ctrl-z": Suspend(),
}


@dataclass(frozen=True)
class LogOf:
    """Whose log is looked at."""

    run: str
    folder: str
    step: str
    log: str
    attempt: int


@dataclass(frozen=True)
class Extent:
    """How much there is to move through.

    Parameters
    ----------
    page : int
        Lines that the screen shows at once.
    lines : int
        Lines of the log.
    """

    page: int = 10
    lines: int = 0


@dataclass(kw_only=True)
class View:
    """What is chosen; changed by keys alone.

    Attributes
    ----------
    mode : Mode
        What the screen shows.
    focus : Table
        The table that keys move in.
    orders : dict
        How each table is sorted.
    chosen : dict
        The key of the chosen row of each table; see `row_key`.
    message : str
        What was said last; until the next key.
    question : Cancel or None
        What is to be done after a ``y``.
    log : LogOf or None
        Whose log is shown.
    above : int
        Lines of it that are below the screen; 0: it is followed.
    shift : int
        Cells of it that are left of the screen.
    """

    mode: Mode = Mode.TABLES
    focus: Table = Table.GPUS
    orders: dict[Table, Order] = field(
        default_factory=lambda: {Table.GPUS: Order(), Table.RUNS: Order(3), Table.STEPS: Order()}
    )
    chosen: dict[Table, str] = field(default_factory=dict)
    message: str = ""
    question: Cancel | None = None
    log: LogOf | None = None
    above: int = 0
    shift: int = 0
    _places: dict[Table, int] = field(default_factory=dict)

    def rows(self, table: Table, picture: Picture) -> tuple[Row, ...]:
        """Return the rows of a table as they are sorted; steps are those of the chosen run."""
        rows: tuple[Row, ...] = picture.gpus
        if table is Table.RUNS:
            rows = picture.runs
        elif table is Table.STEPS:
            run = self.run(picture)
            rows = run.steps if run is not None else ()
        return ordered(table, rows, self.orders[table])

    def settle(self, picture: Picture) -> None:
        """Choose a row where the chosen one is gone: the one in its place."""
        for table in Table:
            rows = self.rows(table, picture)
            keys = [row_key(row) for row in rows]
            if self.chosen.get(table) not in keys:
                place = min(self._places.get(table, 0), len(keys) - 1)
                self.chosen[table] = keys[place] if keys else ""
            if keys:
                self._places[table] = keys.index(self.chosen[table])

    def row(self, table: Table, picture: Picture) -> Row | None:
        """Return the chosen row of a table; None where there is none."""
        key = self.chosen.get(table)
        return next((row for row in self.rows(table, picture) if row_key(row) == key), None)

    def run(self, picture: Picture) -> RunNow | None:
        """Return the chosen run."""
        return picture.run(self.chosen.get(Table.RUNS, ""))

    def grown(self, lines: int) -> None:
        """Hold what is looked at in its place when a log that is not followed has more lines."""
        if self.above:
            self.above += lines

    def press(self, key: str, picture: Picture, extent: Extent) -> Action | None:
        """Do what a key stands for; return what is to be done outside of the view."""
        self.message = ""
        if key in _ALWAYS:
            return _ALWAYS[key]
        if self.mode is Mode.QUESTION:
            return self._answer(key)
        if self.mode is Mode.LOG:
            self._press_in_log(key, extent)
            return None
        if self.mode is Mode.HELP:
            self.mode = Mode.TABLES
            return None
        return self._press_in_tables(key, picture, extent)

    def _answer(self, key: str) -> Action | None:
        question, self.question, self.mode = self.question, None, Mode.TABLES
        if key in {"y", "Y"}:
            return question
        self.message = "nothing was cancelled"
        return None

    def _press_in_log(self, key: str, extent: Extent) -> None:
        most = max(0, extent.lines - extent.page)
        steps = {
            "up": 1, "k": 1, "down": -1, "j": -1, "page-up": extent.page,
            "page-down": -extent.page, " ": -extent.page, "home": most, "g": most,
            "end": -most, "G": -most,
        }  # fmt: skip
        if key in {"q", "escape", "l", "enter", "backspace"}:
            self.mode, self.log, self.above, self.shift = Mode.TABLES, None, 0, 0
        elif key in {"left", "right"}:
            self.shift = max(0, self.shift + (_SHIFT if key == "right" else -_SHIFT))
        elif key in steps:
            # What is above may have been dropped meanwhile.
            self.above = max(0, min(most, min(most, self.above) + steps[key]))

    def _press_in_tables(self, key: str, picture: Picture, extent: Extent) -> Action | None:
        moves = {
            "up": -1, "k": -1, "down": 1, "j": 1, "page-up": -extent.page,
            "page-down": extent.page, "home": -len(self.rows(self.focus, picture)), "end": 1 << 30,
        }  # fmt: skip
        if key in moves:
            self._move(moves[key], picture)
        elif key in {"tab", "shift-tab"}:
            tables = list(Table)
            by = 1 if key == "tab" else -1
            self.focus = tables[(tables.index(self.focus) + by) % len(tables)]
        elif key in {"s", "r"}:
            self._sort(reverse=key == "r")
        elif key in {"enter", "l"}:
            self._open(key, picture)
        elif key == "c":
            self._ask(picture)
        elif key in {"?", "h"}:
            self.mode = Mode.HELP
        elif key in {"q", "Q"}:
            return Quit()
        return None

    def _move(self, by: int, picture: Picture) -> None:
        rows = self.rows(self.focus, picture)
        if not rows:
            return
        keys = [row_key(row) for row in rows]
        chosen = self.chosen.get(self.focus, "")
        place = keys.index(chosen) if chosen in keys else 0
        place = max(0, min(len(keys) - 1, place + by))
        self.chosen[self.focus], self._places[self.focus] = keys[place], place
        if self.focus is Table.RUNS:
            self.chosen.pop(Table.STEPS, None)
            self._places.pop(Table.STEPS, None)
        self.settle(picture)

    def _sort(self, *, reverse: bool) -> None:
        order, columns = self.orders[self.focus], COLUMNS[self.focus]
        if reverse:
            order = Order(order.column, not order.reverse)
        else:
            order = Order((order.column + 1) % len(columns))
        self.orders[self.focus] = order
        how = ", the other way round" if order.reverse else ""
        self.message = f"{self.focus.value} are sorted by {columns[order.column].title}{how}"

    def _target(self, picture: Picture) -> tuple[RunNow | None, StepNow | None]:
        """Return the run and the step that the chosen row stands for."""
        row = self.row(self.focus, picture)
        if isinstance(row, StepNow):
            return self.run(picture), row
        if isinstance(row, RunNow):
            return row, None
        if isinstance(row, GpuNow):
            for tenant in row.tenants:
                run = picture.run(tenant.run) if tenant.ours else None
                if run is not None:
                    steps = [one for one in run.running if one.step == tenant.what]
                    return run, steps[0] if steps else None
        return None, None

    def _open(self, key: str, picture: Picture) -> None:
        run, step = self._target(picture)
        if self.focus is Table.RUNS and run is not None and run.steps:
            if key == "enter":
                self.focus = Table.STEPS
                return
            step = run.steps[0]
        if run is None or step is None:
            self.message = "no step of gpucore is there whose log could be shown"
        elif not run.folder or not step.log:
            whose = "this user's" if run.own else clean(f"{run.user}'s")
            self.message = f"where the log lies is not known: it is {whose} process {run.pid}"
        else:
            self.log = LogOf(run.key, run.folder, step.step, step.log, step.attempt)
            self.mode, self.above, self.shift = Mode.LOG, 0, 0

    def _ask(self, picture: Picture) -> None:
        run, step = self._target(picture)
        if run is None:
            self.message = "there is no run of gpucore to cancel"
        elif not run.own:
            who = clean(run.user) or "another user"
            self.message = f"this is {who}'s: nobody else can cancel it"
        elif run.over or (step is not None and step.state != "running"):
            self.message = "it has ended already"
        elif not run.folder:
            self.message = f"it has no output folder: `kill {run.pid}` ends it"
        else:
            self.question, self.mode = Cancel(run, step), Mode.QUESTION
