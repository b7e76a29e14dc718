"""What gpucore logs, told as talk is: harmless for a terminal, a line for each, no traceback.

Without a handler Python prints warnings of a library as they are, with whatever names are in them.
"""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gpucore.cli.manner import manner
from gpucore.cli.terminal import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["logged"]

_LOGGERS = ("gpucore", "gpucore_adapters")


class _Talk(logging.Handler):
    """Says records on standard error."""

    def filter(self, record: logging.LogRecord) -> bool:
        least = (logging.WARNING, logging.INFO, logging.DEBUG)[min(manner.verbose, 2)]
        return record.levelno >= (logging.ERROR if manner.quiet else least)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = record.getMessage()
            fault = record.exc_info[1] if record.exc_info else None
            if fault is not None:
                text += f": {type(fault).__name__}: {fault}"
            click.echo(f"{record.levelname.lower()}: {clean(text)}", err=True)
            if fault is not None and manner.verbose > 1:
                told = "".join(traceback.format_exception(fault)).splitlines()
                click.echo("\n".join(map(clean, told)), err=True)
        except Exception:  # noqa: BLE001 - as logging's own handlers do
            self.handleError(record)


@contextmanager
def logged() -> Iterator[None]:
    """Tell what is logged while a verb does its work."""
    handler = _Talk()
    # `gpucore resume` calls another verb, whose records are told already.
    loggers = [
        one
        for one in map(logging.getLogger, _LOGGERS)
        if not any(isinstance(other, _Talk) for other in one.handlers)
    ]
    levels = [one.level for one in loggers]
    for one in loggers:
        one.addHandler(handler)
        one.setLevel(logging.DEBUG)  # how much is told is said by options that are read later
    try:
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.removeHandler(handler)
            one.setLevel(level)
