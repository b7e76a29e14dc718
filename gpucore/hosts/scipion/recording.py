"""pyworkflow's records of a running protocol: written in groups, and its list of steps watched."""

from __future__ import annotations

import contextlib
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Recording", "watched"]

_LONGEST = 0.1
"""Seconds for which the end of a step may wait for the disk."""


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


class Recording:
    """What pyworkflow records of a protocol while its steps run, written to disk in groups.

    pyworkflow waits for the disk three times for each step: when its start is recorded, when its
    end is, and when its protocol counts it. What is recorded within a `group` is written at once:
    by `write_steps` before steps begin, so that each one's start is on disk, and the end of all
    that it waited for; and by `settle` when nothing else is to be done. It never waits for longer
    than a tenth of a second. What other threads record, the steps themselves among them, is on
    disk when they are told so, as ever.

    Parameters
    ----------
    protocol : object
        The protocol; None: nothing is recorded.
    """

    def __init__(self, protocol: Any = None) -> None:
        self._protocol = protocol
        self._steps: Any = None
        self._own: Any = None
        self._since = 0.0

    @contextlib.contextmanager
    def group(self) -> Iterator[None]:
        """Put off what this thread would write to disk meanwhile."""
        steps = _database(_steps_mapper(self._protocol))
        own = _database(getattr(self._protocol, "mapper", None))
        if self._steps not in {None, steps}:  # all steps were stored anew meanwhile
            self.settle()
        before = [(db, db.commit) for db in (steps, own) if db is not None]
        thread = threading.get_ident()
        for db, commit in before:
            db.commit = partial(_commit_for_others, thread, commit)
        if not self.owes:
            self._since = time.monotonic()
        try:
            yield
        finally:
            for db, commit in before:
                db.commit = commit
            self._steps, self._own = steps, own

    @property
    def owes(self) -> bool:
        """Whether anything is left to be written."""
        return self._steps is not None or self._own is not None

    @property
    def is_late(self) -> bool:
        """Whether what is left has waited long enough."""
        return self.owes and time.monotonic() - self._since > _LONGEST

    def write_steps(self) -> None:
        """Write to disk what is recorded of steps."""
        steps, self._steps = self._steps, None
        if steps is not None:
            steps.commit()

    def settle(self) -> None:
        """Write to disk all that is left."""
        try:
            self.write_steps()
        finally:
            own, self._own = self._own, None
            if own is not None:
                with self._protocol._lock:  # noqa: SLF001 - steps store their results there
                    own.commit()


def _commit_for_others(thread: int, commit: Callable[[], object]) -> None:
    if threading.get_ident() != thread:
        commit()


def _database(mapper: Any) -> Any:
    return getattr(mapper, "db", None)


def _steps_mapper(protocol: Any) -> Any:
    steps = getattr(protocol, "_stepsSet", None)
    return steps._getMapper() if steps is not None else None  # noqa: SLF001
