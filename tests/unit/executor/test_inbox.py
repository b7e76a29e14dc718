"""Steps that threads leave to each other to take in."""

from __future__ import annotations

import threading

import pytest
from executor_steps import CPU, LONG
from instant_engine import Instant

from gpucore import StepExecutor
from gpucore.config import SiteConfig
from gpucore.inbox import Inbox, Posted
from gpucore.plugins import PluginHost
from gpucore.record import NOTHING_EARLIER
from gpucore.registry import _Core
from gpucore.standard.model import NO_GPU


class Desk:
    """Takes steps in; the first of them keeps it busy until it is told to go on."""

    def __init__(self, *, busy=False, follows=()):
        self.taken, self.by, self.reported = [], [], []
        self.entered, self.go_on = threading.Event(), threading.Event()
        if not busy:
            self.go_on.set()
        self.follows = follows
        self.lock = threading.Lock()
        self.inbox = Inbox(self.lock, self.enter, self.reported.append)

    def enter(self, posted):
        assert self.lock.locked()
        self.taken.append(posted.priority)
        self.by.append(threading.current_thread().name)
        self.entered.set()
        assert self.go_on.wait(LONG)
        return [lambda: self.by.append(f"told by {threading.current_thread().name}")] * (
            posted.priority in self.follows
        )

    def post(self, number):
        self.inbox.post(Posted(None, NO_GPU, (), None, NOTHING_EARLIER, number))


def thread(call, *arguments, name):
    started = threading.Thread(target=call, args=arguments, name=name)
    started.start()
    return started


def test_a_thread_that_submits_leaves_its_step_to_the_one_that_is_at_it():
    desk = Desk(busy=True)
    first = thread(desk.post, 0, name="first")
    assert desk.entered.wait(LONG)
    for number in (1, 2, 3):
        desk.post(number)  # it returns although the lock is held
    assert desk.taken == [0]
    desk.go_on.set()
    first.join(LONG)
    assert desk.taken == [0, 1, 2, 3]
    assert desk.by == ["first"] * 4
    assert not desk.lock.locked()


def test_what_follows_for_the_step_of_another_thread_is_left_to_the_reporter():
    desk = Desk(busy=True, follows={0, 1})
    first = thread(desk.post, 0, name="first")
    assert desk.entered.wait(LONG)
    desk.post(1)
    desk.go_on.set()
    first.join(LONG)
    assert desk.by == ["first", "told by first", "first"]
    (told,) = desk.reported
    told()
    assert desk.by[-1] == f"told by {threading.current_thread().name}"


def test_a_thread_that_finds_very_many_waits_its_turn_and_takes_them_in(monkeypatch):
    monkeypatch.setattr("gpucore.inbox._MOST", 2)
    desk = Desk(busy=True)
    first = thread(desk.post, 0, name="first")
    assert desk.entered.wait(LONG)
    desk.post(1)
    desk.post(2)
    last = thread(desk.post, 3, name="last")
    while len(desk.inbox._posted) < 3:
        assert last.is_alive()
    assert last.is_alive()
    desk.go_on.set()
    first.join(LONG)
    last.join(LONG)
    assert desk.taken == [0, 1, 2, 3]


def test_what_one_step_raises_leaves_the_others_to_who_comes_next():
    desk = Desk()
    enter = desk.inbox._enter

    def fail(posted):
        if posted.priority == 1:
            raise RuntimeError("no thread can be started")
        return enter(posted)

    desk.inbox._enter = fail
    desk.inbox._posted.extend(
        Posted(None, NO_GPU, (), None, NOTHING_EARLIER, number) for number in (1, 2)
    )
    with pytest.raises(RuntimeError, match="no thread"):
        desk.post(3)
    assert not desk.lock.locked()
    desk.inbox.catch_up()
    assert desk.taken == [2, 3]


@pytest.fixture
def executor(tmp_path):
    with StepExecutor.open(
        gpus="", threads=2, devices="simulated:1", root=tmp_path, adapters=[CPU],
        config=SiteConfig(engine="instant"),
        plugins=PluginHost.load(builtin=[_Core(), Instant()], installed=False),
    ) as opened:  # fmt: skip
        yield opened


def test_a_step_that_was_left_to_others_has_its_number_when_that_is_asked_for(executor):
    first = executor.submit("cpu", text="true")
    dispatch = executor._dispatch
    with dispatch._lock:
        left = executor.submit("cpu", text="true")
        behind = executor.submit("cpu", text="true", after=[left])
        assert left._number == behind._number == -1
    assert (behind.number, left.number, first.number) == (2, 1, 0)
    assert behind.result(LONG).done


def test_a_step_that_was_left_to_others_can_be_cancelled_and_is_waited_for(executor):
    dispatch = executor._dispatch
    with dispatch._lock:
        left = executor.submit("cpu", text="true")
        kept = executor.submit("cpu", text="true")
        assert not left.done()
    left.cancel()
    assert executor.wait(LONG)
    assert kept.result(0).done
    assert left.done()


def test_prerequisites_are_those_that_the_list_held_when_the_step_was_submitted(executor):
    first = executor.submit("cpu", text="true")
    with executor._dispatch._lock:
        after = [first]
        step = executor.submit("cpu", text="true", after=after)
        after.append(step)
    assert step.result(LONG).done
