"""Files of a watched folder are found once each, when they are complete: real files, real inotify.

The kernel has told what happened when the call that did it returns; only the clock is ours.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gpucore.config.watch import WatchTable
from gpucore.streaming.finder import Finder
from gpucore.streaming.settling import UNCLOSED
from gpucore.system import filesystems, folder_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self


class Watch:
    """A watched folder, and a clock."""

    def __init__(self, root: Path, **keys: Any) -> None:
        self.folder = root / "in"
        self.folder.mkdir(exist_ok=True)
        self.now = 0.0
        self.notes: list[str] = []
        keys.setdefault("pattern", "*.tif")
        self.finder = Finder(
            WatchTable(dir="in", **keys), root, self.notes.append, clock=lambda: self.now
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.finder.close()

    def write(self, name: str, text: str = "x") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def found(self) -> list[str]:
        """Return what has been found by now."""
        return [one.path for one in self.finder.find()]

    def later(self, seconds: float) -> list[str]:
        """Let time go by, from look to look; return what is found meanwhile."""
        end, found = self.now + seconds, self.found()
        while (due := self.finder.next_look()) <= end:
            self.now = max(due, self.now)
            found += self.found()
        self.now = end
        return found + self.found()


@pytest.fixture(params=["told", "polled"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Watch]:
    """A folder of which the kernel tells, or that is looked at."""
    with Watch(tmp_path, poll=1.0 if request.param == "polled" else None) as watch:
        assert watch.finder.polls == (request.param == "polled")
        yield watch


def test_a_file_that_is_closed_is_found_at_once(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        watch.found()
        watch.write("a.tif")
        assert watch.found() == ["a.tif"]
        assert watch.later(300) == []


def test_a_file_that_is_still_open_is_not_found(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        watch.found()
        with (watch.folder / "a.tif").open("w") as file:
            for _ in range(40):
                file.write("frame")
                file.flush()
                assert watch.later(UNCLOSED - 1) == []
        assert watch.found() == ["a.tif"]


def test_a_file_that_gets_its_name_when_it_is_complete_is_found_at_once(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        watch.found()
        part = watch.write("a.tif.part")
        assert watch.found() == []
        part.rename(watch.folder / "a.tif")
        assert watch.found() == ["a.tif"]


def test_what_was_there_is_found_in_order_of_time_once_it_is_still(either: Watch) -> None:
    for name, changed in (("c.tif", 1), ("a.tif", 3), ("b.tif", 2)):
        os.utime(either.write(name), (changed, changed))
    assert either.found() == []
    assert either.later(10) == ["c.tif", "b.tif", "a.tif"]
    assert either.later(300) == []


def test_what_comes_later_is_found_once(either: Watch) -> None:
    either.later(5)
    either.write("a.tif")
    either.write("b.mrc")
    either.write(".c.tif")
    assert either.later(10) == ["a.tif"]
    assert either.later(300) == []


def test_a_file_that_grows_is_found_when_it_does_not_any_more(tmp_path: Path) -> None:
    with Watch(tmp_path, poll=1.0, settle=3.0) as watch:
        path = watch.write("a.tif")
        for _ in range(10):
            assert watch.later(2) == []
            with path.open("a") as file:
                file.write("frame")
        assert watch.later(8) == ["a.tif"]


def test_an_empty_file_is_found_when_something_is_in_it(either: Watch) -> None:
    either.write("a.tif", "")
    assert either.later(100) == []
    assert either.finder.left() == ["`a.tif`: not taken, empty"]
    either.write("a.tif", "x")
    assert either.later(100) == ["a.tif"]
    assert either.finder.left() == []


@pytest.mark.parametrize("link", ["symlink", "hard link"])
def test_a_link_is_found_though_nobody_closes_it(either: Watch, tmp_path: Path, link: str) -> None:
    either.found()
    (tmp_path / "real").write_text("x")
    if link == "symlink":
        (either.folder / "a.tif").symlink_to(tmp_path / "real")
    else:
        os.link(tmp_path / "real", either.folder / "a.tif")
    assert either.later(10) == ["a.tif"]


def test_a_link_that_leads_nowhere_is_found_when_its_file_comes(
    either: Watch, tmp_path: Path
) -> None:
    (either.folder / "a.tif").symlink_to(tmp_path / "real")
    assert either.later(100) == []
    (tmp_path / "real").write_text("x")
    assert either.later(100) == ["a.tif"]


def test_a_file_that_vanishes_before_it_is_complete_is_not_found(either: Watch) -> None:
    path = either.write("a.tif")
    if either.finder.polls:
        either.found()
    path.unlink()
    assert either.later(100) == []
    assert either.finder.left() == []


def test_a_file_that_is_rewritten_is_told_and_not_found_again(tmp_path: Path) -> None:
    with Watch(tmp_path) as watch:
        watch.found()
        watch.write("a.tif")
        assert watch.found() == ["a.tif"]
        watch.write("a.tif", "longer")
        assert watch.later(300) == []
        assert watch.notes == [
            "`a.tif` was changed after it was taken; it is not run a second time"
        ]


@pytest.mark.parametrize("text", ["", "longer"])
def test_a_file_that_grows_or_shrinks_after_it_was_taken_is_told_and_not_found_again(
    tmp_path: Path, text: str
) -> None:
    with Watch(tmp_path) as watch:
        watch.found()
        watch.write("a.tif")
        assert watch.found() == ["a.tif"]
        watch.write("a.tif", text)
        assert watch.later(300) == []
        assert len(watch.notes) == 1
        assert watch.finder.left() == []


def test_a_file_that_comes_again_after_it_was_taken_is_not_found_again(either: Watch) -> None:
    either.found()
    path = either.write("a.tif")
    assert either.later(10) == ["a.tif"]
    path.unlink()
    either.later(100)
    either.write("a.tif", "another")
    assert either.later(100) == []


def test_a_name_that_is_not_utf_8_is_found(either: Watch) -> None:
    either.found()
    path = os.path.join(os.fsencode(either.folder), b"m\xff.tif")  # noqa: PTH118 - bytes
    with open(path, "w") as file:  # noqa: PTH123 - bytes
        file.write("x")
    assert either.later(10) == ["m\udcff.tif"]


def test_files_in_folders_that_come_later_are_found(tmp_path: Path) -> None:
    with Watch(tmp_path, pattern="**/*.tif") as watch:
        watch.write("old/a.tif")
        assert watch.later(5) == ["old/a.tif"]
        watch.write("new/deep/b.tif")
        assert watch.later(5) == ["new/deep/b.tif"]
        watch.write("new/deep/c.tif")
        assert watch.found() == ["new/deep/c.tif"]


def test_a_folder_that_is_moved_here_is_looked_through(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a.tif").write_text("x")
    with Watch(tmp_path, pattern="*/*.tif") as watch:
        watch.found()
        (tmp_path / "made").rename(watch.folder / "grid")
        assert watch.later(5) == ["grid/a.tif"]


def test_a_file_waits_for_the_file_that_says_it_is_ready(either: Watch) -> None:
    either.finder.close()
    keys: dict[str, Any] = {"ready": "*.xml", "poll": 1.0 if either.finder.polls else None}
    with Watch(either.folder.parent, **keys) as watch:
        watch.found()
        watch.write("a.tif")
        watch.write("b.tif")
        assert watch.later(100) == []
        watch.write("b.xml")
        assert watch.later(100) == ["b.tif"]
        assert watch.finder.left() == ["`a.tif`: not taken, without `*.xml`"]


def test_all_files_wait_for_the_gain_reference_to_be_complete(tmp_path: Path) -> None:
    with Watch(tmp_path, pattern="*", ready="gain.mrc") as watch:
        watch.found()
        watch.write("a.tif")
        assert watch.later(10) == []
        with (watch.folder / "gain.mrc").open("w") as file:
            file.write("x")
            file.flush()
            watch.write("b.tif")
            assert watch.found() == []
        assert watch.found() == ["a.tif", "b.tif"]
        watch.write("c.tif")
        assert watch.found() == ["c.tif"]


def test_a_marker_ends_it_when_all_files_are_taken(either: Watch) -> None:
    either.finder.close()
    keys: dict[str, Any] = {"marker": "STOP", "poll": 1.0 if either.finder.polls else None}
    with Watch(either.folder.parent, **keys) as watch:
        watch.later(3)
        watch.write("a.tif")
        watch.write("STOP", "")
        assert not watch.finder.ended
        assert watch.later(10) == ["a.tif"]
        assert watch.finder.ended


def test_it_ends_after_so_long_without_a_file(tmp_path: Path) -> None:
    with Watch(tmp_path, idle=100.0) as watch:
        watch.later(90)
        watch.write("a.tif")
        assert watch.later(0) == ["a.tif"]
        watch.later(99)
        assert not watch.finder.ended
        watch.later(1)
        watch.later(0)
        assert watch.finder.ended


def test_it_does_not_end_while_a_file_is_waited_for(tmp_path: Path) -> None:
    with Watch(tmp_path, idle=10.0) as watch:
        watch.later(5)
        with (watch.folder / "a.tif").open("w") as file:
            file.write("frame")
            file.flush()
            assert watch.later(30) == []
            assert not watch.finder.ended
        assert watch.later(9) == ["a.tif"]
        assert not watch.finder.ended
        watch.later(2)
        assert watch.finder.ended


def test_a_folder_that_goes_and_comes_back_is_told_and_nothing_is_found_twice(
    either: Watch, tmp_path: Path
) -> None:
    either.write("a.tif")
    assert either.later(10) == ["a.tif"]
    either.folder.rename(tmp_path / "away")
    assert either.later(30) == []
    assert either.notes == ["the folder `in` is gone: waiting until it is back"]
    (tmp_path / "away" / "b.tif").write_text("x")
    (tmp_path / "away").rename(either.folder)
    assert either.later(30) == ["b.tif"]
    assert either.notes[1:] == ["the folder `in` is back"]
    either.write("c.tif")
    assert either.later(10) == ["c.tif"]


def test_another_folder_in_its_place_is_watched(either: Watch) -> None:
    either.later(10)
    shutil.rmtree(either.folder)
    either.folder.mkdir()
    assert either.later(10) == []
    either.write("a.tif")
    assert either.later(10) == ["a.tif"]


def test_where_the_kernel_gives_no_more_watches_the_folder_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Libc:
        """A C library whose kernel has given all watches to others."""

        @staticmethod
        def inotify_init1(_: int) -> int:
            return os.eventfd(0, os.EFD_NONBLOCK)

        @staticmethod
        def inotify_add_watch(*_: object) -> int:
            folder_events.ctypes.set_errno(28)
            return -1

    monkeypatch.setattr(folder_events, "libc", Libc)
    with Watch(tmp_path) as watch:
        watch.found()
        assert watch.finder.polls
        (note,) = watch.notes
        assert "fs.inotify.max_user_watches" in note
        watch.write("a.tif")
        assert watch.later(10) == ["a.tif"]


def test_what_the_kernel_lost_is_found_all_the_same(tmp_path: Path) -> None:
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with Watch(tmp_path) as watch:
        watch.found()
        for number in range(most // 2 + 10):
            watch.write(f"{number}.tif")
        found = watch.later(10)
        assert sorted(found) == sorted(f"{number}.tif" for number in range(most // 2 + 10))
        assert len(set(found)) == len(found)


@pytest.mark.parametrize("kind", ["nfs4", "lustre", "fuse.sshfs", "cifs"])
def test_a_folder_that_other_machines_write_to_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(filesystems, "file_system_of", lambda _: kind)
    with Watch(tmp_path) as watch:
        assert watch.finder.polls
        watch.found()
        watch.write("a.tif")
        assert watch.later(10) == ["a.tif"]
        assert watch.notes == []
