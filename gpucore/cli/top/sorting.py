"""The columns of the live view's tables, and what they sort by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from gpucore.cli.top.picture import GpuNow, RunNow, StepNow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["COLUMNS", "Column", "Order", "Row", "Table", "ordered", "row_key"]

Row = GpuNow | RunNow | StepNow

_RUN_STATES = ("runs", "waits", "unread", "died", "ended")
_GPU_STATES = ("used", "others", "free", "held", "busy", "avoided", "unknown", "quarantined")
_STEP_STATES = ("running", "failed", "cut off")


class Table(Enum):
    """A table of the view."""

    GPUS = "GPUs"
    RUNS = "runs"
    STEPS = "steps"


@dataclass(frozen=True)
class Column:
    """A column that rows can be sorted by.

    Parameters
    ----------
    title : str
        Its head.
    by : callable
        What a row has there; None: it is not known, and the row comes last.
    falling : bool
        Whether the most comes first, as long as nobody asks for the reverse.
    """

    title: str
    by: Callable[[Any], Any]
    falling: bool = False


@dataclass(frozen=True)
class Order:
    """How a table is sorted.

    Parameters
    ----------
    column : int
        Place in `COLUMNS`.
    reverse : bool
        Whether the other way round.
    """

    column: int = 0
    reverse: bool = False


def _count(state: str) -> Callable[[RunNow], int]:
    return lambda run: run.counts.get(state, 0)


def _memory(gpu: GpuNow) -> int | None:
    return gpu.memory_used_mib


COLUMNS: dict[Table, tuple[Column, ...]] = {
    Table.GPUS: (
        Column("GPU", lambda gpu: (gpu.simulated, gpu.index)),
        Column("name", lambda gpu: gpu.name),
        Column("memory", _memory, falling=True),
        Column("busy", lambda gpu: gpu.utilisation, falling=True),
        Column("temp", lambda gpu: gpu.temperature, falling=True),
        Column("now", lambda gpu: _place(_GPU_STATES, gpu.state)),
    ),
    Table.RUNS: (
        Column("run", lambda run: run.folder or None),
        Column("user", lambda run: run.user),
        Column("process", lambda run: run.pid),
        Column("state", lambda run: _place(_RUN_STATES, run.state)),
        Column("done", _count("done"), falling=True),
        Column("running", _count("running"), falling=True),
        Column("failed", _count("failed"), falling=True),
        Column("waiting", _count("waiting"), falling=True),
        Column("rate", lambda run: run.rate, falling=True),
        Column("left", lambda run: run.left),
    ),
    Table.STEPS: (
        Column("state", lambda step: _place(_STEP_STATES, step.state)),
        Column("step", lambda step: step.step),
        Column("since", lambda step: step.since or None, falling=True),
        Column("GPU", lambda step: step.gpus or None),
    ),
}
"""By table; the first is what it is sorted by at the beginning."""


def ordered(table: Table, rows: Iterable[Row], order: Order) -> tuple[Row, ...]:
    """Return rows as they are sorted; equal ones keep their order, unknown ones come last."""
    column = COLUMNS[table][order.column]
    known = [(column.by(row), row) for row in rows]
    told = [one for one in known if one[0] is not None]
    told.sort(key=lambda one: one[0], reverse=column.falling != order.reverse)
    return (*(row for _, row in told), *(row for by, row in known if by is None))


def row_key(row: Row) -> str:
    """Return what tells a row from the others of its table, however it changes."""
    if isinstance(row, GpuNow):
        return row.uuid
    return row.key if isinstance(row, RunNow) else row.step


def _place(order: Sequence[str], word: str) -> int:
    return order.index(word) if word in order else len(order)
