"""What lies in a place of ours: used, or refused with the reason."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import GpucoreError
from gpucore.system import ownership
from gpucore.system.folders import RunFolder
from gpucore.system.ownership import make_own_folder, planted_fault, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give files away")
STRANGER = 12345


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_what_we_make_is_not_everybodys_to_write_whatever_the_umask(
    tmp_path: Path, no_umask: None
) -> None:
    folder = RunFolder(tmp_path / "out", "run").path
    for one in (folder, folder / "log", folder / "status", folder.parent, folder.parent.parent):
        assert not one.stat().st_mode & 0o002, one


def test_nobody_else_may_enter_a_runs_temporary_folder(
    tmp_path: Path, no_umask: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = RunFolder(None, "run").path
    assert folder.parent.parent == tmp_path
    assert folder.parent.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_there_is_kept(tmp_path: Path) -> None:
    for _ in range(2):
        make_own_folder(tmp_path / "one" / "two")
    assert (tmp_path / "one" / "two").is_dir()


@pytest.mark.parametrize("bits", [0o666, 0o602])
def test_what_everybody_may_write_is_read_but_not_written(tmp_path: Path, bits: int) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(bits)
    refuse(file, own=False)
    with pytest.raises(GpucoreError, match="everybody on this machine may write"):
        refuse(file, own=True)


def test_a_disk_that_keeps_no_modes_is_taken_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setattr(ownership, "keeps_modes", lambda path: False)
    refuse(tmp_path, own=True, directory=True)
    assert planted_fault(tmp_path / "file") == ""


def test_what_has_another_name_is_read_but_not_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "other").hardlink_to(tmp_path / "file")
    refuse(tmp_path / "file", own=False)
    with pytest.raises(GpucoreError, match="hard link"):
        refuse(tmp_path / "file", own=True)


@as_root
def test_a_strangers_link_counts_as_planted_where_everybody_may_write_alone(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("nowhere")
    assert planted_fault(link) == ""
    os.chown(link, STRANGER, STRANGER, follow_symlinks=False)
    assert planted_fault(link) == ""
    tmp_path.chmod(0o1777)
    assert "another user's link" in planted_fault(link)
    os.chown(link, 0, 0, follow_symlinks=False)
    assert planted_fault(link) == ""


@as_root
def test_a_strangers_folder_may_be_written_to_and_a_strangers_file_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    for name in ("folder", "file"):
        os.chown(tmp_path / name, STRANGER, STRANGER)
    assert planted_fault(tmp_path / "folder") == ""
    assert "another user's file" in planted_fault(tmp_path / "file")
