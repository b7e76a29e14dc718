"""The bounds of the numbers in a settings or job file, found by trying them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.config import SiteConfig, check_job, check_site, job_faults, parse_toml
from gpucore.config.adaptertoml import toml_line
from gpucore.config.job import RunTable, Stage, StepTable
from gpucore.config.watch import WatchTable
from gpucore.errors import GpucoreError
from gpucore.standard import Adapter, Gpu, GpuUse, Param, Program, Template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["bound"]

_ANY = Adapter(
    name="any",
    title="any: a program that can be asked for all there is",
    program=Program(executable="any"),
    gpu=Gpu(use=GpuUse.OPTIONAL),
    command=Template(argv=("%(EXE)s", "%(files)s")),
    params={"files": Param(type="path", item=True, many=True, help="what it takes")},
)
_STAGE = 'name = "a"\nadapter = "any"'
_FILES = f'[[stage]]\n{_STAGE}\nitems = "*"'


def bound(table: type, key: str, number: type) -> str:
    """Return the bound below a number: ``from 1``, ``above 0``; empty where there is none.

    Parameters
    ----------
    table : type
        The table that it stands in, one of those of settings and jobs.
    key : str
        Its key.
    number : type
        ``int`` or ``float``.

    Raises
    ------
    ValueError
        When not even 1 is taken: then something else is wrong with what is tried.
    """
    taken = _READERS[table]
    tried = {value: taken(toml_line(key, value)) for value in map(number, (-1, 0, 1))}
    if not tried[1]:
        raise ValueError(f"`{key}` = 1 is refused in {table.__name__}")
    if tried[-1]:
        return ""
    if tried[0]:
        return "from 0"
    return "from 1" if number is int else "above 0"


def _site(line: str) -> bool:
    try:
        check_site(parse_toml(Path("gpucore.toml"), line))
    except GpucoreError:
        return False
    return True


def _job(text: str) -> bool:
    try:
        return not job_faults(check_job(parse_toml(Path("job.toml"), text)), {"any": _ANY})
    except GpucoreError:
        return False


def _stage(line: str) -> bool:
    batch = "" if line.startswith("batch =") else "batch = 2\n"
    return _job(f'[[stage]]\n{_STAGE}\n{batch}{line}\nwatch = {{ dir = "in" }}')


_READERS: Mapping[type, Callable[[str], bool]] = {
    SiteConfig: _site,
    RunTable: lambda line: _job(f"[run]\n{line}\n{_FILES}"),
    Stage: _stage,
    WatchTable: lambda line: _job(f'[[stage]]\n{_STAGE}\nwatch = {{ dir = "in", {line} }}'),
    StepTable: lambda line: _job(f'[[step]]\n{_STAGE}\n{line}\nparams = {{ files = "a" }}'),
}
"""Whether a file with a line in each table is taken."""
