"""Whose an executor is: the process that opened it, and no fork of it."""

from __future__ import annotations

import os

from gpucore.errors import NeedError

__all__ = ["Process"]


class Process:
    """The process that this was made in.

    A fork has a copy of all its parent's objects, but neither its threads nor its programs.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()

    @property
    def is_this(self) -> bool:
        """Whether it is the one that asks."""
        return os.getpid() == self._pid

    def refuse_others(self, what: str) -> None:
        """Refuse to go on in a fork.

        Raises
        ------
        NeedError
            Says what to do there.
        """
        if not self.is_this:
            raise NeedError(
                f"{what} was opened by process {self._pid}, and this is a fork of it",
                hint="open an executor of its own in each process",
                code="E805",
            )
