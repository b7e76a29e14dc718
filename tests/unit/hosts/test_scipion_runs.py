"""Steps side by side: each once, as workers and slots allow, and nothing left behind."""

from __future__ import annotations

import logging
import random
import threading
from typing import TYPE_CHECKING

import pytest
from scipion_steps import StandIn

from gpucore.errors import GpuListError, NeedError
from gpucore.hosts.scipion.calls import Calls
from gpucore.hosts.scipion.gpus import ProtocolGpus
from gpucore.hosts.scipion.holds import here
from gpucore.hosts.scipion.inline import run_inline

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Runner

LONG = 60


class Watch:
    """Notes who is inside at once, and on which GPUs."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.most = 0
        self.held: list[int] = []
        self.shared = False
        self.ran: list[int] = []

    def code(self, number: int) -> Callable[[], None]:
        def code() -> None:
            hold = here()
            assert hold is not None
            with self.lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
                self.shared |= bool(set(hold.indexes) & set(self.held))
                self.held += hold.indexes
            with self.lock:
                self.inside -= 1
                for gpu in hold.indexes:
                    self.held.remove(gpu)
                self.ran.append(number)

        return code


@pytest.mark.parametrize("seed", range(5))
def test_each_of_many_steps_runs_once_after_its_prerequisites(
    seed: int, runner: Callable[..., Runner]
) -> None:
    chance = random.Random(seed)
    watch = Watch()
    steps = []
    for number in range(300):
        before = chance.sample(range(1, number + 1), min(number, chance.choice([0, 0, 1, 3])))
        steps.append(StandIn(*before, gpu=chance.random() < 0.6, code=watch.code(number)))
    run = runner(steps, (0, 1, 2, 3), 4)
    run.run()
    assert sorted(watch.ran) == list(range(300))
    place = {number: at for at, number in enumerate(watch.ran)}
    assert all(
        place[before - 1] < place[number]
        for number, step in enumerate(steps)
        for before in step._prerequisites
    )
    assert watch.most <= 3
    assert not watch.shared
    assert run.free
    assert sorted(run.told) == sorted(
        (word, number) for word in ("started", "finished") for number in range(300)
    )


def test_steps_that_need_no_gpu_pass_those_that_wait_for_one(
    runner: Callable[..., Runner],
) -> None:
    passed = threading.Event()
    steps = [
        StandIn(code=lambda: passed.wait(LONG)),
        StandIn(),
        StandIn(gpu=False, code=passed.set),
    ]
    run = runner(steps, (0, 99), 3)
    run.run()
    assert passed.is_set()
    assert [word for word in run.told if word[0] == "started"] == [
        ("started", 0), ("started", 2), ("started", 1),
    ]  # fmt: skip


def test_a_failure_starts_nothing_new_and_all_that_ran_is_told(
    runner: Callable[..., Runner],
) -> None:
    failed = threading.Event()

    def fails() -> None:
        raise RuntimeError("no memory")

    steps = [StandIn(code=lambda: failed.wait(LONG)), StandIn(code=fails), StandIn(), StandIn(2)]
    run = runner(steps)
    run.on_finished = lambda step: (failed.set(), step.status == "finished")[1]
    run.run()
    assert [step.status for step in steps] == ["finished", "failed", "new", "new"]
    assert [number for word, number in run.told if word == "finished"] == [1, 0]
    assert steps[1].error == "no memory"
    assert run.free


def test_a_protocol_that_says_no_ends(runner: Callable[..., Runner]) -> None:
    steps = [StandIn(), StandIn(1)]
    run = runner(steps)
    run.on_finished = lambda _: False
    run.run()
    assert [step.status for step in steps] == ["finished", "new"]
    assert run.free


def test_an_interactive_step_ends_the_run_and_waits(runner: Callable[..., Runner]) -> None:
    steps = [StandIn(), StandIn(1)]
    steps[0].interactive = True
    run = runner(steps)
    run.run()
    assert [step.status for step in steps] == ["interactive", "new"]


@pytest.mark.parametrize("where", ["on_started", "on_thread", "on_finished"])
def test_whatever_raises_holds_nothing_and_leaves_nobody_running(
    where: str, runner: Callable[..., Runner]
) -> None:
    ran = []
    steps = [StandIn(code=lambda: ran.append(1)) for _ in range(4)]
    run = runner(steps)
    calls = []

    def second_raises(*_: object) -> bool:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("no space left on device")
        return True

    setattr(run, where, second_raises)
    with pytest.raises(OSError, match="no space left"):
        run.run()
    assert run.free
    ended = [number for word, number in run.told if word == "finished"]
    assert len(ended) == len(ran) == sum(step.status == "finished" for step in steps)


def test_steps_that_a_step_inserts_run_without_waiting_for_the_next_check(
    runner: Callable[..., Runner],
) -> None:
    ran = threading.Event()
    steps: list[StandIn] = []

    def insert() -> None:
        steps.append(StandIn(code=ran.set))
        run_calls[0].changed()
        assert ran.wait(LONG)

    steps.append(StandIn(gpu=False, code=insert))
    run = runner(steps)
    run_calls: list[Calls] = []
    run.on_started = lambda _: None
    original = Calls.__init__

    def remember(self: Calls, *arguments: object, **more: object) -> None:
        original(self, *arguments, **more)  # type: ignore[arg-type]
        run_calls.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Calls, "__init__", remember)
        run.run()
    assert [step.status for step in steps] == ["finished", "finished"]


def test_steps_that_can_never_start_are_told_with_what_they_wait_for(
    runner: Callable[..., Runner],
) -> None:
    run = runner([StandIn(), StandIn(7)])
    with pytest.raises(NeedError, match="1 steps can never start: step 2 waits for step 7"):
        run.run()
    assert run.free


def test_a_prerequisite_that_comes_while_a_step_waits_for_a_slot_holds_it_back(
    runner: Callable[..., Runner],
) -> None:
    order: list[int] = []
    steps: list[StandIn] = []

    def first() -> None:
        steps[1]._prerequisites.append(3)
        order.append(1)

    steps += [
        StandIn(code=first),
        StandIn(code=lambda: order.append(2)),
        StandIn(code=lambda: order.append(3)),
    ]
    run = runner(steps, (0,), 2)
    run.run()
    assert order == [1, 3, 2]


def test_one_after_another_they_run_in_their_order() -> None:
    order: list[int] = []
    steps = [StandIn(*before, code=lambda n=n: order.append(n)) for n, before in enumerate(
        [(3,), (), (), (1, 2)])]  # fmt: skip
    calls = Calls(bool, lambda step: step.status == "finished", bool, 60)
    run_inline(steps, calls, lambda step, _: step.run())
    assert order == [1, 2, 0, 3]


def test_a_void_list_and_an_absent_gpu_are_told_when_the_list_is_cut() -> None:
    with pytest.raises(GpuListError, match="nothing but void places"):
        ProtocolGpus.open([99, 99], 3)
    with pytest.raises(GpuListError, match="GPU `7` is not there"):
        ProtocolGpus.open([0, 7], 3)


def test_a_queues_slots_count_from_zero_and_name_a_shared_gpu_once() -> None:
    gpus = ProtocolGpus.open([3, 3, 99, 9], 3, queued=True)
    units = gpus.provision.units
    assert [[device.index for device in unit.devices] for unit in units] == [[3, 3], [9]]
    granted = []
    for _ in units:
        gpus.ask(lambda _, grant: granted.append(grant), gpu=True)
    assert [gpus.hold(grant, "a step").indexes for grant in granted] == [[0], [0]]


def test_who_has_a_gpu_is_told_without_what_would_write_over_a_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    first, second = ProtocolGpus.open([0], 1), ProtocolGpus.open([0], 1)
    has = first.hold(first.whole, "lab: \x1b[2Jalign\nstep 1")
    has.use()
    told = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.set()

    log = logging.getLogger("gpucore.hosts.scipion.holds")
    listener = Listener()
    log.addHandler(listener)
    wants = second.hold(second.whole, "a step")
    thread = threading.Thread(target=wants.use)
    thread.start()
    assert told.wait(LONG)
    has.give_back()
    thread.join(LONG)
    log.removeHandler(listener)
    waits, then = caplog.messages
    assert waits.startswith("a step waits for GPU 0; in use by process ")
    assert waits.endswith("(lab: ?[2Jalign?step 1)")
    assert then == "a step has GPU 0"
    wants.give_back()
    for gpus in (first, second):
        gpus.close()
