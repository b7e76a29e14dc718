"""The page of a run, written when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpucore.cli.terminal import clean, talk
from gpucore.errors import GpucoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["MOST_FOR_A_PAGE", "write_page"]

MOST_FOR_A_PAGE = 20_000
"""Steps of a run whose page is written without being asked for: two seconds for the most."""


def write_page(folder: Path, environment: Mapping[str, str], *, called: str) -> None:
    """Write the page of an output folder, and say where it is.

    A run has ended as it has, whether its page can be written or not.

    Parameters
    ----------
    folder : Path
        The output folder.
    environment : Mapping
        Says where journals lie.
    called : str
        What the user calls the folder.
    """
    # jinja2 costs 50 ms, and a run has ended when it is needed.
    from gpucore.report.writing import write_report  # noqa: PLC0415
    from gpucore.system.journal import read_journal  # noqa: PLC0415
    from gpucore.system.journal_place import state_home  # noqa: PLC0415

    try:
        with read_journal(folder, state_home(environment)) as state:
            page = write_report(folder, state)
    except (GpucoreError, OSError) as error:
        what = error.what if isinstance(error, GpucoreError) else str(error)
        talk(f"note: no page of the run was written: {clean(what)}")
    else:
        talk(f"page: {clean(called.rstrip('/'))}/{clean(page.name)}")
