"""What of the public surface will go: said once here, and by a warning wherever it is used.

An entry stays for a minor version at least. A test fails when one outlives the version in which it
was to go, or has no line in the changelog.
"""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEPRECATED", "Deprecation", "GpucoreDeprecationWarning", "deprecated"]

P = ParamSpec("P")
R = TypeVar("R")


class GpucoreDeprecationWarning(DeprecationWarning):
    """Something of gpucore that was used will go; ``python -W error`` shows where."""


@dataclass(frozen=True, kw_only=True)
class Deprecation:
    """Something that works as it did, and will go.

    Parameters
    ----------
    what : str
        What its user writes: ``StepExecutor.open(gpu=…)``.
    since : str
        The version that deprecated it.
    gone : str
        The first version without it.
    instead : str
        What to write instead, an instruction.
    """

    what: str
    since: str
    gone: str
    instead: str

    @property
    def said(self) -> str:
        """What the warning says."""
        return (
            f"{self.what} is deprecated since gpucore {self.since} and goes in {self.gone}: "
            f"{self.instead}"
        )

    def warn(self, stacklevel: int = 1) -> None:
        """Warn whoever uses it.

        Parameters
        ----------
        stacklevel : int
            How far up the user's line is: 1 is the caller of the function that calls this.
        """
        warnings.warn(self.said, GpucoreDeprecationWarning, stacklevel=stacklevel + 2)


DEPRECATED: tuple[Deprecation, ...] = ()
"""All there are."""


def deprecated(entry: Deprecation) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator of a function or a method that will go: each call warns.

    Parameters
    ----------
    entry : Deprecation
        One of `DEPRECATED`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def warned(*args: P.args, **kwargs: P.kwargs) -> R:
            entry.warn()
            return function(*args, **kwargs)

        return warned

    return decorate
