"""What is remembered of this machine's devices from run to run: quarantines, and people's word.

A record is a small file for each device and user. It lies in the first of these that fits:

``/var/lib/gpucore``
    When an administrator made it, it belongs to root, and this user may write to it. All users
    of the machine read what lies there. Of others' records those of root count, and those of the
    members of a group that alone may write to it (``2770 root:gpu``), who trust each other as they
    do with leases. In one that everybody may write to (``1777``) each user's count for that user.
``$XDG_STATE_HOME/gpucore/devices``, ``~/.local/state/gpucore/devices``
    Otherwise: this user's own. What root wrote to ``/var/lib/gpucore`` counts beside it.

Not where leases lie: that is emptied whenever the machine is started, and a quarantine is to end
only when the device was found clean after that. Records are advice. No lock depends on them, and
what is damaged, too large, a link or a stranger's counts as nothing, with a note.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpucore.errors import GpucoreError
from gpucore.scheduling.standing import Level, Standing
from gpucore.system.lease_files import user_name
from gpucore.system.orphans import boot_id
from gpucore.system.ownership import refuse
from gpucore.system.quarantine_records import (
    MOST_TEXT,
    SUFFIX,
    own_name,
    read_record,
    record_of,
    write_record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.scheduling.standing import Change

__all__ = ["MACHINE", "QuarantineStore", "find_quarantine_store"]

MACHINE = Path("/var/lib/gpucore")

_LOGGER = logging.getLogger(__name__)
_MOST_RECORDS = 10_000
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class QuarantineStore:
    """What is remembered of devices, in one folder to write to and any number to read.

    Parameters
    ----------
    folder : Path
        Where this user's records lie; it need not be there.
    others : tuple of Path
        Where others' lie that count besides.

    Attributes
    ----------
    notes : tuple of str
        What the last `read` passed over, and why.
    """

    def __init__(self, folder: Path, others: tuple[Path, ...] = ()) -> None:
        self.folder = folder
        self.notes: tuple[str, ...] = ()
        self._others = others
        self._on_record: set[str] = set()

    @property
    def shared(self) -> bool:
        """Whether other users' runs heed what is written here."""
        return self.folder == MACHINE

    def read(self) -> dict[str, Standing]:
        """Return what is remembered, by UUID; never raises.

        A quarantine of an earlier boot ends when the device is found clean: it is no hard one any
        more, nor a soft one.
        """
        notes: list[str] = []
        found: dict[str, Standing] = {}
        for folder in (self.folder, *self._others):
            for uuid, standing in _records(folder, notes):
                known = found.get(uuid)
                if known is None or standing.rank > known.rank:
                    found[uuid] = standing
        self.notes = tuple(notes)
        self._on_record = set(found)
        return {uuid: _after_boot(standing) for uuid, standing in found.items()}

    def follow(self, change: Change) -> str:
        """Remember, or forget, what a run found; what people said by hand stays.

        Returns
        -------
        str
            Why it could not be done; mostly empty.
        """
        after = change.after
        if after.by:
            return ""
        if after.lasting:
            return self.keep(change.uuid, after)
        over = change.uuid in self._on_record and not after.withheld and not change.before.by
        return self.forget(change.uuid) if over else ""

    def keep(self, uuid: str, standing: Standing) -> str:
        """Remember how a device stands; one that lasts only as long as its sign is not written.

        Returns
        -------
        str
            Why it could not be written; mostly empty. Nothing is raised for it: a run goes on.
        """
        if not standing.lasting:
            return ""
        whole = replace(
            standing,
            reason=standing.reason[:MOST_TEXT],
            remedy=standing.remedy[:MOST_TEXT],
            boot=standing.boot or boot_id(),
        )
        try:
            self._make()
            with _opened(self.folder) as folder:
                write_record(folder, own_name(uuid), uuid, whole)
        except (OSError, GpucoreError) as error:
            return self._failed(uuid, error)
        self._on_record.add(uuid)
        return ""

    def forget(self, uuid: str) -> str:
        """Remember nothing of a device any more.

        Returns
        -------
        str
            Whose record stays, because this user may not remove it, or what else went wrong;
            mostly empty.
        """
        self._on_record.discard(uuid)
        stays = []
        for path in (self.folder, *self._others):
            try:
                with _opened(path) as folder:
                    stays += [
                        f"{path / name} of the user {user_name(owner)}"
                        for name, owner in _removed(folder, uuid)
                    ]
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                stays.append(f"{path} ({error.strerror})")
        return f"another user's record stays: {', '.join(stays)}" if stays else ""

    def _make(self) -> None:
        if self.shared:
            return
        self.folder.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self.folder.parent, self.folder):
            # A link of this user's own may lead to a larger disk.
            own = Path(os.path.realpath(path)) if _is_own_link(path) else path
            refuse(own, own=True, directory=True)
            own.mkdir(mode=0o700, exist_ok=True)
            refuse(own, own=True, directory=True)

    def _failed(self, uuid: str, error: OSError | GpucoreError) -> str:
        said = error.what if isinstance(error, GpucoreError) else error.strerror or str(error)
        _LOGGER.warning("what is thought of %s is not remembered: %s", uuid, said)
        return f"it is not remembered ({said})"


def find_quarantine_store(state_home: Path) -> QuarantineStore:
    """Return where this user's runs remember devices on this machine; nothing is made yet.

    Parameters
    ----------
    state_home : Path
        The user's directory for state.
    """
    own = state_home / "gpucore" / "devices"
    try:
        facts = MACHINE.lstat()
    except OSError:
        return QuarantineStore(own)
    if not _is_administrators(facts):
        return QuarantineStore(own)
    if os.access(MACHINE, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return QuarantineStore(MACHINE, (own,))
    return QuarantineStore(own, (MACHINE,))


def _is_administrators(facts: os.stat_result) -> bool:
    everybody = facts.st_mode & stat.S_IWOTH and not facts.st_mode & stat.S_ISVTX
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == 0 and not everybody


def _is_own_link(path: Path) -> bool:
    try:
        facts = path.lstat()
    except OSError:
        return False
    return stat.S_ISLNK(facts.st_mode) and facts.st_uid == os.geteuid()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a folder by its descriptor, so that nobody can put another in its place meanwhile."""
    folder = os.open(path, _FOLDER)
    try:
        yield folder
    finally:
        os.close(folder)


def _records(path: Path, notes: list[str]) -> list[tuple[str, Standing]]:
    found = []
    try:
        with _opened(path) as folder:
            facts = os.fstat(folder)
            names = sorted(one for one in os.listdir(folder) if one.endswith(SUFFIX))  # noqa: PTH208 - by its descriptor
            for name in names[:_MOST_RECORDS]:
                try:
                    record = read_record(folder, facts, name)
                except FileNotFoundError:  # forgotten meanwhile
                    continue
                except (OSError, ValueError) as error:
                    said = getattr(error, "strerror", None) or str(error)
                    notes.append(f"{path / name} is passed over: {said}")
                else:
                    found.append(record)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:
        notes.append(f"{path} cannot be read ({error.strerror})")
    return found


def _removed(folder: int, uuid: str) -> list[tuple[str, int]]:
    """Remove all records of a device; return name and owner of those that count and stay."""
    stays = []
    around = os.fstat(folder)
    for name in os.listdir(folder):
        if not record_of(name, uuid):
            continue
        try:
            counts = read_record(folder, around, name)[0] == uuid
            owner = os.stat(name, dir_fd=folder, follow_symlinks=False).st_uid
            if counts:
                os.unlink(name, dir_fd=folder)
        except FileNotFoundError:
            continue
        except ValueError:  # it does not count
            continue
        except OSError as error:
            if error.errno not in {errno.EPERM, errno.EACCES, errno.EROFS}:
                raise
            stays.append((name, owner))
    return stays


def _after_boot(standing: Standing) -> Standing:
    now = boot_id()
    if standing.by or not now or standing.boot == now:
        return standing
    level = Level.QUARANTINED if standing.level is Level.AVOIDED else standing.level
    return replace(standing, level=level, hard=False, until=0.0)
