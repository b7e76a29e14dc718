"""Which of some paths lies on a full disk."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from gpucore.system.filesystems import full_place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def facts(free: int, *, blocks: int = 10**6, files: int = 10**6, spare: int = 10**5) -> object:
    return SimpleNamespace(
        f_frsize=4096, f_blocks=blocks, f_bavail=free // 4096, f_files=files, f_favail=spare
    )


@pytest.fixture
def disks(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return what each folder's disk says, by folder; filled by the test."""
    told: dict[str, object] = {}
    asked: Callable[[str], object] = told.__getitem__
    monkeypatch.setattr(os, "statvfs", asked)
    return told


@pytest.mark.parametrize(
    ("disk", "is_full"),
    [
        (facts(0), True),
        (facts(60_000), True),
        (facts(70_000), False),
        (facts(10**9, spare=0), True),
        (facts(10**9, files=0, spare=0), False),
        (facts(0, blocks=0, files=0, spare=0), False),
    ],
)
def test_full_is_where_neither_bytes_nor_files_are_left(
    tmp_path: Path, disks: dict[str, object], disk: object, *, is_full: bool
) -> None:
    disks[str(tmp_path)] = disk
    paths = [str(tmp_path / "not" / "there.mrc"), str(tmp_path)]
    assert full_place(paths) == (str(tmp_path) if is_full else "")


def test_each_folder_is_asked_once_and_the_first_that_is_full_is_told(
    tmp_path: Path, disks: dict[str, object]
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    disks[str(tmp_path / "a")] = facts(10**9)
    disks[str(tmp_path / "b")] = facts(0)
    paths = [str(tmp_path / one) for one in ("a/x", "a/y", "b/x", "b")]
    assert full_place(paths) == str(tmp_path / "b")
    assert full_place([]) == ""


def test_a_disk_that_cannot_be_asked_is_not_said_to_be_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(path: str) -> object:
        raise OSError(116, "Stale file handle", path)

    monkeypatch.setattr(os, "statvfs", hang)
    assert full_place([str(tmp_path)]) == ""


def test_this_disk_has_room(tmp_path: Path) -> None:
    assert full_place([str(tmp_path / "x"), "relative.mrc"]) == ""
