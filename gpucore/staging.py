"""Where an attempt makes its outputs: in a directory of its own, until they are checked.

The directory lies in the folder that the outputs belong to. So it is on the same file system, what
is made in it gets the folder's group, access lists and striping, and moving it out is a rename.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from gpucore.system.files import safe_name
from gpucore.system.moving import empty_into, make_fresh, move

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gpucore.attempts import ExpectedOutput
    from gpucore.standard.adapter import Adapter
    from gpucore.standard.params import Values

__all__ = ["attempt_name", "folders_in", "make_ground", "put_in_place", "staged"]

_SHORT = 24


def attempt_name(step: str, attempt: int, whose: str) -> str:
    """Return what the directory of an attempt is called.

    Short, since some programs cut long paths off.

    Parameters
    ----------
    step : str
        The step's name.
    attempt : int
        From 1.
    whose : str
        Who numbers the attempts: an output folder with its journal, or a run without one.
    """
    text = f"{whose}\0{step}".encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(text, digest_size=4).hexdigest()
    return f".gpucore-{safe_name(step)[:_SHORT]}-{digest}.{attempt}"


def staged(adapter: Adapter, values: Values, name: str) -> Values:
    """Return the values with which a program makes its outputs in an attempt's directory.

    Parameters
    ----------
    adapter : Adapter
        The program.
    values : dict
        Its values, outputs under their final names.
    name : str
        The directory's, see `attempt_name`; empty: the values as they are.
    """
    told = dict(values)
    for param in adapter.staged_params if name else ():
        value = told.get(param)
        if isinstance(value, str):
            told[param] = _inside(value, name)
        elif isinstance(value, tuple):
            told[param] = tuple(_inside(str(one), name) for one in value)
    return told


def folders_in(adapter: Adapter, values: Values, told: Values) -> tuple[str, ...]:
    """Return the directories, each once, that are in ``told`` (see `staged`) and not in values."""
    found: dict[str, None] = {}
    for param in adapter.staged_params:
        value, final = told.get(param), values.get(param)
        if isinstance(value, str) and value != final:
            found[os.path.dirname(value)] = None  # noqa: PTH120 - on the way of every step
        elif isinstance(value, tuple) and value != final:
            found.update(dict.fromkeys(os.path.dirname(str(one)) for one in value))  # noqa: PTH120 - as above
    return tuple(found)


def make_ground(made_in: Sequence[str], outputs: Iterable[ExpectedOutput], *, ours: bool) -> None:
    """Make every folder that a program writes its outputs to.

    Parameters
    ----------
    made_in : sequence of str
        The attempt's directories.
    outputs : iterable of ExpectedOutput
        What it must make.
    ours : bool
        See `gpucore.system.moving.make_fresh`.

    Raises
    ------
    OSError
        When one cannot be made.
    """
    for folder in made_in:
        make_fresh(folder, ours=ours)
    there = set(made_in)
    for output in outputs:
        folder = os.path.dirname(output.path if output.made else output.there)  # noqa: PTH120 - as above
        if folder not in there:
            there.add(folder)
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - as above


def put_in_place(made_in: Sequence[str], placed: Iterable[tuple[ExpectedOutput, str]]) -> list[str]:
    """Give what an attempt made its final names; return what went wrong.

    What the adapter does not name is moved first: whoever sees an output finds the rest, too.

    Parameters
    ----------
    made_in : sequence of str
        The attempt's directories.
    placed : iterable of (ExpectedOutput, str)
        The outputs, and where each was made.
    """
    placed = list(placed)
    last = {place for _, place in placed}
    faults: dict[str, str] = {}
    for folder in made_in:
        faults |= empty_into(folder, os.path.dirname(folder), last)  # noqa: PTH120 - as above
    names = {place: output.name for output, place in placed}
    told = [f"{names[path]}: {why}" if path in names else why for path, why in faults.items()]
    for output, place in placed:
        if output.made and place != output.path and (why := move(place, output.path)):
            told.append(f"{output.name}: {why}")
    return told


def _inside(path: str, name: str) -> str:
    plain = path.rstrip("/")
    folder, slash, last = plain.rpartition("/")
    if last in {"", ".", ".."} or folder == "/dev":
        return path  # it has no name of its own, or is no file
    return f"{folder}{slash}{name}/{last}{path[len(plain) :]}"
