"""Leases between users: real processes of users that the test makes up, as root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gpucore.system import lease_directory
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="needs root, to be several users")
ALICE, BOB, EVE, GROUP = 12345, 12346, 12347, 23456
GPU = "GPU-1"
VAR_TMP = lease_directory.USER_BASE

USER = """
import ctypes, json, os, sys
from gpucore.errors import GpucoreError
from gpucore.system import lease_directory, leases
from pathlib import Path

uid, gid, directory = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
lease_directory.SYSTEM = Path(directory)
os.setgroups([])
os.setgid(uid)
os.setgroups([gid] if gid else [])
os.setuid(uid)
os.umask(0o077)
try:
    found = lease_directory.find_lease_directory({}, configured=directory if sys.argv[4:] else "")
    held = leases.Leases(found).try_take(["GPU-1"])
    print(json.dumps([found.kind, bool(held), found.text(), oct(os.umask(0))]), flush=True)
except GpucoreError as error:
    print(json.dumps(["refused", type(error).__name__, str(error), ""]), flush=True)
sys.stdin.read()
"""


class User:
    """A process of another user's, which asks for a device and keeps it."""

    def __init__(self, uid: int, gid: int, directory: Path, *configured: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, str(uid), str(gid), str(directory), *configured],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.kind, self.got, self.text, self.umask = json.loads(self.process.stdout.readline())

    def leave(self) -> None:
        self.process.communicate()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that other users can reach, as they cannot reach ``tmp_path``."""
    path = Path(tempfile.mkdtemp(dir=VAR_TMP))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def user(open_folder: Path) -> Iterator[Callable[..., User]]:
    users: list[User] = []

    def start(uid: int, gid: int, *configured: str) -> User:
        users.append(User(uid, gid, open_folder / "system", *configured))
        return users[-1]

    yield start
    for one in users:
        one.leave()


@as_root
@pytest.mark.slow
@pytest.mark.parametrize("way", [[], ["configured"]], ids=["system", "configured"])
@pytest.mark.parametrize(("bits", "gid"), [(0o2770, GROUP), (0o770, GROUP), (0o1777, 0)])
def test_users_who_share_the_directory_exclude_each_other(
    open_folder: Path, user: Callable[..., User], bits: int, gid: int, way: list[str]
) -> None:
    system = open_folder / "system"
    system.mkdir()
    os.chown(system, 0, gid)
    system.chmod(bits)
    alice = user(ALICE, gid, *way)
    assert (alice.kind, alice.got) == (way[0] if way else "system", True), alice.text
    assert alice.umask == "0o77"
    bob = user(BOB, gid, *way)
    assert (bob.kind, bob.got) == (alice.kind, False), bob.text
    assert "shared with" in bob.text
    assert Leases(find_lease_directory({}, configured=str(system))).try_take([GPU]) is None
    alice.leave()
    assert user(BOB, gid, *way).got is True


@as_root
@pytest.mark.slow
def test_a_user_outside_the_group_cannot_even_read_and_is_told(
    open_folder: Path, user: Callable[..., User]
) -> None:
    system = open_folder / "system"
    system.mkdir()
    os.chown(system, 0, GROUP)
    system.chmod(0o2775)
    assert user(ALICE, GROUP).got is True
    with pytest.raises(PermissionError):
        _as(EVE, lambda: os.open(system / f"{GPU}.lease", os.O_RDONLY))
    eve = user(EVE, 0, "configured")
    assert (eve.kind, eve.got) == ("refused", "ConfigError")
    assert "cannot be written (permission)" in eve.text
    own = VAR_TMP / f"gpucore-{EVE}"
    shutil.rmtree(own, ignore_errors=True)
    eve = user(EVE, 0)
    assert (eve.kind, eve.got) == ("user", True)
    assert eve.text.endswith(f"this user may not write to {system})")
    shutil.rmtree(own)


@as_root
@pytest.mark.slow
def test_a_file_that_a_member_locked_others_out_of_is_told(
    open_folder: Path, user: Callable[..., User]
) -> None:
    system = open_folder / "system"
    system.mkdir()
    os.chown(system, 0, GROUP)
    system.chmod(0o2770)
    path = system / f"{GPU}.lease"
    path.touch()
    os.chown(path, EVE, GROUP)
    path.chmod(0o600)
    alice = user(ALICE, GROUP)
    assert (alice.kind, alice.got) == ("refused", "DeviceError")
    assert f"{path} cannot be opened (permission)" in alice.text


def _as(uid: int, act: Callable[[], object]) -> None:
    os.seteuid(uid)
    try:
        act()
    finally:
        os.seteuid(0)
