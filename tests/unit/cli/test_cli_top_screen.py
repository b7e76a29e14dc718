"""``top`` on a real pseudo-terminal, over real runs: what is seen, what keys do, what is left."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment
from gated_runs import GATED, gone
from programs import Gate
from terminal_screens import OnScreen

from gpucore.system.journal_place import state_home
from gpucore.system.present_runs import present_runs

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from command_line import Cli
    from fake_drivers import FakeDriver

pytestmark = pytest.mark.slow

TEXT = 'echo "reading $1"; read word < go.$3; echo "it said $word"; cat "$1" > "$2"'
VIEW = [sys.executable, "-m", "gpucore.cli", "top", "--devices", "simulated:2", "--interval", "0.2"]


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep runs and leases of other tests away."""
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / name))


class Runs:
    """Runs over two simulated GPUs whose programs wait at a gate of each GPU."""

    def __init__(self, cli: Cli) -> None:
        self.cli = cli
        cli.write("gated.toml", GATED)
        self.gates = [Gate(cli.folder / f"go.{index}") for index in range(2)]
        self.started: list[subprocess.Popen[bytes]] = []

    def begin(self, *items: str, out: str = "out", text: str = TEXT) -> subprocess.Popen[bytes]:
        """Begin a run."""
        from command_line import start  # noqa: PLC0415 - beside its only use

        host = start(
            "map", "gated", "-o", out, "--adapter", "gated.toml", "--devices", "simulated:2",
            "--gpus", "0 1", "--threads", "3", "--set", f"text={text}", "--", *items,
            cwd=self.cli.folder,
        )  # fmt: skip
        self.started.append(host)
        return host


@pytest.fixture
def runs(cli: Cli) -> Iterator[Runs]:
    runs = Runs(cli)
    yield runs
    for host in runs.started:
        if host.poll() is None:
            host.send_signal(signal.SIGTERM)
        host.communicate()


@pytest.fixture
def show(cli: Cli) -> Iterator[Callable[..., OnScreen]]:
    """Return what starts the view on a terminal."""
    shown: list[OnScreen] = []

    def begin(*argv: str, columns: int = 110, lines: int = 30, **more: str) -> OnScreen:
        screen = OnScreen(
            argv or VIEW, cli.folder, environment(**more), columns=columns, lines=lines
        )
        shown.append(screen)
        return screen

    yield begin
    for one in shown:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        one.close()


def test_gpus_runs_and_steps_of_another_process_are_seen_as_they_go_on(
    runs: Runs, show: Callable[..., OnScreen]
) -> None:
    host = runs.begin("a.tif", "b.tif", "c.tif")
    screen = show()
    screen.read_until(r"^>     0  simulated GPU .* gated/a in out \d+ s$")
    screen.read_until(r"^      1  simulated GPU .* gated/b in out \d+ s$")
    screen.read_until(rf"/out +\S+ +{host.pid}  runs +0 +2 +0 +1 ")
    screen.read_until(r"^  running +\d+ s  0 +gated/a$")
    runs.gates[0].release("well\n")
    screen.read_until(r"^>     0  simulated GPU .* gated/c in out \d+ s$")
    screen.read_until(rf"{host.pid}  runs +1 +2 +0 +0 ")
    runs.gates[0].release()
    runs.gates[1].release()
    host.communicate()
    # What has ended stays for a while.
    screen.read_until(rf"{host.pid}  ended +3 +0 +0 +0 ")
    screen.read_until(r"^>     0  simulated GPU .*  free$")
    screen.type("q")
    assert screen.finish() == 0


def test_a_log_is_looked_at_while_it_grows(runs: Runs, show: Callable[..., OnScreen]) -> None:
    host = runs.begin("a.tif")
    screen = show()
    screen.read_until("gated/a in out")
    screen.type("l")
    screen.read_until(r"^ log of gated/a · attempt 1 · followed\nreading a.tif$")
    runs.gates[0].release("some\x1b[31m words\n")
    host.communicate()
    screen.read_until(r"^it said some\\x1b\[31m words$")
    screen.type("\x1b")
    screen.read_until("gpucore top")
    screen.type("q")
    assert screen.finish() == 0


def test_a_run_is_cancelled_after_a_yes(runs: Runs, show: Callable[..., OnScreen]) -> None:
    host = runs.begin("a.tif", "b.tif", "c.tif")
    screen = show()
    screen.read_until("gated/b in out")
    screen.type("\tc")
    screen.read_until(r"end the run in \S+/out and all its programs\? \(y/n\)$")
    screen.type("n")
    screen.read_until("nothing was cancelled")
    assert host.poll() is None
    screen.type("cy")
    assert gone(host.pid)
    host.communicate()
    assert host.returncode == 128 + signal.SIGTERM
    screen.read_until(rf"{host.pid}  ended")
    screen.read_until(r"/out: ended$")
    screen.type("q")
    assert screen.finish() == 0


def test_a_step_is_cancelled_and_its_run_goes_on(runs: Runs, show: Callable[..., OnScreen]) -> None:
    host = runs.begin("a.tif", "b.tif", "c.tif")
    screen = show()
    screen.read_until("gated/a in out")
    screen.read_until("gated/b in out")
    screen.type("c")
    screen.read_until(r"end gated/a\? Its run goes on, and takes it as failed. \(y/n\)$")
    screen.type("y")
    screen.read_until(r"^>     0  simulated GPU .* gated/c in out")
    screen.read_until(r"^  failed .* gated/a: ")
    assert host.poll() is None
    screen.type("q")
    assert screen.finish() == 0


def test_who_leaves_while_a_step_ends_is_told_and_it_is_ended(
    runs: Runs, show: Callable[..., OnScreen], cli: Cli
) -> None:
    told = Gate(cli.folder / "told")
    program = f'trap "" TERM; echo $$ > {told}; while :; do sleep 1; done'
    host = runs.begin("a.tif", text=program)
    pid = int(told.receive())
    screen = show()
    screen.read_until("gated/a in out")
    screen.type("cy")
    screen.read_until("ending gated/a …")
    screen.type("q")
    screen.read_until("^waiting until gated/a has ended")
    assert screen.finish() == 0
    assert gone(pid)
    host.communicate()
    assert host.returncode == 1


def test_keys_sort_and_help(show: Callable[..., OnScreen]) -> None:
    screen = show()
    screen.read_until(r"^> GPU ▾")
    screen.type("s")
    screen.read_until(r"^> GPU +name ▾")
    screen.type("r")
    screen.read_until(r"^> GPU +name ▴")
    screen.type("\x1b[B")
    screen.read_until(r"^> +1  simulated")
    screen.type("?")
    screen.read_until("what keys do")
    screen.type("q")
    screen.read_until(r"^> GPU +name ▴")
    screen.type("\x03")
    assert screen.finish() == 130


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
)
def test_a_signal_leaves_the_terminal_as_it_was(
    show: Callable[..., OnScreen], number: signal.Signals, code: int
) -> None:
    screen = show()
    screen.read_until("gpucore top")
    screen.process.send_signal(number)
    assert screen.finish() == code


def test_a_terminal_that_is_closed_ends_the_view(show: Callable[..., OnScreen]) -> None:
    screen = show()
    screen.read_until("gpucore top")
    assert screen.hang_up() == 129


def test_a_driver_that_hangs_keeps_nobody_from_leaving(
    nvidia: FakeDriver, show: Callable[..., OnScreen]
) -> None:
    nvidia.set("count=2", "*.hang_ms=600000")
    screen = show(*VIEW[:4], "--devices", "nvml", **nvidia.variables)
    screen.read_until("looking …")
    screen.type("q")
    assert screen.finish() == 0


def test_a_fault_leaves_the_terminal_as_it_was(show: Callable[..., OnScreen]) -> None:
    program = (
        "import sys\n"
        "from gpucore.cli.top import gathering, watching\n"
        "seen = []\n"
        "def broken(self):\n"
        "    seen.append(1)\n"
        "    if len(seen) > 3:\n"
        "        raise KeyError('a fault')\n"
        "    return take(self)\n"
        "take, gathering.Gatherer.take = gathering.Gatherer.take, broken\n"
        "from gpucore.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    screen = show(sys.executable, "-c", program, *VIEW[3:])
    screen.read_until("gpucore top")
    assert screen.finish() == 4
    assert "internal fault: KeyError: 'a fault'" in screen.text
    assert "Traceback" not in screen.text


def test_a_terminal_of_any_size_is_filled_and_one_that_changes_too(
    runs: Runs, show: Callable[..., OnScreen]
) -> None:
    runs.begin("a.tif", "b.tif")
    screen = show(columns=60, lines=12)
    screen.read_until("gated/b")
    for columns, lines in ((20, 4), (1, 1), (3, 2), (200, 50), (80, 24)):
        screen.resize(columns, lines)
        # The title of what is there comes last when it is drawn anew.
        if columns >= 20:
            screen.read_until("> GPU|gpucore top")
        screen.type("\tsj")
    screen.read_until("gpucore top")
    screen.type("q")
    assert screen.finish() == 0


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(
    cli: Cli, show: Callable[..., OnScreen]
) -> None:
    screen = show("/bin/bash", "--norc", "--noprofile", "-i")
    screen.read_until(r"[#$]$")
    screen.type("PS1='shell> '\n")
    screen.read_until("^shell>$")
    screen.type(f"{' '.join(VIEW)}\n")
    screen.read_until("gpucore top ·")
    screen.type("\x1a")
    screen.read_until(r"Stopped")
    # Ended lines, and what is typed is seen: it is the shell's again.
    screen.type("echo a'b'c\n")
    screen.read_until("^abc$")
    screen.type("fg\n")
    screen.read_until("gpucore top ·")
    screen.type("q")
    screen.read_until(r"^shell>$")
    screen.type("echo left $?\n")
    screen.read_until("left 0")
    screen.type("exit\n")
    assert screen.finish() == 0


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {}])
def test_without_colour_nothing_is_coloured(
    cli: Cli, show: Callable[..., OnScreen], more: dict[str, str]
) -> None:
    cli("gpus", "disable", "1", "--reason", "loud", "--devices", "simulated:2")
    screen = show(*VIEW, *([] if more else ["--no-color"]), **more)
    screen.read_until("quarantined: disabled")
    screen.type("q")
    assert screen.finish() == 0
    assert b"\x1b[31m" not in screen.raw
    assert b"\x1b[7m" in screen.raw  # what is chosen is seen all the same


def test_with_colour_what_is_bad_is_red(cli: Cli, show: Callable[..., OnScreen]) -> None:
    cli("gpus", "disable", "1", "--reason", "loud", "--devices", "simulated:2")
    screen = show()
    screen.read_until("quarantined: disabled")
    screen.type("q")
    assert screen.finish() == 0
    assert b"\x1b[31m" in screen.raw


def test_hostile_names_reach_no_terminal(
    runs: Runs, cli: Cli, show: Callable[..., OnScreen]
) -> None:
    name = "a\x1b]0;title\x07\x1b[2J\u202e\n[red]:bug:.tif"
    cli.write(name)
    runs.begin(name, out="o\x1b[31m\u2066ut")
    screen = show(columns=200)
    screen.read_until(r"o\\x1b\[31m\\u2066ut")
    screen.read_until(r"gated/a\\x1b\]0;title\\x07\\x1b\[2J\\u202e\\n\[red\]:bug:")
    for keys, seen in (("\t\tl", "log of gated/a"), ("q", "gpucore top"), ("c", r"\(y/n\)")):
        screen.type(keys)
        screen.read_until(seen)
    screen.type("\x03")
    assert screen.finish() == 130
    for payload in (b"\x1b]0;", b"\x1b[2J", "\u202e".encode(), "\u2066".encode(), b"\x07"):
        assert payload not in screen.raw


def test_a_dumb_terminal_gets_one_look(show: Callable[..., OnScreen]) -> None:
    screen = show(TERM="dumb")
    assert screen.finish() == 0
    assert "no run goes on on this machine" in screen.text
    assert b"\x1b[?1049h" not in screen.raw


def test_nothing_is_left_of_runs_that_were_watched(
    runs: Runs, show: Callable[..., OnScreen]
) -> None:
    host = runs.begin("a.tif")
    screen = show()
    screen.read_until("gated/a in out")
    os.kill(host.pid, signal.SIGKILL)
    screen.read_until(rf"{host.pid}  died")
    runs.gates[0].release()
    screen.read_until(r"^  cut off")
    screen.type("q")
    assert screen.finish() == 0
    assert present_runs(state_home(os.environ)) == []
