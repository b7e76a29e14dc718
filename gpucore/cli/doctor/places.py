"""Folders that a run writes to: their file systems, room, clocks; and where leases lie."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.system.filesystems import file_system_of, wal_works
from gpucore.system.journal_place import state_home
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases
from gpucore.system.quarantine import find_quarantine_store

if TYPE_CHECKING:
    from gpucore.cli.doctor.checking import Notes
    from gpucore.settings import Settings

__all__ = ["SHARING", "Place", "look_at_leases", "look_at_place", "look_at_state", "places"]

SHARING = "sudo install -d -m 2770 -g gpu /run/lock/gpucore (all users in the group `gpu`)"
"""How an administrator lets users share leases."""

_GIB = 1 << 30
_SKEW = 5.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """A folder that a run writes to.

    Parameters
    ----------
    name : str
        What it is called.
    path : Path
        It need not exist: then the nearest folder that does is looked at.
    least : int
        Bytes that should be free.
    elsewhere : str
        How to name another.
    network : str
        What it means that it lies on a network file system; empty: nothing.
    """

    name: str
    path: Path
    least: int
    elsewhere: str
    network: str = ""


def places(settings: Settings) -> list[Place]:
    """Return the folders that a run which is started here would write to."""
    state = state_home(settings.environment) / "gpucore"
    return [
        Place(
            name="working directory",
            path=settings.root,
            least=_GIB,
            elsewhere="work in another folder, or free some space: df -h .",
            network=f"the journals of runs that write here lie in {state}, and on this machine "
            "alone they can be resumed",
        ),
        Place(
            name="state directory",
            path=state,
            least=_GIB // 16,
            elsewhere="name a folder on a disk of this machine: export XDG_STATE_HOME=/path/to/it",
            network="what is remembered of this machine's GPUs, and journals that cannot lie "
            "beside their outputs, are not safe there",
        ),
        Place(
            name="temporary directory",
            path=Path(tempfile.gettempdir()),
            least=_GIB // 4,
            elsewhere="name another: export TMPDIR=/path/to/it",
        ),
    ]


def look_at_place(place: Place, notes: Notes) -> None:
    """Look at a folder: what it lies on, whether it can be written, its room and its clock."""
    notes.facts["path"] = str(place.path)
    folder = place.path
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    kind = file_system_of(folder)
    notes.facts["file_system"] = kind
    if place.network and not wal_works(folder):
        notes.note(
            f"the {place.name} {place.path} lies on a network file system ({kind}): "
            f"{place.network}",
            place.elsewhere.partition(", or ")[0],
        )
    _look_at_room(place, folder, notes)
    _write(place, folder, notes)


def look_at_state(settings: Settings, notes: Notes) -> None:
    """Look at what is remembered of this machine's GPUs."""
    store = find_quarantine_store(state_home(settings.environment))
    known = store.read()
    notes.facts["folder"] = str(store.folder)
    notes.facts["shared"] = store.shared
    notes.facts["withheld"] = sorted(uuid for uuid, one in known.items() if one.withheld)
    for text in store.notes:
        notes.note(text, "remove it, or have its owner remove it")


def look_at_leases(settings: Settings, notes: Notes) -> None:
    """Look at where leases lie, and who shares them."""
    config = settings.config
    notes.facts["leases"] = config.leases
    if config.leases == "run":
        return
    directory = find_lease_directory(settings.environment, configured=config.lease_directory)
    notes.facts["path"] = str(directory.path)
    notes.facts["kind"] = directory.kind
    notes.facts["shared"] = directory.shared
    notes.facts["shared_by"] = directory.shared_by
    if directory.note:
        notes.note(
            f"{directory.note}: leases are shared with nobody else, and lie in {directory.path}",
            SHARING,
        )
    leases = Leases(directory)
    try:
        notes.facts["held"] = len(leases.holders())
    finally:
        leases.close()


def _look_at_room(place: Place, folder: Path, notes: Notes) -> None:
    facts = os.statvfs(folder)
    free = facts.f_bavail * facts.f_frsize
    notes.facts["free_bytes"] = free if facts.f_blocks else None
    notes.facts["free_files"] = facts.f_favail if facts.f_files else None
    # Some file systems count no blocks, or no files.
    if facts.f_blocks and free < place.least:
        notes.wrong(
            f"{free // 2**20} MiB are free in the {place.name} {place.path}", place.elsewhere
        )
    if facts.f_files and not facts.f_favail:
        notes.wrong(
            f"no file can be made any more in the {place.name} {place.path} (inodes)",
            place.elsewhere,
        )


def _write(place: Place, folder: Path, notes: Notes) -> None:
    """Write a byte as a run would, and compare the time that it is given with the clock."""
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".gpucore-") as file:
            before = time.time()
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
            written, after = os.fstat(file.fileno()).st_mtime, time.time()
    except OSError as error:
        notes.wrong(
            f"the {place.name} {place.path} cannot be written ({error.strerror})", place.elsewhere
        )
        return
    skew = max(before - written, written - after, 0.0)
    notes.facts["skew_seconds"] = round(skew, 3)
    if skew > _SKEW:
        notes.wrong(
            f"the clock of the file system of {place.path} and this machine's differ by "
            f"{skew:.0f} seconds: times of files cannot be trusted",
            "sudo timedatectl set-ntp true (here, and on the file server)",
        )
