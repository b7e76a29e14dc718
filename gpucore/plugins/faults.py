"""Turns whatever a plugin raised into the error that says what is wrong and where."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gpucore.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["blame", "one_line"]

_HERE = __file__.removesuffix("faults.py")
_LONGEST = 500


@contextmanager
def blame(what: str) -> Iterator[None]:
    """Run a plugin's code; all that it raises, but for Ctrl-C, becomes a `PluginError`.

    Parameters
    ----------
    what : str
        The beginning of the error's statement.

    Raises
    ------
    PluginError
        With file and line of the fault, as far as they are known.
    """
    try:
        yield
    except (KeyboardInterrupt, PluginError):
        raise
    except BaseException as error:  # SystemExit too: no plugin ends the host
        raise PluginError(
            f"{what}: {type(error).__name__}: {one_line(error)}".removesuffix(": "),
            where=_place(error),
            code="E451",
        ) from error


def one_line(error: BaseException) -> str:
    """Return an error's text as one line that is not too long, even if the text cannot be made."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - the plugin's own class
        return "(its text cannot be made)"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _place(error: BaseException) -> str:
    """Return file and line where it was raised; empty when that is nobody's file."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        imports = file.startswith("<frozen ") or "/importlib/" in file
        if not imports and not file.startswith(_HERE):
            place = f"{file}:{line}"
    return place
