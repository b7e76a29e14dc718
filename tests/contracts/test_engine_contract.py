"""One contract for every engine: what `gpucore.plugins.offers.Engine` promises."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from programs import Gate, python, script

from gpucore.engines.local import LOCAL
from gpucore.plugins import EngineTask, Exit, Prepared
from gpucore.system import processes

ENGINES = [LOCAL]
LONG = 60
"""Seconds until a test gives up waiting; nothing is measured by it."""


class Recorder:
    """A task for an engine, and what it was told of it."""

    def __init__(self, step, prepare, begun=None):
        self.calls = []
        self.exit = Future()
        self.begun = Future()
        self._prepare = prepare if callable(prepare) else lambda: prepare
        self._when_begun = begun
        self.task = EngineTask(
            step=step, name=f"step {step}", prepare=self._ready, begun=self._begins, ended=self._end
        )

    def _ready(self):
        self.calls.append("prepare")
        return self._prepare()

    def _begins(self, prepared):
        self.calls.append("begun")
        self.begun.set_result(prepared)
        if self._when_begun:
            self._when_begun()

    def _end(self, ended):
        self.calls.append("ended")
        if not self.exit.done():
            self.exit.set_result(ended)

    def result(self) -> Exit:
        return self.exit.result(timeout=LONG)


@pytest.fixture(params=ENGINES, ids=lambda spec: spec.name)
def spec(request):
    return request.param


@pytest.fixture
def engine(spec):
    engine = spec.open(2)
    yield engine
    for step in range(100):  # so that a test that failed does not wait for its programs
        engine.stop(step, now=True)
    engine.close()


@pytest.fixture
def command(tmp_path):
    """Return what makes a prepared program of a shell text."""
    numbers = iter(range(1_000_000))

    def make(text="", *, argv=None, env=None, stdin=None, cwd=None):
        return Prepared(
            argv=tuple(argv or ("/bin/sh", "-c", text)),
            env={"PATH": os.defpath} if env is None else env,
            cwd=str(cwd or tmp_path),
            log=str(tmp_path / f"log-{next(numbers)}.txt"),
            stdin=stdin,
        )

    return make


@pytest.fixture
def run(engine):
    numbers = iter(range(1_000_000))

    def start(prepare, **more):
        recorder = Recorder(next(numbers), prepare, **more)
        engine.start(recorder.task)
        return recorder

    return start


@pytest.fixture
def impatient(monkeypatch):
    """Let a program that does not end when it is asked to be ended soon."""
    monkeypatch.setattr(processes, "GRACE", 0.2)


@pytest.mark.parametrize("code", [0, 1, 2, 77, 255])
def test_the_exit_code_is_the_programs(run, command, code):
    ended = run(command(f"exit {code}")).result()
    assert (ended.code, ended.error, ended.stopped) == (code, None, False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGSEGV, signal.SIGKILL])
def test_a_signal_is_a_negative_exit_code(run, command, number):
    assert run(command(f"kill -{int(number)} $$")).result().code == -number


def test_the_exit_says_what_was_started_and_when(run, command):
    prepared = command("true")
    ended = run(prepared).result()
    assert ended.prepared is prepared
    assert 0 < ended.started <= ended.ended


def test_begun_is_told_before_ended_and_each_once(run, command):
    recorder = run(command("true"))
    recorder.result()
    assert recorder.calls == ["prepare", "begun", "ended"]


def test_what_prepare_raises_is_the_exits_error(run):
    def fail():
        raise LookupError("no such thing")

    recorder = run(fail)
    ended = recorder.result()
    assert ended.code is None
    assert isinstance(ended.error, LookupError)
    assert recorder.calls == ["prepare", "ended"]


def test_a_program_that_is_not_there_is_the_exits_error(run, command, tmp_path):
    recorder = run(command(argv=[str(tmp_path / "nowhere")]))
    ended = recorder.result()
    assert ended.code is None
    assert isinstance(ended.error, FileNotFoundError)
    assert recorder.calls == ["prepare", "ended"]


def test_a_file_that_is_no_program_is_the_exits_error(run, command, tmp_path):
    path = tmp_path / "text"
    path.write_bytes(b"\x7fELF but not really")
    path.chmod(0o755)
    assert isinstance(run(command(argv=[str(path)])).result().error, OSError)


def test_a_log_that_cannot_be_written_is_the_exits_error(run, command, tmp_path):
    prepared = command("true")
    Path(prepared.log).mkdir()
    assert isinstance(run(prepared).result().error, OSError)


def test_an_engine_goes_on_after_tasks_that_could_not_start(run, command):
    for _ in range(5):
        assert run(command(argv=["/nowhere"])).result().error
    assert run(command("exit 3")).result().code == 3


def test_a_fault_of_whoever_is_told_of_the_beginning_does_not_reach_the_program(run, command):
    def fail():
        raise RuntimeError("an observer's fault")

    assert run(command("exit 4"), begun=fail).result().code == 4


def test_the_log_gets_standard_output_and_standard_error(run, command):
    prepared = command("echo out; echo err >&2")
    run(prepared).result()
    assert Path(prepared.log).read_text() == "out\nerr\n"


def test_standard_input_is_the_text_and_then_ends(run, command):
    prepared = command("cat; echo end", stdin="a b\nÄ\udcff\n")
    run(prepared).result()
    assert Path(prepared.log).read_bytes() == b"a b\n\xc3\x84\xff\nend\n"


def test_standard_input_is_empty_when_there_is_no_text(run, command):
    prepared = command("cat; echo end")
    run(prepared).result()
    assert Path(prepared.log).read_text() == "end\n"


def test_the_environment_is_what_was_prepared_and_nothing_else(run, command, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    prepared = command(argv=["/usr/bin/env"], env={"A": "1", "B": "two words\n$(x) %s"})
    run(prepared).result()
    assert Path(prepared.log).read_text() == "A=1\nB=two words\n$(x) %s\n"


def test_the_working_directory_is_what_was_prepared(run, command, tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    prepared = command("pwd", cwd=folder)
    run(prepared).result()
    assert Path(prepared.log).read_text() == f"{folder}\n"


def test_arguments_arrive_byte_for_byte(run, command):
    hostile = ["", " ", "a b", "a\nb", "'\"", "%(GPU)s", "$(touch x)", "-x", "\udcff", "*", "\\"]
    argv = [sys.executable, "-S", "-c", "import sys, json; print(json.dumps(sys.argv[1:]))"]
    prepared = command(argv=[*argv, *hostile])
    run(prepared).result()
    assert json.loads(Path(prepared.log).read_text()) == hostile


def test_a_program_leads_a_session_and_a_group_of_its_own(run, command):
    text = "import os; print(os.getpid(), os.getpgid(0), os.getsid(0), os.getppid())"
    prepared = command(argv=[sys.executable, "-S", "-c", text])
    run(prepared).result()
    pid, group, session, _ = map(int, Path(prepared.log).read_text().split())
    assert pid == group == session != os.getpgid(0)


def test_a_program_inherits_no_descriptor(run, command, tmp_path):
    with (tmp_path / "held").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        prepared = command("ls /proc/self/fd")
        run(prepared).result()
        assert str(held.fileno()) not in Path(prepared.log).read_text().split()


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


def test_as_many_programs_as_workers_run_at_once(spec, command, tmp_path):
    """Each waits until all of them are there."""
    engine = spec.open(5)
    up, go_on = Gate(tmp_path / "up"), Gate(tmp_path / "go")
    recorders = [Recorder(n, command(f"echo x > {up}; read x < {go_on}")) for n in range(5)]
    with up.path.open("r+b", buffering=0) as arrived:
        for one in recorders:
            engine.start(one.task)
        seen = b""
        while seen.count(b"x") < 5:
            seen += arrived.read(2)
    with go_on.path.open("r+b", buffering=0) as door:
        door.write(b"\n" * 5)
        assert [one.result().code for one in recorders] == [0] * 5
    engine.close()


def test_no_more_programs_than_workers_run_at_once(spec, command, tmp_path):
    """Each holds one of as many seats as there are workers; whoever finds none says so."""
    engine = spec.open(2)
    program = python(
        tmp_path / "sit",
        "import fcntl, sys, time\n"
        "for seat in range(2):\n"
        "    held = open(f'{sys.argv[1]}/seat{seat}', 'w')\n"
        "    try:\n"
        "        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
        "    except BlockingIOError:\n"
        "        continue\n"
        "    time.sleep(0.01)  # time for others to come if there are too many\n"
        "    sys.exit(0)\n"
        "sys.exit(1)",
    )
    recorders = [Recorder(n, command(argv=[program, str(tmp_path)])) for n in range(20)]
    for one in recorders:
        engine.start(one.task)
    assert {one.result().code for one in recorders} == {0}
    engine.close()


def test_sixty_four_threads_may_start_tasks_at_once(spec, command):
    engine = spec.open(4)
    together = threading.Barrier(64)
    recorders = [Recorder(n, command(f"exit {n}")) for n in range(64)]

    def start(one):
        together.wait(LONG)
        engine.start(one.task)

    threads = [threading.Thread(target=start, args=(one,)) for one in recorders]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [one.result().code for one in recorders] == list(range(64))
    engine.close()
    assert all(one.calls == ["prepare", "begun", "ended"] for one in recorders)


def test_tasks_may_be_started_by_whoever_is_told_of_an_end(engine, command):
    second = Recorder(1, command("exit 8"))
    first = Recorder(0, command("true"))
    first.exit.add_done_callback(lambda _: engine.start(second.task))
    engine.start(first.task)
    assert second.result().code == 8


@pytest.mark.parametrize("breaks", [True, False], ids=["lines", "no line"])
def test_sixty_four_megabytes_of_output_do_not_come_into_memory(run, command, breaks):
    run(command("true")).result()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = "yes" if breaks else "cat /dev/zero"
    prepared = command(f"{source} | head -c 67108864")
    assert run(prepared).result().code == 0
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert Path(prepared.log).stat().st_size == 64 << 20
    Path(prepared.log).unlink()
    assert grown < 16 << 10  # KiB


def test_the_host_is_left_as_it_was(run, command, engine, tmp_path):
    def facts():
        os.umask(mask := os.umask(0))
        handlers = {one: signal.getsignal(one) for one in signal.Signals}
        return Path.cwd(), dict(os.environ), mask, handlers, os.getpgid(0), os.getsid(0)

    before = facts()
    gate = Gate(tmp_path / "gate")
    recorder = run(command(f"echo up > {gate}; sleep 1000"))
    gate.receive()
    assert facts() == before
    engine.stop(recorder.task.step)
    recorder.result()
    assert facts() == before


def test_no_child_is_left_behind_as_a_zombie(run, command):
    run(command("exit 0")).result()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_host_that_lets_the_kernel_reap_children_is_told_that_the_exit_code_is_lost(run, command):
    """With SIGCHLD ignored, as some daemons do, exit codes do not exist."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        ended = run(command("exit 3")).result()
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert ended.code is None
    assert "exit code" in str(ended.error)
    assert run(command("exit 3")).result().code == 3


def test_a_script_runs_by_its_first_line(run, command, tmp_path):
    assert run(command(argv=[script(tmp_path / "s", "exit 7")])).result().code == 7
