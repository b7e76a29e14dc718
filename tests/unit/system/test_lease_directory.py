"""Where leases lie, and what is refused: with files and users that are really there."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import ConfigError, DeviceError
from gpucore.system import lease_directory, lease_files
from gpucore.system.lease_directory import LeaseDirectory, find_lease_directory
from gpucore.system.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="needs root, to be several users")
EVE = 12347
GPU = "GPU-1"


@pytest.fixture(autouse=True)
def _no_real_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_directory, "SYSTEM", tmp_path / "system")
    monkeypatch.setattr(lease_directory, "RUNTIME_BASE", tmp_path / "run")
    monkeypatch.setattr(lease_directory, "USER_BASE", tmp_path)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@as_root
def test_the_administrators_directory_goes_first(tmp_path: Path) -> None:
    system = tmp_path / "system"
    system.mkdir()
    system.chmod(0o2770)
    found = find_lease_directory({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert (found.kind, found.path, found.shared_by) == (
        "system", system, "the members of group root"
    )  # fmt: skip
    assert found.text() == f"leases are shared with the members of group root ({system})"
    system.chmod(0o1777)
    assert find_lease_directory({}).shared_by == "all users of this machine"


@as_root
def test_an_administrators_directory_where_all_may_remove_leases_is_refused(tmp_path: Path) -> None:
    system = tmp_path / "system"
    system.mkdir()
    system.chmod(0o777)
    with pytest.raises(ConfigError, match=r"remove leases \(mode 0777\)\n.*chmod 1777"):
        find_lease_directory({})


@as_root
@pytest.mark.parametrize("planted", ["file", "link", "folder"])
def test_what_another_put_in_the_systems_place_does_not_count(tmp_path: Path, planted: str) -> None:
    system = tmp_path / "system"
    if planted == "file":
        system.touch()
    elif planted == "link":
        system.symlink_to(tmp_path)
    else:
        system.mkdir()
        os.chown(system, EVE, EVE)
    found = find_lease_directory({})
    assert found.kind == "user"
    assert found.text().endswith(f"{system} is no directory of root's)")


def test_the_login_sessions_directory_goes_second(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    found = find_lease_directory({"XDG_RUNTIME_DIR": str(tmp_path)})
    assert (found.kind, found.path) == ("runtime", tmp_path / "gpucore")
    assert mode(found.path) == 0o700
    assert found.text() == (
        f"leases are this user's own: other users' gpucore is not seen ({found.path})"
    )


def test_the_login_sessions_directory_is_found_without_the_variable(tmp_path: Path) -> None:
    own = tmp_path / "run" / str(os.geteuid())
    own.mkdir(mode=0o700, parents=True)
    for environ in ({}, {"XDG_RUNTIME_DIR": ""}, {"XDG_RUNTIME_DIR": str(tmp_path / "none")}):
        assert find_lease_directory(environ).path == own / "gpucore"


@as_root
def test_another_users_session_is_not_used(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    os.chown(other, EVE, EVE)
    assert find_lease_directory({"XDG_RUNTIME_DIR": str(other)}).kind == "user"


def test_the_users_own_directory_goes_last(tmp_path: Path) -> None:
    found = find_lease_directory({})
    assert (found.kind, found.path) == ("user", tmp_path / f"gpucore-{os.geteuid()}")
    assert mode(found.path) == 0o700
    assert find_lease_directory({}) == found


def test_a_configured_directory_goes_before_all(tmp_path: Path) -> None:
    found = find_lease_directory(
        {"XDG_RUNTIME_DIR": str(tmp_path)}, configured=str(tmp_path / "mine")
    )
    assert (found.kind, found.path) == ("configured", tmp_path / "mine")
    with pytest.raises(ConfigError, match="is no absolute path"):
        find_lease_directory({}, configured="mine")
    with pytest.raises(ConfigError, match="cannot be made"):
        find_lease_directory({}, configured=str(tmp_path / "no" / "mine"))


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_directory, "wal_works", lambda path: False)
    monkeypatch.setattr(lease_directory, "file_system_of", lambda path: "nfs4")
    with pytest.raises(ConfigError, match=r"lies on a network file system \(nfs4\)"):
        find_lease_directory({}, configured=str(tmp_path / "mine"))


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def give_away(path: Path) -> None:
    os.chown(path, EVE, EVE)
    path.chmod(0o700)


PLANTED: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda path, victim: path.symlink_to(victim),
    "link to nothing": lambda path, victim: path.symlink_to(victim.with_name("nothing")),
    "link to a folder": lambda path, victim: path.symlink_to(victim.parent),
    "pipe": lambda path, victim: os.mkfifo(path),
    "folder": lambda path, victim: path.mkdir(),
    "hard link": lambda path, victim: path.hardlink_to(victim),
    "socket": lambda path, victim: bind(path),
    "file": lambda path, victim: path.touch(),
    "big file": lambda path, victim: path.write_bytes(b"x" * (lease_files.MOST_BYTES + 1)),
    "foreign": lambda path, victim: (path.touch(), give_away(path)),
    "a stranger's folder": lambda path, victim: (path.mkdir(), give_away(path)),
}


def plant(kind: str, path: Path, victim: Path) -> None:
    """Put something else where a file or a directory of ours is to be."""
    victim.write_text("precious")
    PLANTED[kind](path, victim)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("link", "is a symbolic link"),
        ("link to nothing", "is a symbolic link"),
        ("link to a folder", "is a symbolic link"),
        ("pipe", "is no plain file"),
        ("socket", "is no plain file"),
        ("folder", "is no plain file|is a folder"),
        ("hard link", "has another name elsewhere"),
        ("big file", "holds something else"),
        pytest.param("foreign", "belongs to another user", marks=as_root),
    ],
)
@pytest.mark.parametrize("shared", [False, True])
def test_what_was_put_in_the_place_of_a_lease_is_refused(
    tmp_path: Path, kind: str, fault: str, *, shared: bool
) -> None:
    if shared and (not ROOT or kind == "foreign"):
        pytest.skip("in a directory for several users files are theirs")
    folder = tmp_path / "mine"
    folder.mkdir()
    folder.chmod(0o2770 if shared else 0o700)
    victim = tmp_path / "victim"
    path = folder / f"{GPU}.lease"
    plant(kind, path, victim)
    before = path.lstat()
    leases = Leases(find_lease_directory({}, configured=str(folder)))
    for ask in (
        lambda: leases.try_take([GPU]),
        lambda: leases.take([GPU]),
        lambda: leases._files.open(GPU),  # put there between looking and locking
    ):
        with pytest.raises(DeviceError, match=fault) as raised:
            ask()
        assert str(path) in raised.value.what
        assert raised.value.hint
    assert victim.read_text() == "precious"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["mine", "victim"]
    assert (path.lstat().st_mtime_ns, path.lstat().st_mode) == (before.st_mtime_ns, before.st_mode)
    leases.close()


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("link to a folder", "is no directory, or a link to one"),
        ("link to nothing", "is no directory, or a link to one"),
        ("pipe", "is no directory, or a link to one"),
        ("file", "is no directory, or a link to one"),
        pytest.param("a stranger's folder", "belongs to another user", marks=as_root),
    ],
)
@pytest.mark.parametrize("place", ["configured", "runtime", "user"])
def test_what_was_put_in_the_place_of_the_directory_is_refused(
    tmp_path: Path, kind: str, fault: str, place: str
) -> None:
    tmp_path.chmod(0o700)
    name = f"gpucore-{os.geteuid()}" if place == "user" else "gpucore"
    path = tmp_path / name
    plant(kind, path, tmp_path / "victim")
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)} if place == "runtime" else {}
    with pytest.raises(ConfigError, match=fault) as raised:
        find_lease_directory(environ, configured=str(path) if place == "configured" else "")
    assert str(path) in raised.value.what
    assert raised.value.hint
    assert (tmp_path / "victim").read_text() == "precious"


@pytest.mark.parametrize("bits", [0o770, 0o702, 0o1777, 0o777])
@pytest.mark.parametrize("place", ["runtime", "user"])
def test_a_directory_of_the_user_where_others_may_write_is_refused(
    tmp_path: Path, bits: int, place: str
) -> None:
    tmp_path.chmod(0o700)
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)} if place == "runtime" else {}
    path = find_lease_directory(environ).path
    path.chmod(bits)
    with pytest.raises(ConfigError, match=f"may be written by others .mode {bits:04o}"):
        find_lease_directory(environ)


def test_a_directory_that_others_can_replace_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigError, match="another in its place"):
        find_lease_directory({}, configured=str(tmp_path / "mine"))


def test_a_directory_that_became_unfit_is_not_opened(tmp_path: Path) -> None:
    found = find_lease_directory({}, configured=str(tmp_path / "mine"))
    found.path.rmdir()
    found.path.symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="is no directory, or a link"):
        Leases(found)


def test_a_directory_that_was_removed_is_told_with_a_remedy(tmp_path: Path) -> None:
    found = find_lease_directory({}, configured=str(tmp_path / "mine"))
    leases = Leases(found)
    held = leases.take([GPU])
    shutil.rmtree(found.path)
    with pytest.raises(DeviceError, match=r"directory was removed\n.*enable-linger"):
        leases.take(["GPU-2"])
    held.note("still holds")
    held.release()


@pytest.mark.parametrize("nameless", [True, False])
def test_files_are_for_whom_the_directory_is_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, nameless: bool
) -> None:
    if not nameless:  # as on a file system without
        monkeypatch.setattr(lease_files, "_NAMELESS", os.O_RDWR | os.O_DIRECTORY)
    found = find_lease_directory({}, configured=str(tmp_path / "mine"))
    modes = {0o700: 0o600, 0o2770: 0o660, 0o1777: 0o666} if ROOT else {0o700: 0o600}
    umask = os.umask(0o077)
    try:
        for bits, expected in modes.items():
            found.path.chmod(bits)
            leases = Leases(found)
            leases.take([f"GPU-{bits}"]).release()
            leases.close()
            assert mode(found.path / f"GPU-{bits}.lease") == expected
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(umask)


def test_the_name_of_a_device_leads_nowhere_else(tmp_path: Path) -> None:
    found = find_lease_directory({}, configured=str(tmp_path / "mine"))
    Leases(found).take(["../../etc/GPU\n"]).release()
    assert [path.parent for path in tmp_path.rglob("*.lease")] == [found.path]


def test_a_directory_is_told_in_one_line() -> None:
    found = LeaseDirectory(
        path=Path("/x"), kind="user", shared_by="user a alone", shared=False, note="no other"
    )
    assert found.text() == (
        "leases are this user's own: other users' gpucore is not seen (/x; no other)"
    )
