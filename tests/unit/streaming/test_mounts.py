"""A file system that is mounted over a watched folder, and taken away: in a mount namespace."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment

if TYPE_CHECKING:
    from pathlib import Path

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")

SCRIPT = """
import json, subprocess, sys
from pathlib import Path
from gpucore.config.watch import WatchTable
from gpucore.streaming.finder import Finder

root, polled = Path(sys.argv[1]), sys.argv[2] == "polled"
folder, now, notes = root / "in", 0.0, []
watch = WatchTable(dir="in", pattern="*.tif", poll=1.0 if polled else None)
finder = Finder(watch, root, notes.append, clock=lambda: now)

def later(seconds):
    global now
    end, found = now + seconds, [one.path for one in finder.find()]
    while (due := finder.next_look()) <= end:
        now = max(due, now)
        found += [one.path for one in finder.find()]
    now = end
    return sorted(found + [one.path for one in finder.find()])

def mounted():
    subprocess.run(["mount", "-t", "tmpfs", "none", str(folder)], check=True)

(folder / "below.tif").write_text("x")
found = [later(10)]
mounted()
(folder / "a.tif").write_text("x")
found.append(later(10))
(folder / "b.tif").write_text("x")
found.append(later(10))
subprocess.run(["umount", str(folder)], check=True)
found.append(later(10))
(folder / "c.tif").write_text("x")
found.append(later(10))
mounted()
(folder / "a.tif").write_text("x")
(folder / "d.tif").write_text("x")
found.append(later(10))
finder.close()
print(json.dumps([found, notes]))
"""


@pytest.mark.parametrize("how", ["told", "polled"])
def test_what_is_mounted_over_a_folder_and_taken_away_is_watched_and_nothing_found_twice(
    tmp_path: Path, how: str
) -> None:
    allowed = (
        shutil.which("unshare")
        and not subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode
    )
    if not allowed:
        pytest.skip("this user may make no mount namespace")
    (tmp_path / "in").mkdir()
    done = subprocess.run(
        [*NAMESPACE, sys.executable, "-c", SCRIPT, str(tmp_path), how],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found, notes = json.loads(done.stdout)
    assert found == [["below.tif"], ["a.tif"], ["b.tif"], [], ["c.tif"], ["d.tif"]]
    assert not notes
