"""Attempts in columns, as the page's script reads them: packed, and without what says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.report.embedding import changes, coded, steps_apart
from gpucore.report.history import State
from gpucore.report.lanes import NO_GPU
from gpucore.report.texts import link_to, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gpucore.report.history import Attempt
    from gpucore.report.lanes import Layout

__all__ = ["STATES", "StepColumns", "beside"]

STATES = tuple(State)
"""A state is told by its place here."""


class StepColumns:
    """Packs attempts for the page's script.

    Parameters
    ----------
    layout : Layout
        What the page's lanes, rows and stages are.
    link : callable
        Gives the link that leads to an attempt's log; empty: none does.
    keyed : bool
        Whether attempts are told with their keys: by these they are known again when they change.
    """

    def __init__(
        self, layout: Layout, link: Callable[[Attempt], str], *, keyed: bool = False
    ) -> None:
        self._layout = layout
        self._link = link
        self._keyed = keyed

    def packed(
        self, attempts: Sequence[Attempt], commands: Mapping[int, Sequence[str]]
    ) -> dict[str, object]:
        """Return the columns of some attempts, ready for `as_json`.

        Parameters
        ----------
        attempts : sequence of Attempt
            In the order in which they are told.
        commands : Mapping of int to sequence of str
            The words of commands, by attempts' events: those that are told.
        """
        layout, texts = self._layout, _Texts()
        lanes = {gpu: lane for lane, gpu in enumerate(layout.order)}
        places = {one.step: number for number, one in enumerate(attempts)}
        on = [(one.gpus or (NO_GPU,)) if one.event else () for one in attempts]
        columns: dict[str, object] = {
            "name": coded(shown(one.step) for one in attempts),
            "stage": [layout.stages[one.stage] for one in attempts],
            "state": [STATES.index(one.state) for one in attempts],
            "number": [one.number for one in attempts],
            "began": steps_apart(layout.ms(one.began) for one in attempts),
            "took": [round(one.seconds * 1000) for one in attempts],
            "waited": [round(one.waited * 1000) for one in attempts],
            "lane": [_flat([lanes[gpu] for gpu in gpus]) for gpus in on],
            "row": [
                _flat([layout.rows[one.event, gpu] for gpu in gpus])
                for one, gpus in zip(attempts, on, strict=True)
            ],
            "command": _commands(attempts, commands),
            "log": coded(map(self._link, attempts)),
            "exit": _sparse(attempts, lambda one: one.exit_code or None),
            "after": _sparse(
                attempts, lambda one: one.awaited and places.get(one.awaited, shown(one.awaited))
            ),
            "reason": _sparse(attempts, lambda one: one.reason and texts(one.reason)),
            "hint": _sparse(attempts, lambda one: one.hint and texts(one.hint)),
            "failure": _sparse(attempts, lambda one: one.failure and texts(one.failure)),
            "warning": _sparse(
                attempts, lambda one: one.warnings and texts("; ".join(one.warnings))
            ),
            "memory": _sparse(attempts, lambda one: one.peak_memory_mib),
            "load": _sparse(attempts, lambda one: one.peak_utilisation),
        }
        columns["texts"] = texts.all
        if self._keyed:
            columns["key"] = steps_apart(one.key for one in attempts)
        return columns


def beside(folder: str, log: str, place: str) -> str:
    """Return a link from a page to a log; empty when it does not lie below the page's folder.

    Parameters
    ----------
    folder : str
        The output folder, which may have been moved since the log was written.
    log : str
        Its path as recorded.
    place : str
        The folder in which the page will lie.
    """
    _, mark, below = log.rpartition("/.gpucore/")
    if mark and ".." not in below.split("/"):
        log = f"{folder}/.gpucore/{below}"
    return link_to(log, place)


class _Texts:
    """Texts that many steps share, each told once."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        place = self._places.setdefault(text, len(self.all))
        if place == len(self.all):
            self.all.append(shown(text))
        return place


def _commands(attempts: Sequence[Attempt], commands: Mapping[int, Sequence[str]]) -> list[object]:
    """Return commands as changes from the last of the same stage; 0 where none is told."""
    before: dict[str, Sequence[str]] = {}
    found: list[object] = []
    for one in attempts:
        command = commands.get(one.event)
        if command is None:
            found.append(0)
            continue
        found.append(changes(before.get(one.stage, ()), command))
        before[one.stage] = command
    return found


def _sparse(attempts: Sequence[Attempt], value: Callable[[Attempt], object]) -> dict[str, object]:
    """Return the values that say something, by their attempts' places."""
    return {
        str(place): found
        for place, one in enumerate(attempts)
        if (found := value(one)) not in (None, "", ())
    }


def _flat(values: list[int]) -> int | list[int]:
    return values[0] if len(values) == 1 else values
