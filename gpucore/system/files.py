"""Looking at a step's inputs and outputs on disk, and making its own directory ready."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import ConfigError
from gpucore.system.mrc import mrc_fault
from gpucore.system.ownership import planted_fault
from gpucore.system.tiff import is_tiff, tiff_fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gpucore.standard.adapter import FileCheck
    from gpucore.standard.model import Command

__all__ = [
    "TICK_NS",
    "Stamp",
    "file_fault",
    "furnish",
    "made_anew",
    "safe_name",
    "stamp",
    "stamp_before",
    "stamp_if_older",
    "writable_fault",
]


@dataclass(frozen=True)
class Stamp:
    """What tells one state of a file from the next; None: it is not there."""

    size: int
    changed_ns: int
    inode: int
    fresh: bool = field(default=False, compare=False)


TICK_NS = 20_000_000
"""A file's time has the grain of the kernel's clock: two writings within it look the same."""


def stamp(path: str) -> Stamp | None:
    """Return a file's stamp."""
    try:
        facts = os.stat(path)  # noqa: PTH116 - on the way of every step, and twice as fast
    except OSError:
        return None
    fresh = abs(time.time_ns() - facts.st_mtime_ns) < TICK_NS
    return Stamp(facts.st_size, facts.st_mtime_ns, facts.st_ino, fresh)


def stamp_if_older(path: str, begun_ns: float, *, moved: bool) -> Stamp | None:
    """Return a file's stamp when it was there before a moment; None when it came later.

    Parameters
    ----------
    path : str
        The file.
    begun_ns : float
        Nanoseconds since the epoch.
    moved : bool
        Whether it may have been moved there since: its own time is then that of its writing, but
        the moving changed its inode.
    """
    try:
        facts = os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        return None
    last = max(facts.st_mtime_ns, facts.st_ctime_ns) if moved else facts.st_mtime_ns
    return None if last >= begun_ns else Stamp(facts.st_size, facts.st_mtime_ns, facts.st_ino)


def stamp_before(path: str) -> Stamp | None:
    """Return the stamp of an output that a program is about to write.

    Raises
    ------
    ConfigError
        When a program must not write there: a stranger has put something in its place, or it is a
        pipe, in which a program would wait for ever.
    """
    try:
        kind = os.lstat(path).st_mode
    except OSError:
        return None
    fault = planted_fault(Path(path))
    if not fault and stat.S_ISLNK(kind):
        with contextlib.suppress(OSError):  # it leads nowhere yet
            kind = os.stat(path).st_mode  # noqa: PTH116 - as above
    if not fault and (stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind)):
        fault = f"{path} is a pipe or a socket"
    if fault:
        raise ConfigError(f"an output cannot be written: {fault}", hint="remove it", code="E511")
    return stamp(path)


def made_anew(path: str, before: Stamp | None) -> bool:
    """Say whether a file was written since its stamp was taken."""
    return before is None or before.fresh or stamp(path) != before


def file_fault(path: str, check: FileCheck, *, result: bool) -> str:  # noqa: PLR0911 - a return for each fault
    """Return what is wrong with an input or an output, or an empty text.

    Parameters
    ----------
    path : str
        The file or folder.
    check : str
        What it must be; see `gpucore.standard.adapter.Param`.
    result : bool
        Whether it is an output: it must not be empty then.
    """
    if check == "any":
        return ""
    file = Path(path)
    try:
        if check == "directory":
            return _folder_fault(path, result=result)
        if not file.exists():
            return "it is not there"
        if file.is_dir():
            return "it is a folder"
        if result and not file.stat().st_size:
            return "it is empty"
        if check in {"mrc", "movie"}:
            return _content_fault(file, check, result=result)
        if not os.access(file, os.R_OK):
            return "it cannot be read (permission)"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return ""


def _folder_fault(path: str, *, result: bool) -> str:
    if not os.path.isdir(path):  # noqa: PTH112 - a string is what there is
        return "it is no folder"
    if not result:
        return ""
    with os.scandir(path) as entries:
        return "" if next(entries, None) else "it is an empty folder"


def _content_fault(file: Path, check: FileCheck, *, result: bool) -> str:
    if not file.is_file():
        return "it is no file"  # opening a pipe would wait for ever
    if check == "movie" and is_tiff(file):
        return tiff_fault(file)
    return mrc_fault(file, result=result)


def furnish(folder: Path, command: Command) -> None:
    """Put the files and links of a command into the step's own directory.

    Raises
    ------
    OSError
        When the directory cannot be written.
    """
    for file in command.files:
        target = folder / file.name
        if file.name.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.text, encoding="utf-8", errors="surrogateescape")
    for link in command.links:
        name = folder / link.name
        name.parent.mkdir(parents=True, exist_ok=True)
        name.unlink(missing_ok=True)
        name.symlink_to(link.target)


def safe_name(name: str) -> str:
    """Return a name fit for a file: plain characters, no folder, a bounded length."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:100].lstrip(".-") or "_"


def writable_fault(folders: Iterable[Path]) -> str:
    """Return why the first of some folders could not be made or written, or an empty text."""
    looked: set[Path] = set()
    for folder in folders:
        for place in (folder, *folder.parents):
            if place in looked:
                break
            looked.add(place)
            if fault := planted_fault(place):
                return fault
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
        if not there.is_dir():
            return f"{there} is no folder"
        if not os.access(there, os.W_OK | os.X_OK):
            return f"{there} cannot be written (permission)"
    return ""
