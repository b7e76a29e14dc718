"""What every engine promises of stopping programs, and of being closed."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from engine_tasks import LONG, Recorder
from programs import Gate


def test_stop_ends_a_program_and_its_children_and_grandchildren(run, command, engine, tmp_path):
    gate, alive = Gate(tmp_path / "gate"), Gate(tmp_path / "alive")
    recorder = run(command(f"sh -c 'sh -c \"echo up > {gate}; exec sleep 1000\"; :' > {alive}; :"))
    # All that is written until the last of them, who all hold its writing end, is gone.
    gone = Future()
    threading.Thread(target=lambda: gone.set_result(alive.receive())).start()
    assert gate.receive() == "up\n"
    engine.stop(recorder.task.step)
    ended = recorder.result()
    assert ended.stopped
    assert ended.code == -signal.SIGTERM
    assert gone.result(timeout=LONG) == ""
    assert recorder.calls == ["prepare", "begun", "ended"]


def test_stop_asks_first_so_that_a_program_can_tidy_up(run, command, engine, tmp_path):
    gate = Gate(tmp_path / "gate")
    prepared = command(
        f"trap 'echo tidied; exit 5' TERM; echo up > {gate}; while :; do sleep 0.01; done"
    )
    recorder = run(prepared)
    gate.receive()
    engine.stop(recorder.task.step)
    assert recorder.result().code == 5
    assert recorder.result().stopped
    assert Path(prepared.log).read_text().endswith("tidied\n")  # the group was asked, sleep too


def deaf(gate: Gate) -> str:
    return f"trap '' TERM; echo up > {gate}; while :; do sleep 0.01; done"


def test_a_program_that_does_not_heed_being_asked_is_killed(
    impatient, run, command, engine, tmp_path
):
    gate = Gate(tmp_path / "gate")
    recorder = run(command(deaf(gate)))
    gate.receive()
    engine.stop(recorder.task.step)
    assert recorder.result().code == -signal.SIGKILL


def test_stop_now_does_not_ask(run, command, engine, tmp_path):
    gate = Gate(tmp_path / "gate")
    recorder = run(command(deaf(gate)))
    gate.receive()
    engine.stop(recorder.task.step, now=True)
    assert recorder.result().code == -signal.SIGKILL
    assert recorder.result().stopped


def test_stop_now_after_stop_ends_a_program_at_once(run, command, engine, tmp_path):
    gate = Gate(tmp_path / "gate")
    recorder = run(command(deaf(gate)))
    gate.receive()
    engine.stop(recorder.task.step)
    engine.stop(recorder.task.step)
    engine.stop(recorder.task.step, now=True)
    assert recorder.result().code == -signal.SIGKILL


def test_stop_before_the_start_keeps_a_program_from_being_started(spec, command, tmp_path):
    engine, gate = spec.open(1), Gate(tmp_path / "gate")
    first = Recorder(0, command(f"read x < {gate}"))
    second = Recorder(1, command(f"touch {tmp_path}/made"))
    engine.start(first.task)
    first.begun.result(timeout=LONG)
    engine.start(second.task)
    engine.stop(1)
    gate.release()
    ended = second.result()
    engine.close()
    assert (ended.code, ended.stopped) == (None, True)
    assert second.calls.count("ended") == 1
    assert "begun" not in second.calls
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("now", [False, True])
def test_stop_while_a_program_is_being_made_ready_keeps_it_from_being_started(
    run, command, engine, tmp_path, now
):
    preparing, go_on = threading.Event(), threading.Event()

    def prepare():
        preparing.set()
        assert go_on.wait(LONG)
        return command(f"touch {tmp_path}/made")

    recorder = run(prepare)
    assert preparing.wait(LONG)
    engine.stop(recorder.task.step, now=now)
    go_on.set()
    ended = recorder.result()
    assert (ended.code, ended.stopped) == (None, True)
    assert not (tmp_path / "made").exists()


def test_a_task_that_was_stopped_is_stopped_even_if_it_could_not_be_made_ready(run, engine):
    preparing, go_on = threading.Event(), threading.Event()

    def prepare():
        preparing.set()
        assert go_on.wait(LONG)
        raise OSError("the folder went away")

    recorder = run(prepare)
    assert preparing.wait(LONG)
    engine.stop(recorder.task.step)
    go_on.set()
    assert recorder.result().stopped


def test_stop_of_what_ended_or_never_was_does_nothing(run, command, engine):
    recorder = run(command("exit 0"))
    assert recorder.result().code == 0
    engine.stop(recorder.task.step)
    engine.stop(12_345, now=True)
    assert run(command("exit 6")).result().code == 6


def test_what_a_program_leaves_in_its_group_is_ended_with_it(run, command, tmp_path):
    alive = Gate(tmp_path / "alive")
    gone = Future()
    threading.Thread(target=lambda: gone.set_result(alive.receive())).start()
    ended = run(command(f"exec 3> {alive}; sleep 1000 & exit 0")).result()
    assert (ended.code, ended.stopped) == (0, False)
    assert gone.result(timeout=LONG) == ""


def test_close_waits_for_what_runs(spec, command, tmp_path):
    engine, gate = spec.open(2), Gate(tmp_path / "gate")
    recorder = Recorder(0, command(f"read x < {gate}; exit 9"))
    engine.start(recorder.task)
    closing = threading.Thread(target=engine.close)
    closing.start()
    recorder.begun.result(timeout=LONG)
    assert closing.is_alive()
    gate.release()
    closing.join(LONG)
    assert not closing.is_alive()
    assert recorder.exit.done()
    assert recorder.result().code == 9


def test_close_without_a_task_returns_and_a_second_time_too(spec):
    engine = spec.open(4)
    engine.close()
    engine.close()


def test_no_task_is_taken_after_close(spec, command):
    engine = spec.open(1)
    engine.close()
    with pytest.raises(RuntimeError):
        engine.start(Recorder(0, command("true")).task)
