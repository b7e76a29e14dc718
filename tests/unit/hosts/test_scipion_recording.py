"""What is recorded of a protocol's steps: on disk in groups, in order, and never late."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from scipion_steps import StandIn

from gpucore.hosts.scipion.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Runner

LONG = 60


class Database:
    """A database as pyworkflow's mappers have one: a connection, and `commit` beside it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.connection = sqlite3.connect(file, check_same_thread=False)
        self.connection.execute("CREATE TABLE said (number INTEGER, word TEXT)")
        self.connection.commit()
        self.commits = 0
        self.fault: Exception | None = None
        self.commit: Callable[[], None] = self._commit

    def _commit(self) -> None:
        self.commits += 1
        if self.fault is not None:
            raise self.fault
        self.connection.commit()

    def write(self, number: int, word: str) -> None:
        self.connection.execute("INSERT INTO said VALUES (?, ?)", (number, word))

    @property
    def on_disk(self) -> list[tuple[int, str]]:
        """What somebody else reads there."""
        with contextlib.closing(sqlite3.connect(self.file)) as reader:
            return list(reader.execute("SELECT number, word FROM said ORDER BY rowid"))


class Recorded:
    """A protocol whose callbacks write as pyworkflow's do, and wait for the disk each time."""

    def __init__(self, folder: Path) -> None:
        self.steps = Database(folder / "steps.sqlite")
        self.own = Database(folder / "run.db")
        self.mapper = SimpleNamespace(db=self.own)
        self._stepsSet = SimpleNamespace(_getMapper=lambda: SimpleNamespace(db=self.steps))
        self._lock = threading.RLock()

    def started(self, number: int) -> None:
        self.steps.write(number, "running")
        self.steps.commit()

    def finished(self, number: int) -> None:
        self.steps.write(number, "finished")
        self.steps.commit()
        with self._lock:
            self.own.write(number, "counted")
            self.own.commit()


@pytest.fixture
def protocol(tmp_path: Path) -> Iterator[Recorded]:
    recorded = Recorded(tmp_path)
    yield recorded
    for database in (recorded.steps, recorded.own):
        database.connection.close()


def test_a_group_is_on_disk_when_it_is_written_and_not_before(protocol: Recorded) -> None:
    recording = Recording(protocol)
    with recording.group():
        for number in range(3):
            protocol.started(number)
        protocol.finished(0)
    assert recording.owes
    assert protocol.steps.on_disk == protocol.own.on_disk == []
    recording.write_steps()
    assert [word for _, word in protocol.steps.on_disk] == ["running"] * 3 + ["finished"]
    assert protocol.own.on_disk == []
    with recording.group():
        protocol.finished(1)
    assert protocol.own.on_disk == []
    recording.settle()
    assert protocol.own.on_disk == [(0, "counted"), (1, "counted")]
    assert not recording.owes
    assert (protocol.steps.commits, protocol.own.commits) == (2, 1)


def test_what_other_threads_record_is_on_disk_when_they_are_told_so(protocol: Recorded) -> None:
    recording, seen = Recording(protocol), []

    def step() -> None:
        with protocol._lock:
            protocol.own.write(7, "output")
            protocol.own.commit()
        seen.extend(protocol.own.on_disk)

    with recording.group():
        thread = threading.Thread(target=step)
        thread.start()
        thread.join(LONG)
    assert seen == [(7, "output")]


@pytest.mark.parametrize("fails", [False, True])
def test_a_database_writes_by_itself_again_however_a_group_ends(
    fails: bool, protocol: Recorded
) -> None:
    recording = Recording(protocol)
    with contextlib.suppress(ValueError), recording.group():
        protocol.started(1)
        if fails:
            raise ValueError("no such step")
    recording.settle()
    assert protocol.steps.on_disk == [(1, "running")]
    protocol.finished(1)
    assert protocol.steps.on_disk[1:] == [(1, "finished")]
    assert protocol.own.on_disk == [(1, "counted")]


def test_one_database_that_cannot_be_written_does_not_keep_the_other(protocol: Recorded) -> None:
    recording = Recording(protocol)
    with recording.group():
        protocol.finished(1)
    protocol.steps.fault = sqlite3.OperationalError("disk is full")
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        recording.settle()
    assert protocol.own.on_disk == [(1, "counted")]
    assert not recording.owes


def test_what_is_owed_to_a_database_is_written_when_another_takes_its_place(
    protocol: Recorded, tmp_path: Path
) -> None:
    recording = Recording(protocol)
    with recording.group():
        protocol.started(1)
    before, protocol.steps = protocol.steps, Database(tmp_path / "again.sqlite")
    with recording.group():
        protocol.started(2)
    assert before.on_disk == [(1, "running")]
    before.connection.close()
    recording.settle()
    assert protocol.steps.on_disk == [(2, "running")]


def test_it_is_late_a_tenth_of_a_second_after_the_first_word(
    protocol: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("gpucore.hosts.scipion.recording.time.monotonic", lambda: now[0])
    recording = Recording(protocol)
    assert not recording.is_late
    with recording.group():
        protocol.started(1)
    now[0] += 0.09
    with recording.group():
        protocol.finished(1)
    assert not recording.is_late
    now[0] += 0.02
    assert recording.is_late
    recording.settle()
    assert not recording.is_late


def test_without_a_protocol_nothing_is_recorded() -> None:
    recording = Recording()
    with recording.group():
        pass
    recording.write_steps()
    recording.settle()
    assert not recording.owes


def record(run: Runner, protocol: Recorded) -> None:
    """Have a run tell a protocol that writes to disk."""
    run.recording = Recording(protocol)
    run.on_started = lambda step: protocol.started(run.steps.index(step))

    def finished(step: StandIn) -> bool:
        protocol.finished(run.steps.index(step))
        return step.status == "finished"

    run.on_finished = finished


def test_a_step_begins_when_its_start_is_on_disk_and_the_ends_that_it_waited_for(
    protocol: Recorded, runner: Callable[..., Runner]
) -> None:
    seen: dict[int, list[tuple[int, str]]] = {}

    def code(number: int) -> Callable[[], object]:
        return lambda: seen.setdefault(number, protocol.steps.on_disk)

    steps = [
        StandIn(*([number - 1] if number > 2 else []), code=code(number)) for number in range(20)
    ]
    run = runner(steps, (0, 1, 2, 3), 5)
    record(run, protocol)
    run.run()
    assert sorted(seen) == list(range(20))
    for number, said in seen.items():
        assert (number, "running") in said
        if number > 2:
            assert (number - 2, "finished") in said
    everything = protocol.steps.on_disk
    assert sorted(everything) == sorted(
        (number, word) for number in range(20) for word in ("running", "finished")
    )
    assert sorted(protocol.own.on_disk) == [(number, "counted") for number in range(20)]
    assert protocol.steps.commits < 40


def test_an_end_is_on_disk_while_others_still_run(
    protocol: Recorded, runner: Callable[..., Runner]
) -> None:
    def looks() -> None:
        end = time.monotonic() + LONG
        while protocol.own.on_disk != [(0, "counted")]:
            assert time.monotonic() < end
        seen.extend(protocol.steps.on_disk)

    seen: list[tuple[int, str]] = []
    run = runner([StandIn(), StandIn(code=looks)])
    record(run, protocol)
    run.run()
    assert (0, "finished") in seen


def test_all_is_on_disk_when_the_protocol_is_asked_for_more_steps(
    protocol: Recorded, runner: Callable[..., Runner]
) -> None:
    seen: list[Any] = []
    run = runner([StandIn(), StandIn(1)])
    record(run, protocol)
    run.on_check = lambda: seen.append((len(protocol.steps.on_disk), len(protocol.own.on_disk)))
    run.run()
    assert seen
    assert set(seen) == {(4, 2)}


def test_a_callback_that_fails_loses_no_word_of_the_others(
    protocol: Recorded, runner: Callable[..., Runner]
) -> None:
    together = threading.Barrier(4)
    steps = [StandIn(code=lambda: together.wait(LONG)) for _ in range(4)]
    run = runner(steps, (0, 1, 2, 3), 5)
    record(run, protocol)
    told = run.on_finished

    def fails(step: StandIn) -> bool:
        told(step)
        if step is steps[1]:
            raise ValueError("the interface has gone")
        return True

    run.on_finished = fails
    with pytest.raises(ValueError, match="the interface has gone"):
        run.run()
    assert sorted(protocol.steps.on_disk) == sorted(
        (number, word) for number in range(4) for word in ("running", "finished")
    )
    assert len(protocol.own.on_disk) == 4
    assert run.free


def test_steps_whose_start_cannot_be_recorded_do_not_begin(
    protocol: Recorded, runner: Callable[..., Runner]
) -> None:
    begun: list[int] = []
    steps = [StandIn(code=lambda: begun.append(1)) for _ in range(3)]
    run = runner(steps, (0, 1), 3)
    record(run, protocol)
    protocol.steps.fault = sqlite3.OperationalError("disk is full")
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        run.run()
    assert begun == []
    assert run.free


def test_a_start_that_fails_lets_those_begin_that_were_told_before(
    protocol: Recorded, runner: Callable[..., Runner]
) -> None:
    begun: list[int] = []
    steps = [StandIn(code=lambda number=number: begun.append(number)) for number in range(3)]
    run = runner(steps, (0, 1, 2), 4)
    record(run, protocol)

    def started(step: StandIn) -> None:
        if step is steps[1]:
            raise ValueError("no log")
        protocol.started(steps.index(step))

    run.on_started = started
    with pytest.raises(ValueError, match="no log"):
        run.run()
    assert begun == [0]
    assert sorted(protocol.steps.on_disk) == [(0, "finished"), (0, "running")]
    assert steps[2].status == "new"
    assert run.free
