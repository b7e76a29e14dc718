"""Where a program is: what the site says, then the search path, then beside this Python."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import ProgramError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpucore.standard.adapter import Adapter

__all__ = ["find_program"]


def find_program(adapter: Adapter, told: str, environment: Mapping[str, str]) -> str:
    """Return what starts an adapter's program.

    Parameters
    ----------
    adapter : Adapter
        The program.
    told : str
        The site's own name or path for it; empty when it says nothing.
    environment : Mapping
        Its ``PATH`` is searched.

    Raises
    ------
    ProgramError
        When it is not found; says how it was looked for and how to tell gpucore where it is.
    """
    wanted = told or adapter.program.executable
    path = environment.get("PATH", os.defpath)
    found = shutil.which(wanted, path=path)
    if found is None and not told:
        # Programs that came with gpucore's own environment, when that is not activated.
        found = shutil.which(wanted, path=str(Path(sys.executable).parent))
    if found is not None:
        # It is started in other folders than this one.
        return found if os.path.isabs(found) else os.path.abspath(found)  # noqa: PTH100, PTH117 - keeps `..` and links
    table = f'[program.{adapter.name}] executable = "/path/to/{Path(wanted).name}"'
    how = f"get it: {adapter.program.install}; " if adapter.program.install else ""
    looked = "as gpucore.toml names it" if told else f"on PATH ({path or 'which is empty'})"
    raise ProgramError(
        f"the program `{wanted}` was not found; it was looked for {looked}",
        hint=f"{how}tell gpucore where it is: {table} in gpucore.toml",
        where=f"adapter {adapter.name}",
        code="E501",
    )
