"""The job that a command line names: a file, or what comes on standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpucore.cli.session import Resuming
from gpucore.config.job import check_job, read_job
from gpucore.config.toml import MAX_BYTES, parse_toml_bytes
from gpucore.errors import ConfigError

if TYPE_CHECKING:
    from gpucore.config import JobFile

__all__ = ["given_job"]

_STANDARD_INPUT = "-"


def given_job(name: str) -> JobFile:
    """Return a job; `-` is the one on standard input, whose paths are below the working directory.

    Raises
    ------
    ConfigError, Faults
        For what is no job; and when `gpucore resume` asks for one that came on standard input.
    """
    if name != _STANDARD_INPUT:
        return read_job(Path(name), told_later=True)
    context = click.get_current_context(silent=True)
    if context is not None and isinstance(context.obj, Resuming):
        raise ConfigError(
            "the last run had its job on standard input, and that is gone",
            hint="give the job again, in the same folder: what is done is not run again",
            code="E715",
        )
    raw = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise ConfigError(
            f"the job is larger than {MAX_BYTES >> 20} MiB",
            hint="many items are named by a pattern (`movies/*.tif`)",
            where=name,
            code="E202",
        )
    return check_job(parse_toml_bytes(Path(name), raw), told_later=True)
