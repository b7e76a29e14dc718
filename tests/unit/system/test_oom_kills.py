"""How many processes the kernel ended for want of memory: counted by itself, in three places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gpucore.system.oom_kills import oom_kills

if TYPE_CHECKING:
    from pathlib import Path

VMSTAT = "nr_free_pages 1\noom_kill 7\nnuma_hit 2\n"
EVENTS = "low 0\noom 5\noom_kill 3\noom_group_kill 1\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"
V1 = "9:name=systemd:/\n4:cpu,memory:/a/b\n"
V2 = "0::/c/d\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("proc/self", "sys/fs/cgroup/c/d", "sys/fs/cgroup/memory/a/b"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_the_machine_counts_before_the_group(root: Path) -> None:
    assert oom_kills(root) is None
    (root / "proc/self/cgroup").write_text(V1 + V2)
    assert oom_kills(root) is None
    (root / "sys/fs/cgroup/memory/a/b/memory.oom_control").write_text(CONTROL)
    assert oom_kills(root) == 2
    (root / "proc/self/cgroup").write_text(V2)
    (root / "sys/fs/cgroup/c/d/memory.events").write_text(EVENTS)
    assert oom_kills(root) == 3
    (root / "proc/vmstat").write_text(VMSTAT)
    assert oom_kills(root) == 7


@pytest.mark.parametrize("text", ["", "oom_kill\n", "oom_kill x\n", "some oom_kill 3\n"])
def test_what_makes_no_sense_counts_as_not_told(root: Path, text: str) -> None:
    (root / "proc/vmstat").write_text(text)
    assert oom_kills(root) is None


def test_this_kernel_counts() -> None:
    count = oom_kills()
    assert count is None or count >= 0
