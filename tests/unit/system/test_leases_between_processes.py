"""Leases between real processes; hand-shakes by pipes, no waiting by time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gpucore.system.inotify import CloseWatch
from gpucore.system.lease_directory import LeaseDirectory, find_lease_directory
from gpucore.system.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ONE, TWO, THREE = "GPU-1", "GPU-2", "GPU-3"

ACTOR = """
import json, subprocess, sys
from gpucore.system import leases
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.inotify import CloseWatch

def say(what):
    sys.stdout.write(json.dumps(what) + "\\n")
    sys.stdout.flush()

asleep, told = CloseWatch.wait, []
def wait(self, stop, seconds):
    told or say("waiting")
    told.append(1)
    return asleep(self, stop, seconds)
CloseWatch.wait = wait

mine = leases.Leases(find_lease_directory({}, configured=sys.argv[1]),
                     shares=json.loads(sys.argv[2]))
held = []
for line in sys.stdin:
    verb, *given = json.loads(line)
    told.clear()
    if verb == "take":
        held.append(mine.take(given, step="a step"))
        say("held")
    elif verb == "any":
        held.append(mine.take_any(given, 1))
        say(held[-1].uuids)
    elif verb == "try":
        one = mine.try_take(given)
        held += [one] if one else []
        say(bool(one))
    elif verb == "release":
        held.pop().release()
        say("released")
    elif verb == "spawn":
        child = subprocess.Popen(["cat"], stdin=int(given[0]), stdout=subprocess.DEVNULL,
                                 pass_fds=held[-1].fds)
        say(child.pid)
"""


class Actor:
    """A process that takes leases when it is told to."""

    def __init__(self, directory: Path, shares: dict[str, int], inherits: tuple[int, ...]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", ACTOR, str(directory), json.dumps(shares)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=inherits,
        )

    def tell(self, verb: str, *given: str | int) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps([verb, *given]) + "\n")
        self.process.stdin.flush()

    def hear(self) -> object:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def ask(self, verb: str, *given: str | int) -> object:
        self.tell(verb, *given)
        return self.hear()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def directory(tmp_path: Path) -> LeaseDirectory:
    return find_lease_directory({}, configured=str(tmp_path / "leases"))


@pytest.fixture
def mine(directory: LeaseDirectory) -> Iterator[Leases]:
    made = Leases(directory)
    yield made
    made.close()


@pytest.fixture
def actor(directory: LeaseDirectory) -> Iterator[Callable[..., Actor]]:
    actors: list[Actor] = []

    def start(inherits: tuple[int, ...] = (), **shares: int) -> Actor:
        named = {uuid.replace("_", "-"): number for uuid, number in shares.items()}
        actors.append(Actor(directory.path, named, inherits))
        return actors[-1]

    yield start
    for one in actors:
        one.close()


@pytest.mark.slow
def test_a_device_is_not_given_to_two_processes(actor: Callable[..., Actor]) -> None:
    first, second = actor(), actor()
    assert first.ask("take", ONE) == "held"
    assert second.ask("try", ONE) is False
    assert second.ask("try", TWO) is True
    assert first.ask("try", TWO) is False
    first.ask("release")
    assert second.ask("try", ONE) is True


@pytest.mark.slow
def test_who_waits_is_woken_when_a_device_is_given_back(actor: Callable[..., Actor]) -> None:
    first, second = actor(), actor()
    first.ask("take", ONE)
    assert second.ask("take", ONE) == "waiting"
    first.ask("release")
    assert second.hear() == "held"


@pytest.mark.slow
def test_who_waits_for_any_device_gets_the_first_that_is_given_back(
    actor: Callable[..., Actor],
) -> None:
    first, second, third = actor(), actor(), actor()
    first.ask("take", ONE)
    second.ask("take", TWO)
    assert third.ask("any", ONE, TWO) == "waiting"
    second.ask("release")
    assert third.hear() == [TWO]


@pytest.mark.slow
def test_a_program_keeps_the_lease_of_a_host_that_was_killed(
    actor: Callable[..., Actor], mine: Leases
) -> None:
    ear, mouth = os.pipe()
    host = actor((ear,))
    waiter = actor()
    host.ask("take", ONE)
    child = host.ask("spawn", ear)
    os.close(ear)
    host.kill()
    assert isinstance(child, int)
    (holder,) = mine.holders()
    assert (holder.pid, holder.step, holder.alive) == (host.process.pid, "a step", False)
    assert mine.try_take([ONE]) is None
    assert waiter.ask("take", ONE) == "waiting"
    os.close(mouth)  # its program ends
    assert waiter.hear() == "held"


@pytest.mark.slow
@pytest.mark.parametrize("inherited", [False, True], ids=["held", "inherited"])
def test_the_kernel_tells_when_the_last_holder_ends(
    actor: Callable[..., Actor], directory: LeaseDirectory, *, inherited: bool
) -> None:
    ear, mouth = os.pipe()
    host = actor((ear,))
    host.ask("take", ONE)
    fd = os.open(directory.path / f"{ONE}.lease", os.O_RDONLY)
    watch = CloseWatch()
    watch.start([fd])
    if inherited:
        host.ask("spawn", ear)
    os.close(ear)
    host.kill()
    if inherited:
        assert not watch.wait(None, 0)
        os.close(mouth)
    assert watch.wait(None, 200)
    watch.close()
    os.close(fd)
    if not inherited:
        os.close(mouth)


@pytest.mark.slow
def test_a_shared_device_is_given_as_often_as_it_has_shares(actor: Callable[..., Actor]) -> None:
    first, second, third = (actor(GPU_1=2) for _ in range(3))
    assert first.ask("try", ONE) is True
    assert second.ask("try", ONE) is True
    assert third.ask("take", ONE) == "waiting"
    first.ask("release")
    assert third.hear() == "held"


@pytest.mark.slow
def test_a_gang_is_not_starved_by_those_who_want_one(actor: Callable[..., Actor]) -> None:
    one, two, gang = actor(), actor(), actor()
    one.ask("take", ONE)
    assert gang.ask("take", ONE, TWO) == "waiting"
    assert two.ask("try", TWO) is False, "it is free, but the gang was first"
    assert two.ask("take", TWO) == "waiting"
    one.ask("release")
    assert one.ask("try", ONE) is False, "it had its turn"
    assert gang.hear() == "held"
    gang.ask("release")
    assert two.hear() == "held"


@pytest.mark.slow
def test_a_gang_waits_a_bounded_number_of_turns(actor: Callable[..., Actor], mine: Leases) -> None:
    gang = actor()
    turns = 0
    first, second = mine.take([ONE]), mine.take([TWO])
    assert gang.ask("take", ONE, TWO) == "waiting"
    # Two that take turns on a device each, and never leave both free at once.
    first.release()
    while (again := mine.try_take([ONE])) is not None:
        turns += 1
        again.release()
    second.release()
    assert gang.hear() == "held"
    assert turns == 0


@pytest.mark.slow
def test_processes_are_served_in_the_order_in_which_they_came(
    actor: Callable[..., Actor], mine: Leases
) -> None:
    held = mine.take([ONE])
    line = [actor() for _ in range(4)]
    for one in line:
        assert one.ask("take", ONE) == "waiting"
    held.release()
    for place, one in enumerate(line):
        assert one.hear() == "held"
        assert [holder.pid for holder in mine.holders()] == [one.process.pid]
        if place == 1:  # who had its turn comes last
            line[0].ask("take", ONE)
        one.ask("release")
    assert line[0].hear() == "held"


@pytest.mark.slow
def test_a_waiter_that_is_killed_is_in_nobodys_way(
    actor: Callable[..., Actor], mine: Leases
) -> None:
    held = mine.take([ONE])
    first, second = actor(), actor()
    assert first.ask("take", ONE, TWO) == "waiting"
    assert second.ask("take", ONE) == "waiting"
    assert mine.try_take([TWO]) is None
    first.kill()
    mine.take([TWO], timeout=0).release()
    held.release()
    assert second.hear() == "held"


@pytest.mark.slow
def test_a_holder_sees_that_another_waits(actor: Callable[..., Actor], mine: Leases) -> None:
    with mine.take([ONE]) as one, mine.take([TWO]) as two:
        waiter = actor()
        assert not one.wanted()
        assert waiter.ask("take", ONE) == "waiting"
        assert one.wanted()
        assert not two.wanted()
        waiter.kill()
        assert not one.wanted()


@pytest.mark.slow
def test_who_is_stopped_in_the_middle_of_waiting_keeps_only_its_place(
    actor: Callable[..., Actor], mine: Leases
) -> None:
    held = mine.take([ONE])
    waiter = actor()
    assert waiter.ask("take", ONE) == "waiting"
    waiter.process.send_signal(signal.SIGSTOP)
    held.release()
    assert mine.try_take([ONE]) is None, "it is first, even asleep"
    waiter.process.send_signal(signal.SIGCONT)
    assert waiter.hear() == "held"
