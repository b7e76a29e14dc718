"""Which file system a path lies on, and what can be relied on there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["changes_are_told", "file_system_of", "full_place", "keeps_modes", "wal_works"]

_MOUNTS = Path("/proc/self/mountinfo")
_NO_ROOM = 1 << 16

_SHARED = frozenset(
    {
        "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "drvfs", "exafs", "gfs2",
        "glusterfs", "gpfs", "lustre", "mmfs", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2",
        "orangefs", "panfs", "prl_fs", "pvfs2", "quobyte", "smb3", "smbfs", "vboxsf", "virtiofs",
        "vmhgfs", "wekafs",
    }
)  # fmt: skip
"""SQLite's WAL wants memory that all who open it share: one machine, one page cache."""

_MODELESS = frozenset(
    {
        "9p", "cifs", "drvfs", "exfat", "fuse.ntfs-3g", "fuseblk", "msdos", "ntfs", "ntfs3", "smb3",
        "smbfs", "vboxsf", "vfat", "vmhgfs",
    }
)  # fmt: skip
"""Who mounts them says who may write: `chmod` changes nothing there."""

_LOCAL_FUSE = frozenset({"fuseblk", "fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.ext4"})


def file_system_of(path: Path) -> str:
    """Return the kernel's name for the file system that a path lies on, as ``ext4`` or ``nfs4``.

    Parameters
    ----------
    path : Path
        It need not exist: then its nearest parent that does counts.

    Returns
    -------
    str
        Empty when the kernel does not say.
    """
    real = os.path.realpath(path)  # a symbolic link may lead elsewhere; also wakes an automount
    try:
        table = _MOUNTS.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    best, found = -1, ""
    for line in table.splitlines():
        head, dash, tail = line.partition(" - ")
        columns = head.split(" ")
        if not dash or len(columns) < 5:  # noqa: PLR2004 - the mount point is the fifth
            continue
        point = _unescaped(columns[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        # Of two mounts on one point the later one hides the other.
        if inside and len(point) >= best:
            best, found = len(point), tail.split(" ")[0]
    return found


def wal_works(path: Path) -> bool:
    """Say whether SQLite's write-ahead log may be trusted on the file system of a path.

    Unknown file systems count as local; whoever opens a journal there tries it as well.
    """
    return not _is_shared(file_system_of(path))


def changes_are_told(path: Path) -> bool:
    """Say whether the kernel tells of all that is written on the file system of a path.

    What other machines write it does not know of.
    """
    return not _is_shared(file_system_of(path))


def _is_shared(kind: str) -> bool:
    return kind in _SHARED or (kind.startswith("fuse") and kind not in _LOCAL_FUSE)


def keeps_modes(path: Path) -> bool:
    """Say whether a file's mode says who may write to it, on the file system of a path."""
    return file_system_of(path) not in _MODELESS


def full_place(paths: Iterable[str]) -> str:
    """Return the first of some paths that lies on a full disk; empty when there is room on all.

    Full is where less than 64 KiB, or no file, is left for this user. Quotas are not seen.

    Parameters
    ----------
    paths : iterable of str
        They need not exist: then the nearest folder that does counts.
    """
    looked: set[str] = set()
    for path in paths:
        place = path
        while place not in looked and not os.path.isdir(place):  # noqa: PTH112 - as below
            looked.add(place)
            place = os.path.dirname(place) or "."  # noqa: PTH120 - for thousands of steps
        if place in looked:
            continue
        looked.add(place)
        try:
            facts = os.statvfs(place)
        except OSError:
            continue
        # Some file systems count no blocks (proc), or no files (btrfs): 0 of 0 is not full.
        blocks = facts.f_blocks and facts.f_bavail * facts.f_frsize < _NO_ROOM
        if blocks or (facts.f_files and not facts.f_favail):
            return place
    return ""


def _unescaped(text: str) -> str:
    r"""Return a mount point as it is; mountinfo writes a blank as ``\\040``."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
