"""Moving what a program made to where it belongs, or out of the way."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["discard", "empty_into", "find_made", "make_fresh", "move", "put_aside"]

_OCCUPIED = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EXDEV}
_BEGINS = ".gpucore-"
_PARTIAL = "partial"


def make_fresh(folder: str, *, ours: bool) -> None:
    """Make a directory that nobody has used.

    Parameters
    ----------
    folder : str
        The directory.
    ours : bool
        Whether nobody else makes one of this name: what lies there was left by a host that died
        before it could say so, and is removed.

    Raises
    ------
    OSError
        When it cannot be made.
    """
    try:
        os.mkdir(folder)  # noqa: PTH102 - on the way of every step
    except FileNotFoundError:
        os.makedirs(folder)  # noqa: PTH103 - as above
    except FileExistsError:
        if not ours:
            raise
        shutil.rmtree(folder)
        os.mkdir(folder)  # noqa: PTH102 - as above


def find_made(folder: str, made: str) -> str:
    """Return what a program made in its own directory; empty when it is not there.

    Parameters
    ----------
    folder : str
        The step's own directory.
    made : str
        Name there; may hold ``*`` and ``?``: then the last in order of name is taken.
    """
    if not re.search(r"[*?]", made):
        path = f"{folder}/{made}"
        return path if os.path.exists(path) else ""  # noqa: PTH110 - as above
    found = sorted(Path(folder).glob(made))
    return str(found[-1]) if found and found[-1].exists() else ""


def move(source: str, target: str) -> str:
    """Move a file or a directory to where it belongs, at one stroke.

    A file takes the place of an older one. Of a directory that is there already the entries are
    replaced one by one. Across file systems a file is copied under another name first.

    Returns
    -------
    str
        What went wrong, or an empty text.
    """
    try:
        _put(source, target)
    except OSError as error:
        return f"{target} cannot be written ({error.strerror})"
    return ""


def empty_into(source: str, target: str, last: Collection[str]) -> dict[str, str]:
    """Move all that lies in a directory into another, and remove it.

    Parameters
    ----------
    source, target : str
        The two directories; nothing happens when the first is not there.
    last : collection of str
        Paths below the first that are moved after all others: who sees them finds the rest, too.

    Returns
    -------
    dict
        What went wrong, by the path that was not moved.
    """
    try:
        names = os.listdir(source)  # noqa: PTH208 - as above
    except FileNotFoundError:
        return {}
    except OSError as error:
        return {source: f"{source} cannot be read ({error.strerror})"}
    if len(names) > 1:
        names.sort(key=lambda name: f"{source}/{name}" in last)
    faults = {}
    for name in names:
        path = f"{source}/{name}"
        if fault := move(path, f"{target}/{name}"):
            faults[path] = fault
    if not faults:
        with contextlib.suppress(OSError):  # something is still being written there
            os.rmdir(source)  # noqa: PTH106 - as above
    return faults


def put_aside(folders: Iterable[str], files: Iterable[str], place: str) -> list[str]:
    """Take what a failed attempt made out of the way; return where it lies now.

    Parameters
    ----------
    folders : iterable of str
        Directories that it alone wrote to; an empty one is removed, one on another file system
        stays.
    files : iterable of str
        What it wrote elsewhere; what cannot be moved is renamed to ``….partial``.
    place : str
        The step's own directory, made if need be.
    """
    left: dict[str, None] = {}
    for folder in folders:
        try:
            os.rmdir(folder)  # noqa: PTH106 - mostly there is nothing
        except FileNotFoundError:
            continue
        except OSError:
            left[_renamed(folder, _free(place))] = None
    for file in files:
        aside = f"{place}/{_PARTIAL}"
        with contextlib.suppress(OSError):
            os.makedirs(aside, exist_ok=True)  # noqa: PTH103 - strings are what there is
        name = os.path.basename(file)  # noqa: PTH119 - as above
        if _renamed(file, f"{aside}/{name}") != file:
            left[aside] = None
        elif _renamed(file, f"{file}.{_PARTIAL}") != file:
            left[f"{file}.{_PARTIAL}"] = None
    return list(left)


def discard(*, folders: Iterable[str] = (), place: str = "") -> None:
    """Remove what an attempt left that nobody will go on with.

    Parameters
    ----------
    folders : iterable of str
        Directories that it alone wrote to; what does not bear such a name is left alone.
    place : str
        Its step's own directory: what was put aside there.
    """
    for folder in folders:
        if os.path.basename(folder).startswith(_BEGINS):  # noqa: PTH119 - as above
            shutil.rmtree(folder, ignore_errors=True)
    for number in range(1, 100) if place else ():
        aside = _numbered(place, number)
        if not os.path.isdir(aside):  # noqa: PTH112 - as above
            break
        shutil.rmtree(aside, ignore_errors=True)


def _numbered(place: str, number: int) -> str:
    return f"{place}/{_PARTIAL}" if number == 1 else f"{place}/{_PARTIAL}.{number}"


def _free(place: str) -> str:
    with contextlib.suppress(OSError):
        os.makedirs(place, exist_ok=True)  # noqa: PTH103 - strings are what there is
    number = 1
    while os.path.lexists(_numbered(place, number)):
        number += 1
    return _numbered(place, number)


def _renamed(source: str, target: str) -> str:
    """Rename, where that can be done; return what it is called now."""
    try:
        os.rename(source, target)  # noqa: PTH104 - as above
    except OSError:
        return source
    return target


def _put(source: str, target: str) -> None:
    try:
        os.replace(source, target)  # noqa: PTH105 - on the way of every step
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120 - as above
        os.replace(source, target)  # noqa: PTH105 - as above
    except OSError as error:
        if error.errno not in _OCCUPIED:
            raise
        if stat.S_ISDIR(os.lstat(source).st_mode):
            _merge(source, target, error)
        elif error.errno == errno.EXDEV:
            _copy(Path(source), Path(target))
        else:
            raise


def _merge(source: str, target: str, error: OSError) -> None:
    if not os.path.isdir(target):  # noqa: PTH112 - as above
        if error.errno != errno.EXDEV:
            raise error
        os.mkdir(target)  # noqa: PTH102 - as above
    for name in os.listdir(source):  # noqa: PTH208 - as above
        _put(f"{source}/{name}", f"{target}/{name}")
    os.rmdir(source)  # noqa: PTH106 - as above


def _copy(source: Path, target: Path) -> None:
    aside = target.with_name(f".{target.name}.part")
    aside.unlink(missing_ok=True)
    # Made anew: what another put there meanwhile is neither followed nor written to.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with source.open("rb") as read, os.fdopen(os.open(aside, flags, 0o666), "wb") as written:
        try:
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
            aside.replace(target)
        except OSError:
            aside.unlink(missing_ok=True)
            raise
    source.unlink()
