"""Where leases lie: a directory of this machine that nobody can meddle with, and its files.

The first of these that fits is taken:

``system``
    ``/run/lock/gpucore``, when an administrator made it. It must belong to root. Accepted are a
    group's (``2770 root:gpu``; the members trust each other) and everybody's with the sticky bit
    (``1777``); one that everybody may write to without it is refused.
``runtime``
    ``$XDG_RUNTIME_DIR/gpucore``, or ``/run/user/<uid>/gpucore`` when the variable is not set or is
    another user's (``su``, ``sudo``): 0700, this user's own.
``user``
    ``/var/tmp/gpucore-<uid>``: 0700, this user's own. On a machine's own disk by the rules for
    ``/var/tmp``, where a home directory often is not.
``configured``
    What the configuration names goes before all of them: by the rules for ``system`` when it is
    root's, otherwise by those for ``user``.

Nothing is followed: the directory is opened without following a link, checked by its descriptor,
and every file is opened relative to that. Network file systems are refused, because their locks
and their wake-ups are another machine's business.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import stat
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gpucore.errors import ConfigError, DeviceError
from gpucore.system.files import safe_name
from gpucore.system.filesystems import file_system_of, wal_works

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LeaseDirectory", "LeaseFiles", "find_lease_directory", "user_name"]

SYSTEM = Path("/run/lock/gpucore")
RUNTIME_BASE = Path("/run/user")
USER_BASE = Path("/var/tmp")  # noqa: S108 - a directory of our own in it, checked for its owner
MOST_BYTES = 1 << 16

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NAMELESS = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_ELSEWHERE = "name another directory for leases in the configuration"
Kind = Literal["system", "runtime", "user", "configured"]


@dataclass(frozen=True, kw_only=True)
class LeaseDirectory:
    """A directory for leases that was found fit.

    Parameters
    ----------
    path : Path
        Where it is.
    kind : str
        ``system``, ``runtime``, ``user`` or ``configured``.
    shared_by : str
        Whose gpucore sees these leases.
    shared : bool
        Whether that is more than this user.
    note : str
        Why a directory that would go before it does not count.
    """

    path: Path
    kind: Kind
    shared_by: str
    shared: bool
    note: str = ""

    def text(self) -> str:
        """Return one line that says which directory holds, and who shares it."""
        line = (
            f"leases are shared with {self.shared_by}"
            if self.shared
            else "leases are this user's own: other users' gpucore is not seen"
        )
        return f"{line} ({self.path}{'; ' if self.note else ''}{self.note})"

    def open(self) -> LeaseFiles:
        """Open it, checked anew.

        Raises
        ------
        ConfigError
            When it is not fit any more.
        """
        return _opened(self.path, administrators=self.kind in {"system", "configured"})


def find_lease_directory(environ: Mapping[str, str], *, configured: str = "") -> LeaseDirectory:
    """Return the directory where this process's leases lie, made if need be.

    Parameters
    ----------
    environ : Mapping
        Its ``XDG_RUNTIME_DIR`` counts.
    configured : str
        The directory that the configuration names, or nothing.

    Raises
    ------
    ConfigError
        When a directory that should be used may be meddled with, or cannot be made.
    """
    if configured:
        path = Path(configured)
        if not path.is_absolute():
            raise ConfigError(
                f"the lease directory `{configured}` is no absolute path", hint="write it from `/`"
            )
        with contextlib.suppress(FileExistsError):
            _make(path)
        return _found(path, "configured")
    note = _why_not_system()
    if not note and os.path.lexists(SYSTEM):
        return _found(SYSTEM, "system")
    for base in (environ.get("XDG_RUNTIME_DIR", ""), f"{RUNTIME_BASE}/{os.geteuid()}"):
        if base and _is_own(base):
            path = Path(base) / "gpucore"
            kind: Kind = "runtime"
            break
    else:
        path, kind = USER_BASE / f"gpucore-{os.geteuid()}", "user"
    with contextlib.suppress(FileExistsError):
        _make(path)
    return _found(path, kind, note)


def user_name(uid: int) -> str:
    """Return a user's name, or the number of one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


class LeaseFiles:
    """An open directory for leases: one file a device, each checked when it is opened.

    Parameters
    ----------
    path : Path
        Where it is, for messages.
    fd : int
        Its descriptor, which is this object's from now on.
    facts : os.stat_result
        Its owner, group and mode: who may use the directory may use its files.
    """

    def __init__(self, path: Path, fd: int, facts: os.stat_result) -> None:
        self._path = path
        self._fd = fd
        self._gid = facts.st_gid
        self._shared = bool(facts.st_mode & 0o022)
        # Whom the directory is for may lock its files, and nobody else may even read them:
        # a read lock of a mere reader would keep the device from all others.
        self._mode = 0o600 | (facts.st_mode & 0o020) * 3 | (facts.st_mode & 0o002) * 3
        self._lock = threading.Lock()
        self._looks: dict[str, int] = {}
        self._old: list[int] = []

    def open(self, uuid: str) -> int:
        """Return a descriptor for locking: a new open file description each time.

        Raises
        ------
        DeviceError
            When something else lies in the file's place, or it cannot be opened.
        """
        name = _name(uuid)
        while True:
            try:
                fd = os.open(name, _WRITE, dir_fd=self._fd)
            except FileNotFoundError:
                fd = self._new(name)
            except OSError as error:
                raise self._refused(name, error) from error
            if fd >= 0 and self._checked(name, fd):
                return fd

    def look(self, uuid: str) -> int:
        """Return a descriptor for asking about locks; it stays this object's.

        Raises
        ------
        DeviceError
            As `open` does.
        """
        fd = self._looks.get(uuid)
        if fd is not None:
            return fd
        with self._lock:
            if uuid not in self._looks:
                self._looks[uuid] = self._look(_name(uuid), uuid)
            return self._looks[uuid]

    def renew(self, uuid: str) -> bool:
        """Forget the descriptor that `look` gives if its file was removed, and say so."""
        with self._lock:
            fd = self._looks.get(uuid)
            if fd is None or os.fstat(fd).st_nlink:
                return False
            self._old.append(self._looks.pop(uuid))  # another thread may be using it
            return True

    def uuids(self) -> list[str]:
        """Return the devices that ever had a lease here.

        Raises
        ------
        DeviceError
            When the directory cannot be read.
        """
        try:
            names = os.listdir(self._fd)  # noqa: PTH208 - by its descriptor
        except OSError as error:
            raise self._refused("", error) from error
        return sorted(name.removesuffix(".lease") for name in names if name.endswith(".lease"))

    def close(self) -> None:
        """Give the descriptors back; leases that were taken stay."""
        with self._lock:
            fds = [*self._looks.values(), *self._old, *([self._fd] if self._fd >= 0 else [])]
            self._fd = -1
            self._looks.clear()
            self._old.clear()
        for fd in fds:
            os.close(fd)

    def _look(self, name: str, uuid: str) -> int:
        while True:
            try:
                fd = os.open(name, _READ, dir_fd=self._fd)
            except FileNotFoundError:
                os.close(self.open(uuid))
                continue
            except OSError as error:
                raise self._refused(name, error) from error
            if self._checked(name, fd):
                return fd

    def _new(self, name: str) -> int:
        """Make a file that has its mode before anybody can see it; -1: another was faster."""
        fd = -1
        try:
            try:
                fd = os.open(".", _NAMELESS, 0o600, dir_fd=self._fd)
            except OSError as error:
                if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}:
                    raise
                # Not on this file system: another user may come between name and mode, once.
                fd = os.open(name, _WRITE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._fd)
                self._give(fd)
            else:
                self._give(fd)
                os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=self._fd, follow_symlinks=True)
        except OSError as error:
            if fd >= 0:
                os.close(fd)
            if error.errno == errno.EEXIST:
                return -1
            raise self._refused(name, error) from error
        return fd

    def _give(self, fd: int) -> None:
        if self._shared and os.fstat(fd).st_gid != self._gid:
            with contextlib.suppress(PermissionError):
                os.fchown(fd, -1, self._gid)
        os.fchmod(fd, self._mode)

    def _checked(self, name: str, fd: int) -> bool:
        """Say whether a file is still there; close it and raise when it is none of ours."""
        facts = os.fstat(fd)
        if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 0:
            os.close(fd)
            return False
        fault = ""
        if not stat.S_ISREG(facts.st_mode):
            fault = "is no plain file"
        elif facts.st_nlink > 1:
            fault = "has another name elsewhere (a hard link)"
        elif not self._shared and facts.st_uid != os.geteuid():
            fault = f"belongs to another user ({user_name(facts.st_uid)})"
        elif facts.st_size > MOST_BYTES:
            fault = "holds something else than leases"
        if fault:
            os.close(fd)
            raise DeviceError(f"the lease file {self._path / name} {fault}", hint=_REMOVE)
        return True

    def _refused(self, name: str, error: OSError) -> DeviceError:
        said, hint = _MEANINGS.get(error.errno or 0, (f"cannot be opened ({error.strerror})", ""))
        return DeviceError(f"the lease file {self._path / name} {said}", hint=hint or _ELSEWHERE)


_REMOVE = "find out who put it there, and remove it when no program of gpucore runs"
_MEANINGS = {
    errno.ELOOP: ("is a symbolic link", _REMOVE),
    errno.EISDIR: ("is a folder", _REMOVE),
    errno.ENXIO: ("is no plain file", _REMOVE),
    errno.EACCES: (
        "cannot be opened (permission)",
        "it must belong to the directory's group, mode 0660: mend it, or remove it when no "
        "program of gpucore runs",
    ),
    errno.ENOENT: (
        "cannot be made: its directory was removed",
        "the end of a login removes $XDG_RUNTIME_DIR: `loginctl enable-linger`, or name another "
        "directory for leases in the configuration",
    ),
}


@lru_cache(maxsize=256)
def _name(uuid: str) -> str:
    return f"{safe_name(uuid)}.lease"


def _why_not_system() -> str:
    """Return why there is something at the system's place that is not to be used."""
    try:
        facts = SYSTEM.lstat()
    except OSError:
        return ""
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != 0:
        return f"{SYSTEM} is no directory of root's"
    if not os.access(SYSTEM, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return f"this user may not write to {SYSTEM}"
    return ""


def _is_own(base: str) -> bool:
    """Say whether a runtime directory is this user's and nobody else's."""
    try:
        facts = Path(base).lstat()
    except OSError:
        return False
    own = facts.st_uid == os.geteuid() and not facts.st_mode & 0o022
    return Path(base).is_absolute() and stat.S_ISDIR(facts.st_mode) and own


def _make(path: Path) -> None:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        raise
    except OSError as error:
        raise ConfigError(
            f"the lease directory {path} cannot be made ({error.strerror})", hint=_ELSEWHERE
        ) from error


def _found(path: Path, kind: Kind, note: str = "") -> LeaseDirectory:
    _opened(path, administrators=kind in {"system", "configured"}).close()
    facts = path.stat()
    shared = bool(facts.st_mode & 0o022)
    by = f"user {user_name(os.geteuid())} alone"
    if facts.st_mode & 0o002:
        by = "all users of this machine"
    elif shared:
        by = f"the members of group {_group_name(facts.st_gid)}"
    return LeaseDirectory(path=path, kind=kind, shared_by=by, shared=shared, note=note)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _opened(path: Path, *, administrators: bool) -> LeaseFiles:
    try:
        fd = os.open(path, _DIRECTORY)
    except OSError as error:
        link = error.errno in {errno.ELOOP, errno.ENOTDIR}
        said = (
            "is no directory, or a link to one" if link else f"cannot be opened: {error.strerror}"
        )
        raise ConfigError(f"the lease directory {path} {said}", hint=_ELSEWHERE) from error
    facts = os.fstat(fd)
    fault, hint = _directory_fault(path, facts, administrators=administrators)
    if not fault and not wal_works(path):  # one machine's alone: what it asks for, too
        fault = f"lies on a network file system ({file_system_of(path)})"
        hint = "name one on a disk of this machine's own"
    if fault:
        os.close(fd)
        raise ConfigError(f"the lease directory {path} {fault}", hint=hint)
    return LeaseFiles(path, fd, facts)


def _directory_fault(path: Path, facts: os.stat_result, *, administrators: bool) -> tuple[str, str]:
    mode = stat.S_IMODE(facts.st_mode)
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        return "cannot be written (permission)", _ELSEWHERE
    if administrators and facts.st_uid == 0 and mode & 0o022:
        if mode & 0o002 and not mode & stat.S_ISVTX:
            return f"lets everybody remove leases (mode {mode:04o})", f"`chmod 1777 {path}`"
        return "", ""
    if facts.st_uid != os.geteuid():
        return f"belongs to another user ({user_name(facts.st_uid)})", _ELSEWHERE
    if mode & 0o022:
        return f"may be written by others (mode {mode:04o})", f"`chmod 0700 {path}`"
    return "", ""
