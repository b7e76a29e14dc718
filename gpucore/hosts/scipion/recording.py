"""pyworkflow's records of a running protocol: written in groups, and its list of steps watched."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["grouped", "watched"]


class _WatchedSteps(list[Any]):
    """A protocol's list of steps that tells when one is appended."""

    def __init__(self, steps: list[Any], changed: Callable[[], object]) -> None:
        super().__init__(steps)
        self._changed = changed

    def append(self, step: Any) -> None:
        super().append(step)
        self._changed()


@contextlib.contextmanager
def watched(protocol: Any, steps: list[Any], changed: Callable[[], object]) -> Iterator[list[Any]]:
    """Have it told when a protocol's step inserts others: pyworkflow appends them to this list.

    Without a protocol, or with a list that is not its own, the list is as it was given: what is
    inserted there is found at the next check.
    """
    if getattr(protocol, "_steps", None) is not steps:
        yield steps
        return
    protocol._steps = list_ = _WatchedSteps(steps, changed)  # noqa: SLF001
    try:
        yield list_
    finally:
        steps[:] = list_
        protocol._steps = steps  # noqa: SLF001


@contextlib.contextmanager
def grouped(protocol: Any) -> Iterator[None]:
    """Write what a protocol records meanwhile to disk at once, and not word by word.

    pyworkflow waits for the disk once or twice for each step that starts, and as often when one
    ends. Nothing is lost by waiting once for all of them: they are written before this ends.
    """
    mappers = [getattr(protocol, "mapper", None), _steps_mapper(protocol)]
    databases = [mapper.db for mapper in mappers if hasattr(mapper, "db")]
    for db in databases:
        db.commit = _nothing
    try:
        yield
    finally:
        for db in databases:
            db.commit = db.connection.commit
            with protocol._lock:  # noqa: SLF001 - steps store their results in the same files
                db.commit()


def _nothing() -> None:
    return


def _steps_mapper(protocol: Any) -> Any:
    steps = getattr(protocol, "_stepsSet", None)
    return steps._getMapper() if steps is not None else None  # noqa: SLF001
