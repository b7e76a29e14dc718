"""The files that leases lie in, each checked when it is opened, and locks on their bytes."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import stat
import struct
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from gpucore.errors import DeviceError
from gpucore.system.files import safe_name

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ELSEWHERE", "LeaseFiles", "conflict", "conflicts", "lock", "unlock", "user_name"]

ELSEWHERE = "name another directory for leases in the configuration"
MOST_BYTES = 1 << 16

_WRITE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_NAMELESS = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FLOCK = struct.Struct("hhqqii")


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
            raise DeviceError(
                f"the lease file {self._path / name} {fault}", hint=_REMOVE, code="E702"
            )
        return True

    def _refused(self, name: str, error: OSError) -> DeviceError:
        gone = os.fstat(self._fd).st_nlink == 0  # the kernel says EPERM then, of all things
        number = errno.ENOENT if gone else error.errno or 0
        said, hint = _MEANINGS.get(number, (f"cannot be opened ({error.strerror})", ""))
        return DeviceError(
            f"the lease file {self._path / name} {said}", hint=hint or ELSEWHERE, code="E702"
        )


def lock(fd: int, start: int, length: int) -> bool:
    """Lock some bytes, and say whether that could be done at once."""
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, start, length))
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        raise DeviceError(
            f"leases cannot be locked there ({error.strerror})",
            hint=ELSEWHERE,
            code="E702",
        ) from error
    return True


def unlock(fd: int, start: int, length: int) -> None:
    """Give back the locks that a descriptor holds on some bytes."""
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, start, length))


def conflict(fd: int, start: int, length: int) -> tuple[int, int] | None:
    """Return where a lock starts that others hold on some of these bytes, and its length."""
    answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, start, length))
    kind, _, found, size, _, _ = _FLOCK.unpack(answer)
    return None if kind == fcntl.F_UNLCK else (found, size)


def conflicts(fd: int, start: int, end: int) -> list[tuple[int, int]]:
    """Return every lock that others hold on some bytes; the kernel names any one at a time."""
    found = []
    gaps = [(start, end)]
    while gaps:
        start, end = gaps.pop()
        one = conflict(fd, start, end - start) if start < end else None
        if one is not None:
            found.append(one)
            first, length = one
            gaps.append((start, first))
            if length:  # 0: to the end
                gaps.append((first + length, end))
    return sorted(found)


def user_name(uid: int) -> str:
    """Return a user's name, or the number of one without."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _flock(kind: int, start: int, length: int) -> bytes:
    return _FLOCK.pack(kind, os.SEEK_SET, start, length, 0, 0)


@lru_cache(maxsize=256)
def _name(uuid: str) -> str:
    return f"{safe_name(uuid)}.lease"


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
