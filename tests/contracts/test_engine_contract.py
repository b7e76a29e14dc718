"""One contract for every engine: what `gpucore.plugins.offers.Engine` promises."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
from pathlib import Path

import pytest
from engine_tasks import LONG, Recorder
from programs import Gate, python, script


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


def test_a_host_that_lets_the_kernel_reap_children_gets_exit_codes_all_the_same(run, command):
    """With SIGCHLD ignored, as in some daemons, a process's own children have no exit codes."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        ended = run(command("exit 3")).result()
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert (ended.code, ended.error) == (3, None)


def test_a_host_that_waits_for_every_child_does_not_take_an_exit_code(run, command, tmp_path):
    gate = Gate(tmp_path / "gate")
    recorder = run(command(f"read x < {gate}; exit 3"))
    recorder.begun.result(timeout=LONG)
    with pytest.raises(ChildProcessError):
        os.wait()
    gate.release()
    assert recorder.result().code == 3


def test_a_script_runs_by_its_first_line(run, command, tmp_path):
    assert run(command(argv=[script(tmp_path / "s", "exit 7")])).result().code == 7
