"""What the runs of an output folder did, told afterwards: as a page, tables, traces and metrics.

`history_of` makes values of a journal; everything else is shaped from these. `write_report`
writes the page and the table of attempts beside the outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpucore.report.reading import history_of
    from gpucore.report.writing import write_report

__all__ = ["history_of", "write_report"]


def __getattr__(name: str) -> object:
    # The page's template engine is loaded by whoever writes one, and by nobody else.
    if name == "write_report":
        from gpucore.report.writing import write_report  # noqa: PLC0415

        return write_report
    if name == "history_of":
        from gpucore.report.reading import history_of  # noqa: PLC0415

        return history_of
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
