"""Leases between objects and threads of one process, and what waiting does."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import ConfigError, NeedError
from gpucore.system import inotify, leases
from gpucore.system.inotify import CloseWatch, Wakeup
from gpucore.system.lease_directory import LeaseDirectory, find_lease_directory
from gpucore.system.leases import Leases, LeaseStopped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ONE, TWO, THREE = "GPU-1", "GPU-2", "GPU-3"


@pytest.fixture
def directory(tmp_path: Path) -> LeaseDirectory:
    return find_lease_directory({}, configured=str(tmp_path / "leases"))


@pytest.fixture
def mine(directory: LeaseDirectory) -> Iterator[Leases]:
    made = Leases(directory)
    yield made
    made.close()


def test_a_device_that_is_held_is_not_given_again(mine: Leases, directory: LeaseDirectory) -> None:
    other = Leases(directory)
    with mine.try_take([ONE]) or pytest.fail("it was free"):
        assert mine.try_take([ONE]) is None
        assert other.try_take([ONE]) is None
    with other.try_take([ONE]) or pytest.fail("it was given back") as held:
        assert mine.try_take([ONE]) is None
    held.release()
    assert held.fds == ()
    assert not held.wanted()
    other.close()


def test_threads_of_one_process_exclude_each_other(mine: Leases) -> None:
    inside = threading.Lock()
    overlaps = []

    def work() -> None:
        for _ in range(25):
            with mine.take([ONE]):
                overlaps.append(not inside.acquire(blocking=False))
                inside.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(overlaps) == 100
    assert not any(overlaps)


def test_several_devices_are_taken_all_or_none(mine: Leases) -> None:
    with mine.take([TWO]):
        assert mine.try_take([ONE, TWO, THREE]) is None
        with mine.take([THREE, ONE, THREE], timeout=0) as held:
            assert held.uuids == (THREE, ONE)
            assert len(held.fds) == 2


def test_any_devices_are_those_that_are_free(mine: Leases) -> None:
    with mine.take([ONE]), mine.take_any([ONE, THREE, TWO], 2) as held:
        assert held.uuids == (THREE, TWO)
        with pytest.raises(TimeoutError, match="GPU-1"):
            mine.take_any([ONE, TWO], 1, timeout=0)
    with pytest.raises(NeedError, match="3 of 2 devices"):
        mine.take_any([ONE, TWO, ONE], 3)


def test_no_devices_are_always_to_be_had(mine: Leases) -> None:
    with mine.take([], timeout=0) as held:
        assert held.fds == ()


def test_a_lease_lasts_until_its_last_duplicate_is_closed(mine: Leases) -> None:
    held = mine.take([ONE])
    again = os.dup(held.fds[0])
    held.release()
    assert mine.try_take([ONE]) is None
    os.close(again)
    mine.take([ONE], timeout=0).release()


def test_hosts_that_see_shares_differently_never_give_more_than_the_whole(
    directory: LeaseDirectory,
) -> None:
    whole, halves, thirds = (Leases(directory, shares={ONE: number}) for number in (1, 2, 3))
    with halves.take([ONE], timeout=0):
        assert whole.try_take([ONE]) is None
        with thirds.take([ONE], timeout=0):
            assert halves.try_take([ONE]) is None
            assert thirds.try_take([ONE]) is None
            assert [(held.share, held.shares) for held in whole.holders()] == [(0, 2), (2, 3)]
    with whole.take([ONE], timeout=0):
        assert halves.try_take([ONE]) is None


@pytest.mark.parametrize("number", [0, -1, 65])
def test_a_number_of_shares_that_cannot_be_is_refused(
    directory: LeaseDirectory, number: int
) -> None:
    with pytest.raises(ConfigError, match=f"cannot have {number} shares"):
        Leases(directory, shares={ONE: number})


def test_waiting_ends_when_it_is_stopped(mine: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Wakeup()
    asleep = CloseWatch.wait

    def stopped(self: CloseWatch, flag: Wakeup | None, seconds: float) -> bool:
        threading.Thread(target=stop.set).start()
        return asleep(self, flag, 200)

    monkeypatch.setattr(CloseWatch, "wait", stopped)
    with mine.take([ONE]) as held:
        with pytest.raises(LeaseStopped, match="GPU-1"):
            mine.take([ONE], stop=stop)
        assert not held.wanted(), "its ticket went with it"
    with pytest.raises(LeaseStopped):
        mine.take([ONE], stop=stop)
    stop.close()
    stop.set()


@pytest.mark.parametrize("timeout", [0, 0.02])
def test_waiting_ends_when_its_time_is_over(mine: Leases, timeout: float) -> None:
    with mine.take([ONE]) as held:
        with pytest.raises(TimeoutError, match=f"GPU-1, GPU-2 within {timeout:g} s"):
            mine.take([ONE, TWO], timeout=timeout)
        assert not held.wanted()
    mine.take([ONE, TWO], timeout=0).release()


def test_waiting_works_where_the_kernel_gives_no_inotify(
    mine: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poor:
        def inotify_init1(self, flags: int) -> int:
            return -1

    monkeypatch.setattr(inotify, "libc", Poor)
    held = mine.take([ONE])
    asleep = CloseWatch.wait

    def released(self: CloseWatch, flag: Wakeup | None, seconds: float) -> bool:
        held.release()
        assert not self.works
        return asleep(self, flag, seconds)

    monkeypatch.setattr(CloseWatch, "wait", released)
    mine.take([ONE]).release()


def test_a_lease_that_is_freed_between_word_and_look_is_found(
    mine: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = mine.take([ONE])
    pauses = []

    def nothing_felt(self: CloseWatch, flag: Wakeup | None, seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 9:
            held.release()
        return False

    monkeypatch.setattr(CloseWatch, "wait", nothing_felt)
    mine.take([ONE]).release()
    assert pauses == pytest.approx([0.001 * 4**n for n in range(8)] + [leases._LONGEST_PAUSE])


def test_the_record_says_who_holds_what_and_why(mine: Leases) -> None:
    with mine.take([TWO, ONE], step="align m1") as held:
        held.note("ctf m1 “é”\n\x1b]0;")
        one, two = mine.holders()
        assert (one.uuid, two.uuid) == (ONE, TWO)
        assert one.step == "ctf m1 “é”\n\x1b]0;"
        assert (one.pid, one.alive, one.share, one.shares) == (os.getpid(), True, 0, 1)
        assert one.user
        assert one.since > 0
        held.note("ø" * 5000)
        assert mine.holders()[0].step == "ø" * 20 + "…"
    held.note("too late")
    assert mine.holders() == []


@pytest.mark.parametrize(
    "record", [b"", b"\xff" * 512, b"[]", b"{}", b'{"share": 0, "shares": 1, "pid": "x"}', b"[" * 9]
)
def test_a_record_that_is_garbage_counts_as_none(
    mine: Leases, directory: LeaseDirectory, record: bytes
) -> None:
    with mine.take([ONE], step="a") as held:
        os.ftruncate(held.fds[0], 0)
        os.pwrite(held.fds[0], record, 0)
        assert mine.try_take([ONE]) is None
        assert [(h.share, h.shares, h.pid, h.step, h.alive) for h in mine.holders()] == [
            (0, 1, 0, "", False)
        ]


def test_a_file_that_was_removed_is_made_anew(mine: Leases, directory: LeaseDirectory) -> None:
    with mine.take([ONE]):
        (directory.path / f"{ONE}.lease").unlink()
        with mine.take([ONE], timeout=0):
            assert mine.try_take([ONE]) is None


def test_no_descriptor_is_left_behind(mine: Leases) -> None:
    mine.take([ONE, TWO]).release()
    with mine.take([ONE]), pytest.raises(TimeoutError):
        mine.take([ONE], timeout=0.01)
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - numbers
    with mine.take([ONE]):
        assert mine.try_take([ONE, TWO]) is None
        with pytest.raises(TimeoutError):
            mine.take_any([ONE, TWO], 2, timeout=0.01)
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208 - numbers


def test_a_forked_process_does_not_share_its_parents_watch(mine: Leases) -> None:
    with mine.take([ONE]):
        for _ in range(2):
            with pytest.raises(TimeoutError):
                mine.take([ONE], timeout=0.01)
        (parents,) = mine._watches
        parents.pid = 0
        with pytest.raises(TimeoutError):
            mine.take([ONE], timeout=0.01)
        assert mine._watches
        assert parents not in mine._watches


def test_who_is_refused_wakes_nobody(mine: Leases, directory: LeaseDirectory) -> None:
    mine.take([TWO]).release()
    with mine.take([ONE]):
        watch = CloseWatch()
        files = [os.open(directory.path / f"{uuid}.lease", os.O_RDONLY) for uuid in (ONE, TWO)]
        watch.start(files)
        assert mine.try_take([ONE, TWO]) is None
        with pytest.raises(TimeoutError):
            mine.take_any([ONE, TWO], 2, timeout=0)
        assert not watch.wait(None, 0)
    assert watch.wait(None, 0)
    for fd in files:
        os.close(fd)
    watch.close()


def test_who_is_overtaken_between_looking_and_locking_keeps_nothing(
    mine: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Leases, "_may_take", lambda self, name, ticket: True)
    with mine.take([TWO]):
        before = os.listdir("/proc/self/fd")  # noqa: PTH208 - numbers
        assert mine.try_take([ONE, TWO, THREE]) is None
        with pytest.raises(TimeoutError):
            mine.take_any([ONE, TWO], 2, timeout=0)
        with mine.take_any([TWO, THREE], 1, timeout=0) as held:
            assert held.uuids == (THREE,)
        assert os.listdir("/proc/self/fd") == before  # noqa: PTH208 - numbers
