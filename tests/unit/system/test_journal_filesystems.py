"""Which file systems a journal can be kept on, as the kernel's table of mounts tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gpucore.system import filesystems
from gpucore.system.filesystems import file_system_of, wal_works

if TYPE_CHECKING:
    from pathlib import Path

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / {base} rw - xfs /dev/sdb rw
31 30 0:41 / {base}/my\\040data rw master:2 - nfs4 server:/data rw
32 30 0:42 / {base}/twice rw - ext4 /dev/sdc rw
33 30 0:43 / {base}/twice rw - lustre mgs@tcp:/scratch rw
34 30 0:44 / {base}/fuse rw - fuse.sshfs host: rw
35 30 0:45 / {base}/container rw - fuse.fuse-overlayfs fuse-overlayfs rw
36 30 0:46 / {base}/tw rw - tmpfs tmpfs rw
broken line
"""


@pytest.fixture(autouse=True)
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.format(base=tmp_path))
    monkeypatch.setattr(filesystems, "_MOUNTS", table)


@pytest.mark.parametrize(
    ("path", "kind", "works"),
    [
        (".", "xfs", True),
        ("not/there/yet", "xfs", True),
        ("my data", "nfs4", False),
        ("my data/deep/down", "nfs4", False),
        ("my datax", "xfs", True),
        ("twice/a", "lustre", False),
        ("fuse/a", "fuse.sshfs", False),
        ("container/a", "fuse.fuse-overlayfs", True),
        ("tw/a", "tmpfs", True),
        ("two", "xfs", True),
    ],
)
def test_the_mount_nearest_to_a_path_says_its_kind(
    tmp_path: Path, path: str, kind: str, works: bool
) -> None:
    assert file_system_of(tmp_path / path) == kind
    assert wal_works(tmp_path / path) is works


def test_a_link_counts_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "my data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "my data")
    assert file_system_of(tmp_path / "link" / "a") == "nfs4"


def test_a_kernel_that_says_nothing_leaves_it_to_the_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystems, "_MOUNTS", tmp_path / "none")
    assert file_system_of(tmp_path) == ""
    assert wal_works(tmp_path)
