"""Which pyworkflow, Scipion's engine, is here, and whether it is one that gpucore knows."""

from __future__ import annotations

import importlib
import re

from gpucore.errors import ProgramError

__all__ = ["KNOWN", "check_pyworkflow"]

KNOWN = ((3, 10, 6), (3, 12, 0))
"""The first version that works, and the first that nobody has tried.

Tried with the tests of `tests/integration`: 3.10.6, 3.11.1, 3.11.2, 3.11.6 and 3.11.7.
"""

_INSTALL = 'pip install "scipion-pyworkflow>=3.10.6,<3.12"'


def check_pyworkflow() -> str:
    """Return the version of pyworkflow that is here.

    Raises
    ------
    ProgramError
        When there is none, when it cannot be imported, or when its version is not known to work.
    """
    try:
        found = str(importlib.import_module("pyworkflow").__version__)
    except ModuleNotFoundError as error:
        if error.name != "pyworkflow":
            raise _broken(error) from error
        raise ProgramError(
            "Scipion's pyworkflow is not installed in this Python",
            hint=f"use Scipion's own Python (`scipion3 python`), or {_INSTALL}",
            code="E801",
        ) from error
    except Exception as error:
        raise _broken(error) from error
    first, end = KNOWN
    if not first <= _numbers(found) < end:
        raise ProgramError(
            f"pyworkflow {found} is not known to gpucore: {_text(first)} and later work, before "
            f"{_text(end)}",
            hint=f"{_INSTALL}; until then GPUCORE_SCIPION=off leaves Scipion its own executors",
            code="E801",
        )
    return found


def _broken(error: Exception) -> ProgramError:
    return ProgramError(
        f"Scipion's pyworkflow cannot be imported: {error or type(error).__name__}",
        hint='`python -c "import pyworkflow"` shows why',
        code="E801",
    )


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(one or 0) for one in found.groups()) if found else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
