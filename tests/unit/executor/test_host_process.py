"""A host process that ends: programs end with it, and a fork's end is not its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import Future

import pytest
from programs import Gate

LONG = 60

HOST = """
import os, sys
from pathlib import Path
from programs import shell
from gpucore import StepExecutor
from gpucore.config import SiteConfig
executor = StepExecutor.open(
    gpus="", threads=2, devices="simulated:1", output=sys.argv[1], config=SiteConfig(),
    adapters=[shell("cpu")],
)
step = executor.submit("cpu", text=sys.argv[2])
"""


@pytest.fixture
def host(tmp_path):
    """Return what runs a host program; its step is up, and writes as long as it lives."""

    def run(text, step):
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", HOST + text, str(tmp_path / "run"), step],
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(p for p in sys.path if p)},
        )

    return run


def listen(gate):
    heard = Future()
    threading.Thread(target=lambda: heard.set_result(gate.receive())).start()
    return heard


@pytest.mark.slow
@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "raise LookupError"])
def test_a_host_that_ends_without_closing_leaves_no_program(host, tmp_path, end):
    alive, up = Gate(tmp_path / "alive"), Gate(tmp_path / "up")
    heard = listen(alive)
    step = f"trap '' TERM; exec 3> {alive}; echo up > {up}; sleep 1000; echo survived >&3"
    ended = host(f"Path({str(up.path)!r}).read_text()\n{end}", step)
    assert heard.result(timeout=LONG) == ""
    assert ended.returncode == (1 if "Lookup" in end else 0), ended.stderr
    assert "Exception ignored" not in ended.stderr


@pytest.mark.slow
def test_a_fork_that_ends_leaves_the_programs_alone(host, tmp_path):
    up, go_on = Gate(tmp_path / "up"), Gate(tmp_path / "go")
    text = (
        f"Path({str(up.path)!r}).read_text()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    sys.exit(0)\n"
        "os.waitpid(child, 0)\n"
        f"Path({str(go_on.path)!r}).write_text('x')\n"
        "print(step.result(timeout=60).state.value)\n"
        "executor.close()\n"
    )
    ended = host(text.replace("os.fork()", "os.fork()  # -W error: 3.12 warns of threads"),
                 f"echo up > {up}; read x < {go_on}; exit 0")  # fmt: skip
    if "DeprecationWarning" in ended.stderr:
        pytest.skip("this Python refuses to fork a process with threads when warnings are errors")
    assert ended.stdout == "done\n", ended.stderr
