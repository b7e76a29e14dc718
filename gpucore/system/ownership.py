"""What lies in a place of ours: used when it is ours alone, refused with the reason otherwise."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.system.filesystems import keeps_modes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE_MODE", "FOLDER_MODE", "make_own_folder", "planted_fault", "refuse"]

FILE_MODE = 0o664
"""A journal says what `gpucore resume` runs: whatever the umask, not everybody may write to it."""

FOLDER_MODE = 0o775


def refuse(path: Path, *, own: bool, directory: bool = False) -> None:
    """Refuse what is no plain file (or folder), or, to write, not this user's alone.

    Parameters
    ----------
    path : Path
        Nothing need lie there.
    own : bool
        Whether it is to be written.
    directory : bool
        Whether it must be a folder.

    Raises
    ------
    GpucoreError
        Names the path.
    """
    try:
        facts = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise GpucoreError(
            f"`{path}` cannot be looked at ({error.strerror})", code="E720"
        ) from error
    right = stat.S_ISDIR if directory else stat.S_ISREG
    if not right(facts.st_mode):
        what = "no folder" if directory else "no plain file"
        if stat.S_ISLNK(facts.st_mode):
            what = "a link"
        raise GpucoreError(f"`{path}` is {what}: it is not used", hint="remove it", code="E720")
    if not own:
        return
    if facts.st_uid != os.geteuid():
        raise GpucoreError(
            f"`{path}` belongs to another user ({facts.st_uid}): it is not written to",
            hint="go on as that user, or write to another output folder",
            code="E720",
        )
    if facts.st_nlink > 1 and not directory:
        raise GpucoreError(
            f"`{path}` has another name elsewhere (a hard link): it is not written to",
            hint="put a copy in its place",
            code="E720",
        )
    if facts.st_mode & stat.S_IWOTH and keeps_modes(path):
        raise GpucoreError(
            f"everybody on this machine may write to `{path}`: it is not trusted",
            hint=f"look at what lies there, then `chmod o-w {path}`",
            code="E720",
        )


def make_own_folder(path: Path) -> None:
    """Make a folder of ours, and those above it, unless it is there.

    Raises
    ------
    GpucoreError
        When something else lies there, or it is not this user's.
    OSError
        When it cannot be made.
    """
    refuse(path, own=True, directory=True)
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    refuse(path, own=True, directory=True)


def planted_fault(path: Path) -> str:
    """Return why something in a user's own place is a stranger's; empty when it is not.

    In a folder where everybody may write (``/tmp``) anybody can leave a link to a file of ours, or
    a file in which a result is looked for. The kernel refuses such links and files on most machines
    (``fs.protected_symlinks``, ``fs.protected_regular``), but not on all.
    """
    try:
        facts, around = os.lstat(path), os.lstat(path.parent)
    except OSError:
        return ""
    if not around.st_mode & stat.S_IWOTH or not keeps_modes(path.parent):
        return ""
    if facts.st_uid in {0, os.geteuid()}:
        return ""
    if stat.S_ISLNK(facts.st_mode):
        return f"{path} is another user's link, in a folder where everybody may write"
    if stat.S_ISDIR(facts.st_mode):
        return ""
    return f"{path} is another user's file, in a folder where everybody may write"
