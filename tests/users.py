"""Users that a test makes up, as root, and gpucore as one of them runs it.

Checkout and interpreter may lie where no other user can look (`/root`). So each command has a mount
namespace of its own, in which they lie in a folder that all may read. In it the test can also put
folders of its own in place of the machine's.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from needs import lacking

import gpucore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["HUNG", "Ended", "Machine", "User", "machine_of_users"]

HUNG = -1
_PATIENCE = 30.0
_PROGRAMS = ("useradd", "userdel", "unshare", "setpriv", "mount", "sh")

_DRIVER = """
import os, sys
from gpucore.system import filesystems
network, real = os.environ.pop("TEST_NETWORK", ""), filesystems.file_system_of
if network:
    filesystems.file_system_of = lambda path: "nfs4" if network in str(path) else real(path)
from gpucore.cli import run
sys.exit(run())
"""

_MOUNTS = """
set -e
while [ "$1" != -- ]; do mount --rbind "$1" "$2"; shift 2; done
shift
exec "$@"
"""


@dataclass(frozen=True)
class User:
    """A user of this machine, for as long as the test."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path, mode: int | None = None) -> Path:
        """Give a file to this user; what a link leads to stays whose it is."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)
        if mode is not None:
            path.chmod(mode)
        return path


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said; code -1: it hung, and was killed."""

    code: int
    said: str


@dataclass(kw_only=True)
class Machine:
    """Where the users work, and what they see in place of the machine's own folders."""

    base: Path
    alice: User
    bob: User
    mallory: User

    def __post_init__(self) -> None:
        (self.base / "driver.py").write_text(_DRIVER)
        self._mounts = {
            Path(sys.base_prefix): self.base / "python",
            Path(gpucore.__file__).parents[1]: self.base / "checkout",
            Path(sysconfig.get_path("purelib")): self.base / "packages",
        }
        for place in self._mounts.values():
            place.mkdir()

    def run(
        self,
        user: User,
        *argv: str,
        cwd: Path,
        environment: Mapping[str, str],
        groups: tuple[int, ...] = (),
        mounts: Mapping[Path, str] = MappingProxyType({}),
    ) -> Ended:
        """Run gpucore as a user.

        Parameters
        ----------
        user : User
            Who runs it.
        argv : str
            Its arguments.
        cwd, environment, groups : Path, Mapping, tuple
            Where, with what variables, and as a member of what.
        mounts : Mapping of Path to str
            Folders that it sees in place of the machine's own.
        """
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        members = [f"--groups={','.join(map(str, groups))}"] if groups else ["--clear-groups"]
        paths = ("checkout", "checkout/adapters", "packages")
        command = [
            *(str(shutil.which("unshare")), "--mount", "/bin/sh", "-c", _MOUNTS, "mounts"),
            *(str(one) for pair in {**self._mounts, **mounts}.items() for one in pair),
            *("--", str(shutil.which("setpriv")), f"--reuid={user.uid}", f"--regid={user.gid}"),
            *(*members, "--", str(self.base / "python" / "bin" / python)),
            *(str(self.base / "driver.py"), *argv),
        ]
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "PYTHONPATH": ":".join(str(self.base / one) for one in paths),
                "PYTHONDONTWRITEBYTECODE": "1",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said, _ = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self.end(user)
            said, _ = process.communicate()
            return Ended(HUNG, said)
        return Ended(process.returncode, said)

    def end(self, user: User) -> None:
        """End all that was started here as a user, until nothing is left.

        Containers may have users of the same number: what was started here names this folder.
        """
        left = True
        while left:
            left = False
            for entry in Path("/proc").iterdir():
                with suppress(FileNotFoundError, ProcessLookupError):
                    if not entry.name.isdecimal() or entry.stat().st_uid != user.uid:
                        continue
                    if os.fsencode(self.base) in (entry / "environ").read_bytes():
                        left = True
                        os.kill(int(entry.name), signal.SIGKILL)


@contextmanager
def machine_of_users() -> Iterator[Machine]:
    """Make three users, and a folder that all can reach; both are gone afterwards."""
    _require()
    base = Path(tempfile.mkdtemp(prefix="gpucore-users-"))
    base.chmod(0o755)
    users: list[User] = []
    try:
        for letter in "abm":
            users.append(_make_user(f"gpucore{os.getpid()}{letter}"))  # noqa: PERF401 - to be removed
        machine = Machine(base=base, alice=users[0], bob=users[1], mallory=users[2])
        try:
            yield machine
        finally:
            for user in users:
                machine.end(user)  # one who runs something cannot be removed
    finally:
        for user in users:
            subprocess.run([str(shutil.which("userdel")), user.name], check=True)
        shutil.rmtree(base)


def _make_user(name: str) -> User:
    command = ["useradd", "--system", "--no-create-home", "--user-group", name]
    subprocess.run(command, check=True, capture_output=True)
    facts = pwd.getpwnam(name)
    return User(name, facts.pw_uid, facts.pw_gid)


def _require() -> None:
    missing = [one for one in _PROGRAMS if shutil.which(one) is None]
    if missing:
        needed = f"to be several users needs {', '.join(missing)} (passwd, util-linux)"
    elif os.geteuid():
        needed = "to be several users needs root"
    elif subprocess.run(
        [str(shutil.which("unshare")), "--mount", "true"], check=False, capture_output=True
    ).returncode:
        needed = "to be several users needs mount namespaces (CAP_SYS_ADMIN)"
    else:
        return
    lacking(needed)
