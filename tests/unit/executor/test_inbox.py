"""Steps that threads leave to each other to take in."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest
from executor_steps import CPU, LONG
from instant_engine import Instant

from gpucore import StepExecutor
from gpucore.config import SiteConfig
from gpucore.inbox import Inbox, Posted
from gpucore.moves import Moves
from gpucore.plugins import PluginHost
from gpucore.record import NOTHING_EARLIER
from gpucore.registry import _Core
from gpucore.scheduling import Machine
from gpucore.standard.model import NO_GPU, RunEnded, StepState


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


def test_what_came_while_the_lock_was_held_for_a_look_is_taken_in_after_it():
    desk = Desk()
    with desk.inbox.held():
        desk.post(1)  # it returns although the lock is held
        assert desk.taken == []
    assert desk.taken == [1]


@pytest.mark.parametrize("look", ["waits", "waited"])
def test_a_step_that_comes_while_it_is_asked_what_could_move_is_taken_in(look):
    desk = Desk()

    class Waiting:
        """The machine, and a step that waits; another is submitted when either is looked at."""

        @property
        def number(self):
            desk.post(1)
            return 0

        def could_move(self, number):
            return bool(number)

    waiting = Waiting()
    moves = Moves(waiting, desk.inbox.held, None)
    getattr(moves, look)(waiting)
    assert set(desk.taken) == {1}


@pytest.fixture
def open_instant(tmp_path):
    with contextlib.ExitStack() as opened:

        def make(**more):
            executor = StepExecutor.open(
                gpus="", threads=2, devices="simulated:1", root=tmp_path, adapters=[CPU],
                config=SiteConfig(engine="instant"), output="out",
                plugins=PluginHost.load(builtin=[_Core(), Instant()], installed=False), **more,
            )  # fmt: skip
            return opened.enter_context(executor)

        yield make


@pytest.fixture
def executor(open_instant):
    return open_instant()


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


def test_a_step_that_comes_while_the_first_that_waits_is_asked_for_is_taken_in(
    executor, monkeypatch
):
    came = []

    def first(_):
        came.append(executor.submit("cpu", text="true"))

    executor.submit("cpu", text="true").result(LONG)
    with monkeypatch.context() as patched:
        patched.setattr(Machine, "first_ready", property(first))
        assert executor._dispatch.first_waiting() == ("", "")
    assert came[0].result(LONG).done


@pytest.mark.parametrize("journal", [False, True])
def test_a_step_that_comes_when_its_executor_was_closed_meanwhile_is_cancelled(
    open_instant, monkeypatch, journal
):
    executor = open_instant(journal=journal)
    executor.submit("cpu", text="true").result(LONG)
    post = executor._dispatch.post

    def closed_before(*submitted):
        executor.close()
        return post(*submitted)

    monkeypatch.setattr(executor._dispatch, "post", closed_before)
    late = executor.submit("cpu", text="true")
    with pytest.raises(CancelledError):
        late.result(LONG)
    assert executor.wait(LONG)
    assert executor.counts[StepState.CANCELLED] == 1


@pytest.mark.parametrize("journal", [False, True])
def test_many_threads_that_close_an_executor_at_once_end_its_run_once(open_instant, journal):
    told, together = [], threading.Barrier(8)
    executor = open_instant(journal=journal, on_event=told.append)
    for _ in range(20):
        executor.submit("cpu", text="true")

    def close(_):
        together.wait(LONG)
        executor.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(close, range(8)))
    assert len([event for event in told if isinstance(event, RunEnded)]) == 1
    assert executor.counts[StepState.DONE] == 20
