"""A run's journal followed: what comes is taken in, and what was read is not read again."""

from __future__ import annotations

import math
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from past_runs import ZERO, PastRun, night, uuid

from gpucore.cli.top import following
from gpucore.cli.top.following import Follower
from gpucore.system.journal_records import Sampled
from gpucore.system.orphans import boot_id, process_start
from gpucore.system.present_runs import PresentRun

if TYPE_CHECKING:
    from gpucore.cli.top.picture import RunNow


class Followed:
    """A run that this process writes, and its follower."""

    def __init__(self, folder: Path, *, pid_start: str = "") -> None:
        self.past = PastRun(folder)
        self.past.begin(pid=os.getpid(), pid_start=process_start(os.getpid()))
        self.present = PresentRun(
            run="first",
            folder=str(folder),
            pid=os.getpid(),
            pid_start=pid_start or process_start(os.getpid()),
            boot=boot_id(),
            space="",
            host="here",
            began=ZERO,
        )
        self.follower = Follower(self.present, "ada", folder.parent / "state")

    def look(self, at: float = 100.0) -> RunNow:
        if self.past._journal is not None:
            # What was queued before it is on disk then.
            self.past._journal.commit(Sampled(time=0.0, devices={}))
        return self.follower.look(ZERO + at)


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path / "out")


def test_counts_running_and_failed_steps_follow_the_journal(followed: Followed) -> None:
    past = followed.past
    past.plan("s/1", "s/2", "s/3")
    now = followed.look()
    assert (now.state, dict(now.counts)) == ("waits", {"waiting": 3})
    assert (now.user, now.own, now.pid, now.key) == ("ada", True, os.getpid(), "first")
    past.began("s/1", 10.0, 0)
    past.began("s/2", 11.0, 1)
    now = followed.look()
    assert (now.state, dict(now.counts)) == ("runs", {"waiting": 1, "running": 2})
    assert [(one.step, one.since, one.gpus) for one in now.running] == [
        ("s/1", ZERO + 10.0, (uuid(0),)),
        ("s/2", ZERO + 11.0, (uuid(1),)),
    ]
    assert now.running[0].log == str(past.log("s/1"))
    assert now.running[0].mark == "first"
    past.ended("s/1", 20.0)
    past.failed("s/2", 21.0, "exit code 3")
    now = followed.look()
    assert dict(now.counts) == {"waiting": 1, "done": 1, "failed": 1}
    assert now.running == ()
    (step,) = now.failed
    assert (step.step, step.reason, step.gpus, step.since) == (
        "s/2", "exit code 3", (uuid(1),), ZERO + 21.0,
    )  # fmt: skip
    past.began("s/2", 30.0, 0, attempt=2)
    now = followed.look()
    assert (now.failed, [one.attempt for one in now.running]) == ((), [2])


def test_a_step_that_began_and_ended_between_two_looks_is_in_the_counts(followed: Followed) -> None:
    followed.look()
    followed.past.plan("s/1", "s/2")
    followed.past.ran("s/1", 1.0, 2.0, 0)
    followed.past.began("s/2", 1.0, 0)
    followed.past.failed("s/2", 2.0, "r")
    now = followed.look()
    assert dict(now.counts) == {"done": 1, "failed": 1}
    assert now.running == ()
    assert [one.gpus for one in now.failed] == [(uuid(0),)]


def test_who_comes_later_sees_the_same(followed: Followed, tmp_path: Path) -> None:
    past = followed.past
    followed.look()
    past.plan("s/1", "s/2", "s/3", "s/4")
    past.ran("s/1", 1.0, 5.0, 0)
    past.began("s/2", 6.0, 1)
    past.began("s/3", 6.0, 0)
    past.failed("s/3", 7.0, "r")
    past.regard(1, 8.0, "quarantined", "Xid 79", "restart")
    early = followed.look()
    late = Follower(followed.present, "ada", tmp_path / "state").look(ZERO + 100.0)
    assert early == late
    assert late.regards == {uuid(1): ("quarantined", "Xid 79", "restart")}
    past.regard(1, 9.0, "good")
    assert followed.look().regards == {}


def test_what_did_not_change_is_not_read_again(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed.past.plan("s/1")
    first = followed.look()

    def refuse(*_: object) -> None:
        raise AssertionError("it was read again")

    with monkeypatch.context() as patch:
        patch.setattr(following, "rows_after", refuse)
        patch.setattr(following, "read_place", refuse)
        for at in (103.0, 1000.0):
            assert followed.follower.look(ZERO + at) == first
    followed.past.began("s/1", 1.0, 0)
    with monkeypatch.context() as patch:
        patch.setattr(following, "read_place", refuse)
        assert dict(followed.look(1001.0).counts) == {"running": 1}


def test_the_rate_is_that_of_the_latest_ends_of_this_run(followed: Followed) -> None:
    past = followed.past
    assert followed.look().rate is None
    past.plan(*(f"s/{number}" for number in range(200)))
    for number in range(100):
        past.ran(f"s/{number}", float(number), number + 0.5, 0)
    now = followed.look(100.0)
    assert now.rate == pytest.approx(64 / (100 - 35.5))
    assert now.left == pytest.approx(100 / now.rate)
    late = Follower(followed.present, "ada", past.folder.parent / "state").look(ZERO + 100.0)
    assert late.rate == now.rate
    # While nothing ends it goes down.
    slower = followed.look(1000.0).rate
    assert slower is not None
    assert slower < now.rate / 10


def test_what_earlier_runs_of_the_folder_did_is_no_part_of_the_rate(tmp_path: Path) -> None:
    past = PastRun(tmp_path / "out")
    past.begin(name="before")
    past.plan("s/1")
    past.ran("s/1", 1.0, 2.0, 0)
    past.end(3.0)
    followed = Followed(tmp_path / "out")
    assert dict(followed.look().counts) == {"done": 1}
    assert followed.look().rate is None


def test_a_run_that_ended_says_so(followed: Followed) -> None:
    followed.past.plan("s/1")
    followed.look()
    followed.past.end(50.0, "it was stopped")
    now = followed.look()
    assert (now.state, now.reason, now.rate, now.left) == ("ended", "it was stopped", None, None)
    assert now.over


def test_of_a_run_that_died_its_steps_were_cut_off(tmp_path: Path) -> None:
    followed = Followed(tmp_path / "out", pid_start="1")
    followed.past.plan("s/1")
    followed.past.began("s/1", 1.0, 0)
    now = followed.look()
    assert (now.state, now.reason) == ("died", "its process died")
    assert [(one.step, one.state, one.gpus) for one in now.running] == [("s/1", "cut off", ())]
    assert now.over


def test_a_folder_that_another_run_has_taken_over_is_no_longer_this_runs(tmp_path: Path) -> None:
    followed = Followed(tmp_path / "out")
    followed.look()
    followed.past.end(1.0)
    followed.past.begin(2.0, name="second")
    assert followed.look().state == "ended"


def test_a_journal_that_cannot_be_read_is_told_and_no_fault(followed: Followed) -> None:
    followed.look()
    followed.past.end(1.0)
    journal = followed.past.folder / ".gpucore" / "journal.sqlite"
    whole = journal.read_bytes()
    journal.unlink()
    now = followed.look()
    assert (now.state, now.counts) == ("unread", {})
    assert now.reason == "its journal cannot be read (No such file or directory)"
    journal.write_bytes(b"no database" * 500)
    assert followed.look(200.0).state == "unread"
    journal.write_bytes(whole)
    assert followed.look(300.0).state == "ended"
    # All of it is read at most every ten seconds.
    journal.write_bytes(b"no database" * 500)
    for at in (400.0, 401.0):
        assert followed.look(at).state == "unread"
    journal.write_bytes(whole)
    assert followed.look(410.0).state == "unread"
    assert followed.look(412.0).state == "ended"


def test_damage_to_what_comes_is_met_by_reading_all_that_is_whole(followed: Followed) -> None:
    followed.past.plan("s/1")
    followed.look()
    followed.past.plan("s/2")
    followed.past.end(1.0)
    path = followed.past.folder / ".gpucore" / "journal.sqlite"
    with sqlite3.connect(path) as damaged:
        damaged.execute("UPDATE event SET body = x'00' WHERE n = 4")
    damaged.close()
    assert followed.look(100.0).state == "unread"
    now = followed.look(111.0)
    assert (now.state, dict(now.counts)) == ("waits", {"waiting": 1})
    assert "the journal is damaged" in now.reason


def test_another_journal_in_the_same_file_is_read_anew(followed: Followed, tmp_path: Path) -> None:
    followed.past.plan("s/1", "s/2", "s/3")
    assert dict(followed.look(100.0).counts) == {"waiting": 3}
    followed.past.end(1.0)
    other = PastRun(tmp_path / "other")
    other.begin()
    other.plan("s/1")
    other.end(1.0)
    place = Path(".gpucore") / "journal.sqlite"
    (followed.past.folder / place).write_bytes((other.folder / place).read_bytes())
    assert followed.look(101.0).state == "unread"
    assert dict(followed.look(112.0).counts) == {"waiting": 1}


def test_what_an_earlier_run_thought_of_gpus_is_known_no_longer(tmp_path: Path) -> None:
    past = PastRun(tmp_path / "out")
    past.begin(name="before")
    past.regard(0, 1.0, "held", "process 7 of bob", "it goes on")
    past.regard(1, 1.0, "busy", "20 GiB are in use", "wait")
    past.end(3.0)
    followed = Followed(tmp_path / "out")
    assert followed.look().regards == {}
    followed.past.regard(1, 4.0, "busy", "20 GiB are in use", "wait")
    assert set(followed.look().regards) == {uuid(1)}
    followed.past.end(5.0)
    followed.past.begin(6.0, name="second")
    assert followed.look().regards == {}


@pytest.mark.parametrize("at", [math.nan, math.inf, -1e12, 1e30])
def test_a_time_that_cannot_be_is_a_fault_of_the_journal(followed: Followed, at: float) -> None:
    followed.past.plan("s/1")
    followed.look(100.0)
    followed.past.began("s/1", at, 0)
    for moment in (101.0, 115.0):  # as news, and when all is read
        now = followed.look(moment)
        assert (now.state, now.running) == ("unread", ())
        assert "a time that cannot be" in now.reason


def test_a_link_in_the_journals_place_is_not_followed(followed: Followed) -> None:
    followed.past.end(1.0)
    folder = followed.past.folder / ".gpucore"
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))
    assert "is a link" in followed.look().reason


def test_of_many_failed_steps_the_latest_are_kept(followed: Followed, tmp_path: Path) -> None:
    past = followed.past
    past.plan(*(f"s/{number}" for number in range(80)))
    followed.look()
    for number in range(80):
        past.began(f"s/{number}", float(number), 0)
        past.failed(f"s/{number}", float(number), "r")
    for follower in (followed, None):
        now = (
            followed.look()
            if follower is not None
            else Follower(followed.present, "ada", tmp_path / "state").look(ZERO + 100.0)
        )
        assert [one.step for one in now.failed] == [f"s/{number}" for number in range(79, 29, -1)]
        assert now.counts["failed"] == 80


def test_a_long_night_is_seen_the_same_from_its_summary(tmp_path: Path) -> None:
    past = night(tmp_path / "out", 400)
    present = PresentRun(
        run="first", folder=str(past.folder), pid=99_999_999, pid_start="1", boot="b", space="",
        host="h", began=ZERO,
    )  # fmt: skip
    now = Follower(present, "ada", tmp_path / "state").look(ZERO + 1e6)
    assert now.state == "ended"
    assert sum(now.counts.values()) == len(past.read().steps)
