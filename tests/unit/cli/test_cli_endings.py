"""How the command line ends: exit codes, interruptions, faults of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from command_line import COPY, environment, run_apart, start
from programs import Gate

from gpucore.cli import map_verb

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli

pytestmark = pytest.mark.slow

# Says its number and its child's through a gate and lives until it is ended.
LONG = "sleep 1000 & echo $$ $! > {0}; wait; wait"
DEAF = "trap '' TERM; echo $$ $$ > {0}; while :; do sleep 1000; done"


def test_all_done_is_0_and_a_failed_step_1(cli: Cli) -> None:
    call = ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml")
    assert cli(*call).code == 0
    ran = cli(*call, "--set", "text=echo no memory >&2; exit 7")
    assert ran.code == 1
    assert "exit code 7; its last words: no memory" in ran.err
    assert "0 done, 1 failed in " in ran.err
    assert f"\n  log: {cli.folder}/out/.gpucore/runs/" in ran.err


def test_a_program_that_makes_no_output_has_failed_with_exit_code_0(cli: Cli) -> None:
    ran = cli("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", "--set", "text=:")
    assert ran.code == 1
    assert "ended with exit code 0, but of its outputs dst" in ran.err


def test_an_item_that_goes_away_fails_its_own_step_alone(cli: Cli) -> None:
    ran = cli(
        "map", "copy", "a.tif", "b.tif", "-o", "out", "--adapter", "copy.toml", "--threads", "2",
        "--set", 'text=rm -f b.tif; cat "$1" > "$2"', "--json",
    )  # fmt: skip
    assert ran.code == 1
    steps = {one["step"]: one for one in json.loads(ran.out)["steps"]}
    assert steps["copy/a"]["state"] == "done"
    assert steps["copy/b"]["failure"] == "bad_input"
    assert "it is not there" in steps["copy/b"]["reason"]


def test_an_internal_fault_is_4_without_a_traceback(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def planted(*_: object, **__: object) -> None:
        raise RuntimeError("planted\x1b[2J")

    monkeypatch.setattr(map_verb, "settings_of", planted)
    call = ("map", "copy", "a.tif", "-o", "out")
    said = cli.refuses(*call, code=4)
    assert said.startswith("error[E900]: internal fault: RuntimeError: planted\\x1b[2J\n")
    assert "GPUCORE_DEBUG=1" in said


def test_a_signal_that_a_library_takes_for_its_own_fault_ends_a_run_as_the_signal_does(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wraps(*_: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        except KeyboardInterrupt as error:
            raise RuntimeError(
                "as pydantic wraps what breaks into the building of a model"
            ) from error

    monkeypatch.setattr(map_verb, "settings_of", wraps)
    ran = cli("map", "copy", "a.tif", "-o", "out")
    assert (ran.code, ran.err) == (128 + signal.SIGHUP, "")


def test_debugging_shows_where_an_internal_fault_happened(cli: Cli) -> None:
    program = (
        "import sys\nfrom gpucore.cli import main, map_verb\n"
        "map_verb.settings_of = lambda *_: 1 // 0\n"
        'sys.exit(main(["map", "copy", "a.tif", "-o", "out", *sys.argv[1:]]))\n'
    )
    for debug, option, shown in (
        ({}, (), False), ({"GPUCORE_DEBUG": "1"}, (), True), ({}, ("--debug",), True),
    ):  # fmt: skip
        with start_python(program, cli.folder, *option, **debug) as process:
            _, err = process.communicate()
        assert process.returncode == 4
        assert ("Traceback" in err.decode()) is shown
        assert "internal fault: ZeroDivisionError" in err.decode()


def start_python(program: str, cwd: Path, *argv: str, **more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *argv],
        cwd=cwd, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def long_run(cli: Cli, text: str, *more: str) -> tuple[subprocess.Popen[bytes], list[int]]:
    """Start a run of three steps, one at a time; return it and descriptors of what it runs."""
    gate = Gate(cli.folder / "gate")
    process = start(
        "map", "copy", "a.tif", "b.tif", "c.tif", "-o", "out", "--adapter", "copy.toml",
        "--threads", "2", "--set", f"text={text.format(gate)}", *more, cwd=cli.folder,
    )  # fmt: skip
    return process, [os.pidfd_open(int(pid)) for pid in gate.receive().split()]


def assert_gone(running: list[int]) -> None:
    """Prove that processes have ended; who reaps an orphan, and when, is not ours to say."""
    for descriptor in running:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        assert ended.poll(60_000)
        os.close(descriptor)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"]
)
def test_an_interruption_asks_programs_to_end_and_tells_what_was_done(
    cli: Cli, number: signal.Signals, code: int
) -> None:
    process, pids = long_run(cli, LONG)
    process.send_signal(number)
    out, err = process.communicate()
    assert process.returncode == code
    assert_gone(pids)
    said = err.decode()
    assert "stopping: programs are asked to end (Ctrl-C again ends them at once)" in said
    assert "0 done, 3 cancelled in " in said
    assert "Traceback" not in said
    assert out == b""


def test_an_interruption_reaches_a_program_as_term(cli: Cli) -> None:
    text = "trap 'echo asked > told; exit 0' TERM; echo $$ > {0}; while :; do read x < block; done"
    os.mkfifo(cli.folder / "block")
    process, pids = long_run(cli, text)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert_gone(pids)
    assert (cli.folder / "told").read_text() == "asked\n"


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
def test_a_second_interruption_ends_at_once_what_does_not_listen(
    cli: Cli, second: signal.Signals
) -> None:
    process, pids = long_run(cli, DEAF)
    process.send_signal(signal.SIGINT)
    # The first has been taken when it is told.
    assert process.stderr is not None
    said = b""
    while b"stopping" not in said:
        said += process.stderr.readline()
    process.send_signal(second)
    process.communicate()
    assert process.returncode == 130
    assert_gone(pids)


def test_an_interrupted_run_still_prints_its_json(cli: Cli) -> None:
    process, running = long_run(cli, LONG, "--json")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate()
    assert_gone(running)
    assert process.returncode == 143
    told = json.loads(out)
    assert told["counts"] == {"cancelled": 3}
    assert [step["state"] for step in told["steps"]] == ["cancelled"] * 3


def test_an_interruption_while_steps_are_submitted_loses_none_of_them(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The signal comes while the machine is in the middle of an event, with its lock held.
    from gpucore.scheduling import Machine, Submitted  # noqa: PLC0415

    handle = Machine.handle

    def interrupted(self: Machine, event: object) -> object:
        actions = handle(self, event)  # type: ignore[arg-type]
        if isinstance(event, Submitted) and event.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return actions

    monkeypatch.setattr(Machine, "handle", interrupted)
    ran = cli("map", "copy", "a.tif", "b.tif", "c.tif", "-o", "out", "--adapter", "copy.toml",
              "--threads", "2", "--json")  # fmt: skip
    assert ran.code == 130
    assert sum(json.loads(ran.out)["counts"].values()) == 3
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interruption_that_another_thread_is_given_is_obeyed(cli: Cli) -> None:
    # The kernel may do so, and the main thread's wait then does not end by itself.
    gate = Gate(cli.folder / "gate")

    def interrupt() -> None:
        gate.receive()
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    ran = cli("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml",
              "--set", f"text={LONG.format(gate)}")  # fmt: skip
    thread.join()
    assert ran.code == 130
    assert "0 done, 1 cancelled" in ran.err


def test_a_reader_that_has_enough_is_no_fault(cli: Cli) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "gpucore.cli", "adapters"],
        cwd=cli.folder, env=environment(), stdout=writing, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == b""


def test_a_terminal_that_knows_ascii_only_is_no_fault(cli: Cli) -> None:
    ran = run_apart("adapters", "show", "motioncor2", cwd=cli.folder, PYTHONIOENCODING="ascii")
    assert ran.code == 0, ran.err
    assert "pixel_size" in ran.out


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_comes_while_a_plugin_is_loaded_is_not_taken_for_the_plugins_fault(
    tmp_path, number
):
    (tmp_path / "ends.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\n")
    info = tmp_path / "ends-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ends\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[gpucore]\nends = ends\n")
    ran = run_apart("adapters", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert ran.code == 128 + number
    assert ran.out == ""


LOSES_IT = """
import os, signal, weakref
class Thing: pass
thing = Thing()
reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), {number}))
del thing
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_python_loses_ends_a_run_before_its_first_step(tmp_path, number):
    """What a handler raises in a weak reference's callback goes no further."""
    (tmp_path / "loses.py").write_text(LOSES_IT.format(number=int(number)))
    info = tmp_path / "loses-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loses\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[gpucore]\nloses = loses\n")
    (tmp_path / "copy.toml").write_text(COPY)
    (tmp_path / "a.mrc").write_text("movie")
    words = ["map", "copy", "a.mrc", "-o", "out", "--adapter", "copy.toml"]
    ran = run_apart(*words, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert ran.code == 128 + number
    assert "Traceback" not in ran.err
    assert not (tmp_path / "out" / "a.out").exists()
