"""The shepherd: what it does for its host, and without it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import Gate

from gpucore.system import shepherd
from gpucore.system.exit_codes import left_code, read_status, settle
from gpucore.system.orphans import SHEPHERD_MARK, find_shepherds, process_start, wait_for_end
from gpucore.system.shepherd import Frames, frame

LONG = 60.0
RUN = f"a-run-of-{os.getpid()}"


class Host:
    """A process that stands for the host, and this test's end of the shepherd's socket."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "status").mkdir()
        self.process = subprocess.Popen(["/bin/sleep", "1000"])
        self.mine, theirs = socket.socketpair()
        words = [sys.executable, "-I", "-S", shepherd.__file__]
        subprocess.run(
            [*words, str(self.process.pid), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={SHEPHERD_MARK: RUN},
            check=True,
        )
        theirs.close()
        self.frames = Frames(self.mine)
        self._told = []

    def start(self, key, text, *, taken=()):
        program = {
            "key": key,
            "argv": [b"/bin/sh", b"-c", os.fsencode(text)],
            "env": {b"PATH": os.fsencode(os.defpath)},
            "cwd": os.fsencode(self.folder),
            "log": os.fsencode(self.folder / f"log-{key}"),
            "status": os.fsencode(self.status(key)),
            "descriptors": 0,
            "stdin": False,
            "tell": True,
            "taken": list(taken),
        }
        self.mine.sendall(frame(("start", program)), socket.MSG_NOSIGNAL)

    def status(self, key):
        return str(self.folder / "status" / f"step-{key}")

    def hear(self, what):
        """Wait for the next word of a kind."""
        while True:
            for message in self._told:
                if message[0] == what:
                    self._told.remove(message)
                    return message
            assert select.select([self.mine], [], [], LONG)[0]
            self._told += self.frames.read() or [("gone",)]

    def die(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def host(tmp_path):
    made = Host(tmp_path)
    yield made
    made.process.kill()
    made.process.wait()
    made.mine.close()
    for one in find_shepherds(RUN):
        os.kill(one.pid, signal.SIGKILL)


def left(host, key):
    return left_code(RUN, host.status(key), lambda: False)


def test_it_is_no_child_of_whoever_starts_it(host):
    (one,) = find_shepherds(RUN)
    with pytest.raises(ChildProcessError):
        os.waitpid(one.pid, os.WNOHANG)


def test_it_ends_when_the_host_ends_in_order_and_leaves_nothing(host):
    host.start(1, "exit 3")
    assert host.hear("ended")[2] == 3
    (one,) = find_shepherds(RUN)
    host.mine.sendall(frame(("close",)))
    host.mine.shutdown(socket.SHUT_WR)
    assert wait_for_end(one, timeout=LONG)
    assert list((host.folder / "status").iterdir()) == []


def test_an_end_that_the_host_did_not_record_is_written_down_when_it_dies(host):
    host.start(1, "exit 3")
    host.start(2, "exit 4", taken=[])
    host.hear("ended")
    host.hear("ended")
    host.die()
    assert (left(host, 1), left(host, 2)) == (3, 4)


def test_an_end_that_is_on_record_is_not_written_down(host):
    host.start(1, "exit 3")
    host.hear("ended")
    host.start(2, "exit 4", taken=[1])
    host.hear("ended")
    host.die()
    assert left(host, 2) == 4
    assert read_status(host.status(1)) is None


@pytest.mark.parametrize("code", [0, 7, -signal.SIGSEGV])
def test_a_program_that_outlives_its_host_leaves_its_exit_code(host, code):
    gate = Gate(host.folder / "gate")
    end = f"kill {code} $$" if code < 0 else f"exit {code}"
    host.start(1, f"read x <{gate}; {end}")
    host.hear("started")
    (one,) = find_shepherds(RUN)
    host.die()
    settle(RUN, host.status(1), lambda: False)
    assert read_status(host.status(1)) is None
    gate.release()
    assert left(host, 1) == code
    assert wait_for_end(one, timeout=LONG)


def test_what_a_dead_host_asked_for_is_not_started_any_more(host):
    gate = Gate(host.folder / "gate")
    host.start(1, f"read x <{gate}")
    host.hear("started")
    host.die()
    settle(RUN, host.status(1), lambda: False)
    with pytest.raises(BrokenPipeError):
        host.start(2, "touch made")
    gate.release()
    assert left(host, 1) == 0
    assert left(host, 2) is None
    assert not (host.folder / "made").exists()


def test_a_shepherd_that_was_killed_leaves_no_code_and_nobody_waits_for_it(host):
    gate = Gate(host.folder / "gate")
    host.start(1, f"echo $$ >pid; read x <{gate}")
    host.hear("started")
    (one,) = find_shepherds(RUN)
    host.die()
    settle(RUN, host.status(1), lambda: False)
    os.kill(one.pid, signal.SIGKILL)
    gate.release()
    assert left(host, 1) is None


def test_a_program_gets_the_signals_that_python_and_the_shepherd_ignore_as_default(host):
    host.start(1, "grep SigIgn /proc/self/status")
    host.hear("ended")
    ignored = int((host.folder / "log-1").read_text().split()[1], 16)
    for number in (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        assert not ignored & 1 << (number - 1)


def test_a_message_of_any_size_comes_through_in_pieces(host):
    text = "x" * 100_000
    host.start(1, f": {text}; exit 5")
    assert host.hear("ended")[2] == 5


def test_it_is_found_by_its_run_alone(host):
    (one,) = find_shepherds(RUN)
    assert process_start(one.pid) == one.start
    assert find_shepherds("another run") == []


def test_without_its_host_it_sleeps_until_a_program_ends(host):
    gate = Gate(host.folder / "gate")
    host.start(1, f"read x <{gate}")
    host.hear("started")
    (one,) = find_shepherds(RUN)
    host.die()
    settle(RUN, host.status(1), lambda: False)
    before = ticks(one.pid)
    end = time.process_time() + 0.5  # as much work as the scheduler shares between the two
    while time.process_time() < end:
        pass
    assert ticks(one.pid) - before < 5
    gate.release()
    assert left(host, 1) == 0


def ticks(pid):
    """Return the processor time that a process has used, in hundredths of a second."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(stat[11]) + int(stat[12])


KILLED = """
import os, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
from gpucore.system.orphans import find_shepherds, wait_for_end
from gpucore.system.processes import Programs

class Listener:
    def look(self):
        return None

programs = Programs("killed", Listener())
while not (found := find_shepherds("killed")):
    pass
os.kill(found[0].pid, signal.SIGKILL)
wait_for_end(found[0])
for _ in range(3):
    programs.stop(1, 0)
assert not programs.listen()
"""


def test_the_end_of_a_shepherd_does_not_end_a_host_that_heeds_sigpipe():
    subprocess.run([sys.executable, "-c", KILLED], check=True)
