"""What is told to who looks, as it happens: to all alike, changes only, and to nobody nothing."""

from __future__ import annotations

import re
import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest
from past_runs import PastRun, night

from gpucore.serving import requests, run_feed
from gpucore.system.journal_following import JournalFollower
from gpucore.system.orphans import boot_id, process_start

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Served


def version_of(page: str) -> str:
    """Return what a page has."""
    found = re.search(r'data-version="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_step_that_ends_is_told(serve: Callable[..., Served], living: PastRun) -> None:
    served = serve(living.folder)
    stream = served.stream(f"/runs/1/events?from={version_of(served.text('/runs/1/'))}")
    assert stream.next("card")["words"] == "0 of 4 steps done, 2 running, 2 waiting"
    living.ended("align/m1", 20)
    living.began("align/m3", 21, 0)
    living.settle(21)
    changed = stream.next("change")
    assert changed["steps"]["number"] == [1, 1]
    assert [one["state"] for one in [changed["steps"]]] == [[0, 6]]
    assert changed["lives"] is True
    assert stream.next("card")["words"] == "1 of 4 steps done, 2 running, 1 waiting"


def test_who_comes_again_is_told_what_was_missed_and_no_more(
    serve: Callable[..., Served], living: PastRun
) -> None:
    served = serve(living.folder)
    version = version_of(served.text("/runs/1/"))
    other = served.stream(f"/runs/1/events?from={version}")
    living.ended("align/m1", 20)
    living.settle(20)
    other.next("change")
    again = served.stream("/runs/1/events?from=x-9", Last_Event_ID=version)
    assert again.next("change", "whole")["steps"]["number"] == [1]
    up_to_date = served.stream("/runs/1/events", Last_Event_ID=other.version)
    assert "words" in up_to_date.next("card", "whole")


@pytest.mark.parametrize("version", ["x-0", "-", "", "x-1x", "x--1", "x-99999999999999999999"])
def test_who_has_something_else_is_told_to_load_the_page(
    serve: Callable[..., Served], living: PastRun, version: str
) -> None:
    assert serve(living.folder).stream(f"/runs/1/events?from={version}").next("whole") == {}


def test_a_run_that_begins_is_shown_when_it_does(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    served = serve()
    page = served.text("/runs/1/")
    assert "There is no run to be seen in this folder yet" in page
    stream = served.stream("/runs/1/events")
    assert stream.next("card")["trouble"] == f"There is no folder `{tmp_path / 'out'}`."
    past = PastRun(tmp_path / "out")
    past.begin()
    past.settle(0)
    assert stream.next("whole") == {}
    assert "data-version" in served.text("/runs/1/")
    past.end(1)


def test_the_end_of_a_run_is_told(serve: Callable[..., Served], tmp_path: Path) -> None:
    past = PastRun(tmp_path / "out")
    past.begin(boot=boot_id(), pid=1, pid_start=process_start(1))
    past.began("align/m1", 1, 0)
    past.settle(1)
    served = serve()
    stream = served.stream(f"/runs/1/events?from={version_of(served.text('/runs/1/'))}")
    assert stream.next("card")["life"] == "runs"
    past.ended("align/m1", 5)
    past.end(6, "Ctrl-C")
    while (card := stream.next("card"))["life"] == "runs":
        pass
    assert card["state"].endswith("(Ctrl-C)")
    assert card["words"] == "1 of 1 step done"


def test_a_run_that_died_is_told_though_nothing_was_written(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(living.folder)
    stream = served.stream(f"/runs/1/events?from={version_of(served.text('/runs/1/'))}")
    assert stream.next("card")["life"] == "runs"
    monkeypatch.setattr("gpucore.system.lives.process_start", lambda _: "another")
    changed = stream.next("change")
    assert changed["lives"] is False
    assert changed["steps"]["state"] == [3, 3]  # cut off
    while (card := stream.next("card"))["life"] == "runs":
        pass
    assert card["words"] == "0 of 4 steps done, 2 cut off, 2 waiting"


def test_a_folder_that_is_gone_is_told_and_its_page_stays(
    serve: Callable[..., Served], living: PastRun
) -> None:
    served = serve(living.folder)
    stream = served.stream(f"/runs/1/events?from={version_of(served.text('/runs/1/'))}")
    stream.next("card")
    aside = living.folder.rename(living.folder.with_name("aside"))
    while not (card := stream.next("card"))["trouble"]:
        pass
    assert card["trouble"] == f"The folder `{living.folder}` is gone."
    assert "align/m1" in served.text("/runs/1/")
    aside.rename(living.folder)


def test_a_journal_that_cannot_be_read_is_told(
    serve: Callable[..., Served], tmp_path: Path
) -> None:
    hidden = tmp_path / "out" / ".gpucore"
    hidden.mkdir(parents=True)
    (hidden / "journal.sqlite").symlink_to("/etc/passwd")
    card = serve().stream("/runs/1/events").next("card")
    assert card["life"] == "none"
    assert "journal.sqlite" in card["trouble"]


def test_a_journal_that_tells_what_cannot_be_is_told_and_read_again_later(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucore.serving.run_feed._BROKEN", 0.0)
    served = serve(living.folder)
    stream = served.stream(f"/runs/1/events?from={version_of(served.text('/runs/1/'))}")
    assert stream.next("card")["trouble"] == ""
    # Not by the journal's own hand: it keeps such times out by now, and older ones did not.
    monkeypatch.setattr("gpucore.report.reading.LATEST", 5.0)
    living.began("align/m3", 30, 0)
    living.settle(30)
    while not (card := stream.next("card"))["trouble"]:
        pass
    assert "tells a time that cannot be" in card["trouble"]
    monkeypatch.undo()
    assert stream.next("whole") == {}
    assert "align/m3" in served.text("/runs/1/")


def test_a_fault_of_ours_is_told_and_not_met_again_at_each_look(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no card")

    monkeypatch.setattr(run_feed, "card_of", broken)
    monkeypatch.setattr(run_feed, "_BROKEN", 1e6)
    served = serve(living.folder)
    said = served.stream("/events").next("card")["trouble"]
    assert said == "It cannot be followed: RuntimeError: no card"
    assert served.server.feeds[0]._again > time.monotonic()


def test_a_run_that_gets_no_thread_is_followed_when_there_is_one(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(living.folder)
    feed = served.server.feeds[0]

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError), feed.looked_at():
            raise AssertionError("it is not looked at")
    assert feed._lookers == 0
    assert "align/m1" in served.text("/runs/1/")


def test_a_run_is_read_once_for_all_who_look_and_by_nobody_when_none_does(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucore.serving.run_feed._KEPT", 0.0)
    read: list[str] = []
    news = JournalFollower.news
    ended = threading.Event()

    def counted(self: JournalFollower, *kinds: type) -> object:
        read.append(threading.current_thread().name)
        return news(self, *kinds)

    def close(self: JournalFollower) -> None:
        if self.state is not None:
            ended.set()

    monkeypatch.setattr(JournalFollower, "news", counted)
    served = serve(living.folder)
    assert read == []
    streams = [served.stream("/runs/1/events?from=") for _ in range(4)]
    for stream in streams:
        stream.next("card")
    assert len(set(read)) == 1
    monkeypatch.setattr(JournalFollower, "close", close)
    for stream in streams:
        stream.response.close()
    served.stack.close()
    assert ended.wait(60)


@pytest.mark.slow
def test_a_client_that_does_not_read_holds_no_other_and_is_dropped(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_STUCK", 0.5)
    served = serve(living.folder)
    version = version_of(served.text("/runs/1/"))
    silent = served.silent(f"/runs/1/events?from={version}")
    quick = served.stream(f"/runs/1/events?from={version}")
    told = 0
    for n in range(1, 9):
        living.began(f"more/m{n}", 10 + n, 0, argv=("prog", f"{n}" * 1_500_000))
        living.settle(10 + n)
        while told < n:
            told += len(quick.next("change").get("steps", {"number": []})["number"])
    got = 0
    while more := silent.recv(1 << 20):
        got += len(more)
    assert 0 < got < 8 * 1_500_000


def test_who_missed_too_much_is_told_to_load_the_page(
    serve: Callable[..., Served], living: PastRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucore.serving.run_feed._MOST", 300_000)
    served = serve(living.folder)
    version = version_of(served.text("/runs/1/"))
    quick = served.stream(f"/runs/1/events?from={version}")
    for n in range(1, 11):
        living.began(f"more/m{n}", 10 + n, 0, argv=("prog", "x" * 60_000))
        living.settle(10 + n)
        while "steps" not in quick.next("change"):
            pass
    assert served.stream(f"/runs/1/events?from={version}").next("whole", "change") == {}
    assert "words" in served.stream(f"/runs/1/events?from={quick.version}").next("card", "whole")


@pytest.mark.slow
def test_a_change_in_a_large_run_is_small(serve: Callable[..., Served], tmp_path: Path) -> None:
    past = night(tmp_path / "out", 3000)
    served = serve()
    page = served.text("/runs/1/")
    assert len(page) > 100_000
    stream = served.stream(f"/runs/1/events?from={version_of(page)}")
    stream.next("card")
    past.begin(100_000, "second")
    past.ran("ctf/movie_00001", 100_001, 100_002, 0, attempt=2)
    past.settle(100_002)
    changed = stream.next("change")
    while "steps" not in changed:
        changed = stream.next("change")
    assert changed["steps"]["number"] == [2]
    assert sum(len(str(one)) for one in changed["steps"].values()) < 1000
    past.end(100_003)


def test_a_log_is_given_by_its_event_and_followed(
    serve: Callable[..., Served], living: PastRun
) -> None:
    served = serve(living.folder)
    page = served.text("/runs/1/")
    link = re.search(r'"log":\[0,0,"(log/\d+)"', page)
    assert link is not None
    log = f"/runs/1/{link[1]}"
    answer = served.ask(log)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.read() == b"frame 1\n"
    first = served.json(f"{log}?from=")
    assert first == {"text": "frame 1\n", "start": 0, "end": 8, "size": 8, "runs": True}
    living.write_log("align/m1", "frame 1\nframe 2\n")
    assert served.json(f"{log}?from=8")["text"] == "frame 2\n"
    living.ended("align/m1", 20)
    living.settle(20)
    stream = served.stream(f"/runs/1/events?from={version_of(page)}")
    stream.next("change")
    assert served.json(f"{log}?from=16") == {
        "text": "", "start": 16, "end": 16, "size": 16, "runs": False,
    }  # fmt: skip
    shutil.rmtree(living.log("align/m1").parent)
    assert served.ask(log).status == 404


def test_a_log_elsewhere_is_not_given_whatever_the_journal_says(
    serve: Callable[..., Served], living: PastRun, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    living.began("evil/m1", 10, 0, log=str(secret))
    living.began("evil/m2", 11, 0, log=f"{living.folder}/.gpucore/../../secret")
    link = living.log("evil/m3")
    link.symlink_to(secret)
    living.began("evil/m3", 12, 0, log=str(link))
    for n in (1, 2, 3):
        living.failed(f"evil/m{n}", 13, "exit code 3" * n)  # the page shows the end of its log
    living.settle(14)
    served = serve(living.folder)
    page = served.text("/runs/1/")
    assert "a secret" not in page
    events = [int(one) for one in re.findall(r"log/(\d+)", page)]
    asked = [served.ask(f"/runs/1/log/{n}") for n in range(1, max(events, default=20) + 20)]
    found = [answer.read() for answer in asked]
    assert not any(b"a secret" in one for one in found)
    assert b"frame 1\n" in found


def test_a_server_that_ends_ends_its_streams(serve: Callable[..., Served], living: PastRun) -> None:
    served = serve(living.folder)
    stream = served.stream(f"/runs/1/events?from={version_of(served.text('/runs/1/'))}")
    stream.next("card")
    served.server.shutdown()
    served.server.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("feed ")]
    while stream.response.readline():
        pass
