"""The files of a report, each whole or not there: a reader never sees half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from gpucore.errors import ConfigError
from gpucore.report.figures import figures_of
from gpucore.report.idle import gpu_times
from gpucore.report.page import MARK, MOST, page_html
from gpucore.report.reading import Commands, history_of
from gpucore.report.trace import COLUMNS, Trace
from gpucore.system.ownership import FILE_MODE, planted_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.system.journal_replay import JournalState

__all__ = ["PAGE", "TRACE", "trace_beside", "whole_file", "write_report"]

PAGE = "report.html"
TRACE = "trace.tsv"
_HEAD = 400


def write_report(folder: Path, state: JournalState, page: Path | None = None) -> Path:
    """Write the page of an output folder, and the table of attempts beside it; return the page.

    Parameters
    ----------
    folder : Path
        The output folder.
    state : JournalState
        What its journal says now.
    page : Path, optional
        The page; ``report.html`` in the folder by default.

    Raises
    ------
    ConfigError
        When they cannot be written, or something else lies in their place.
    GpucoreError
        When the journal was damaged since it was read.
    """
    page = page or folder / PAGE
    trace = trace_beside(page)
    _refuse_strangers(page, MARK)
    _refuse_strangers(trace, "\t".join(COLUMNS))
    commands = Commands(MOST)
    with whole_file(trace) as file:
        write = Trace(file)
        history = history_of(
            folder,
            state,
            told=lambda attempt, began, gpus: write(attempt, commands(attempt, began), gpus),
        )
    times = gpu_times(history)
    html = page_html(
        history,
        times,
        figures_of(history, times),
        partial(commands.of, state),
        place=page.absolute().parent,
        trace=trace.name,
    )
    with whole_file(page) as file:
        file.write(html)
    return page


def trace_beside(page: Path) -> Path:
    """Return where the table of attempts beside a page lies.

    Examples
    --------
    >>> trace_beside(Path("out/report.html")), trace_beside(Path("monday.html"))
    (PosixPath('out/trace.tsv'), PosixPath('monday.trace.tsv'))
    """
    return page.with_name(TRACE if page.name == PAGE else f"{page.stem}.{TRACE}")


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Give a file to write that takes its place when all of it was written.

    Raises
    ------
    ConfigError
        When it cannot be written.
    """
    aside = ""
    try:
        if fault := planted_fault(path):
            raise ConfigError(fault, hint="remove it, or write elsewhere", code="E261")
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            os.fchmod(handle, FILE_MODE & ~_umask())
            yield file
        os.replace(aside, path)  # noqa: PTH105 - what was made is a name
        aside = ""
    except OSError as error:
        raise ConfigError(
            f"`{path}` cannot be written ({error.strerror})",
            hint="write elsewhere: `-o FILE`",
            code="E261",
        ) from error
    finally:
        if aside:
            with contextlib.suppress(OSError):
                os.unlink(aside)  # noqa: PTH108 - as above


def _umask() -> int:
    """Return the mask of new files; there is no other way to ask that threads would not notice."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text("ascii", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name == "Umask":
                return int(value, 8)
    return 0o022


def _refuse_strangers(path: Path, mark: str) -> None:
    """Refuse to write over what no report left."""
    known = False
    try:
        if not os.path.lexists(path):
            return
        if path.is_file():
            with path.open("r", encoding="utf-8", errors="replace") as file:
                known = mark in file.read(_HEAD)
    except OSError as error:
        raise ConfigError(
            f"`{path}` cannot be read ({error.strerror})",
            hint="write elsewhere: `-o FILE`",
            code="E261",
        ) from error
    if not known:
        raise ConfigError(
            f"`{path}` is there already, and is no report of gpucore's",
            hint="move it, or write elsewhere: `-o FILE`",
            code="E260",
        )
