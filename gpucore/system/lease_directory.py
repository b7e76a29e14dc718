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

Without an administrator's directory one user's leases can lie in two places at different times:
the login session's directory comes with the first login and goes, leases and all, with the last
logout. Who runs without a login (cron, a service) or past one makes the system's directory, or
names one in the configuration.

Nothing is followed: the directory is opened without following a link, checked by its descriptor,
and every file is opened relative to that. Network file systems are refused, because their locks
and their wake-ups are another machine's business.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gpucore.errors import ConfigError
from gpucore.system.filesystems import file_system_of, wal_works
from gpucore.system.lease_files import ELSEWHERE, LeaseFiles, user_name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LeaseDirectory", "find_lease_directory"]

SYSTEM = Path("/run/lock/gpucore")
RUNTIME_BASE = Path("/run/user")
USER_BASE = Path("/var/tmp")  # noqa: S108 - a directory of our own in it, checked for its owner

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
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
                f"the lease directory `{configured}` is no absolute path",
                hint="write it from `/`",
                code="E701",
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
            f"the lease directory {path} cannot be made ({error.strerror})",
            hint=ELSEWHERE,
            code="E701",
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
        raise ConfigError(
            f"the lease directory {path} {said}", hint=ELSEWHERE, code="E701"
        ) from error
    facts = os.fstat(fd)
    fault, hint = _directory_fault(path, facts, administrators=administrators)
    if not fault and not wal_works(path):  # one machine's alone: what it asks for, too
        fault = f"lies on a network file system ({file_system_of(path)})"
        hint = "name one on a disk of this machine's own"
    if fault:
        os.close(fd)
        raise ConfigError(f"the lease directory {path} {fault}", hint=hint, code="E701")
    return LeaseFiles(path, fd, facts)


def _directory_fault(path: Path, facts: os.stat_result, *, administrators: bool) -> tuple[str, str]:
    mode = stat.S_IMODE(facts.st_mode)
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        return "cannot be written (permission)", ELSEWHERE
    if administrators and facts.st_uid == 0 and mode & 0o022:
        if mode & 0o002 and not mode & stat.S_ISVTX:
            return f"lets everybody remove leases (mode {mode:04o})", f"`chmod 1777 {path}`"
    elif facts.st_uid != os.geteuid():
        return f"belongs to another user ({user_name(facts.st_uid)})", ELSEWHERE
    elif mode & 0o022:
        return f"may be written by others (mode {mode:04o})", f"`chmod 0700 {path}`"
    around = path.parent.stat().st_mode
    if around & 0o002 and not around & stat.S_ISVTX:
        return "lies where everybody may put another in its place", ELSEWHERE
    return "", ""
