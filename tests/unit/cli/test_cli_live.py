"""The living picture of a run on a terminal, and that the terminal is left as it was."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment
from programs import Gate
from pseudo_terminals import OnTerminal

if TYPE_CHECKING:
    from command_line import Cli

pytestmark = pytest.mark.slow

NEEDY = """
name = "needy"
title = "needs a GPU"
[program]
executable = "/bin/sh"
[gpu]
use = "compulsory"
form = "space"
[command]
argv = ["%(EXE)s", "-c", "%(text)s", "needy", "%(src)s", "%(dst)s", "%(GPU)s"]
[params]
src = { type = "path", item = true, help = "what is read" }
dst = { type = "path", output = "%(src.stem)s.out", help = "what is made" }
text = { type = "string", help = "what is run" }
"""
HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"


def on_terminal(cli: Cli, *argv: str, **more: str) -> OnTerminal:
    return OnTerminal([sys.executable, "-m", "gpucore.cli", *argv], cli.folder, environment(**more))


def needy(cli: Cli, text: str, *more: str, **env: str) -> OnTerminal:
    cli.write("needy.toml", NEEDY)
    return on_terminal(
        cli, "map", "needy", "a.tif", "b.tif", "c.tif", "-o", "out", "--adapter", "needy.toml",
        "--devices", "simulated:2", "--gpus", "0 1", "--threads", "3", "--set", f"text={text}",
        *more, **env,
    )  # fmt: skip


def test_a_terminal_sees_counts_and_what_runs_on_which_gpu(cli: Cli) -> None:
    gates = [Gate(cli.folder / f"{name}.tif.gate") for name in "abc"]
    # Every step waits at a gate of its own until the picture has been read.
    shown = needy(cli, 'read x < "$1.gate"; cat "$1" > "$2"')
    shown.read_until(r"3 steps, 2 workers, GPU slots \(simulated\): 0 · 1")
    shown.read_until(r"0/3")
    shown.read_until(r"GPU 0 \(simulated\)  needy/a \d+\.\d s")
    shown.read_until(r"GPU 1 \(simulated\)  needy/b \d+\.\d s")
    gates[1].release()
    shown.read_until(r"GPU 1 \(simulated\)  needy/c \d+\.\d s")
    shown.read_until(r"1/3")
    gates[0].release()
    gates[2].release()
    assert shown.finish() == 0
    assert "3 done in " in shown.text.splitlines()[-2]
    assert shown.raw.rindex(SHOW) > shown.raw.rindex(HIDE)
    # The picture is taken away: it is erased before the last line is written.
    tail = shown.raw[shown.raw.rindex(SHOW) :]
    assert "GPU 0" not in tail
    assert "3/3" not in tail


def test_failures_are_told_above_the_picture(cli: Cli) -> None:
    shown = needy(cli, 'case "$1" in b*) exit 3;; esac; cat "$1" > "$2"')
    assert shown.finish() == 1
    assert "failed needy/b on GPU 1 (simulated)" in shown.text
    assert "exit code 3" in shown.text
    assert shown.raw.rindex(SHOW) > shown.raw.rindex(HIDE)


def test_names_with_markup_and_emoji_codes_are_shown_as_they_are(cli: Cli) -> None:
    for name in (":bug:.tif", "x[/nope].tif", "[red]y.tif"):
        cli.write(name)
    shown = on_terminal(
        cli, "map", "copy", ":bug:.tif", "[red]y.tif", "x[/nope].tif", "-o", "out",
        "--adapter", "copy.toml", "--set", "text=exit 3",
    )  # fmt: skip
    assert shown.finish() == 1
    for name in ("failed copy/:bug:", "failed copy/[red]y", "failed copy/nope]"):
        assert name in shown.text


def test_an_interruption_leaves_the_terminal_as_it_was(cli: Cli) -> None:
    gate = Gate(cli.folder / "gate")
    shown = needy(cli, f"echo up > {gate}; exec sleep 1000")
    # Each has a line of its own in the pipe; one is enough to know that a program runs.
    assert "up" in gate.receive()
    shown.read_until(r"needy/a \d")
    shown.process.send_signal(signal.SIGINT)
    assert shown.finish() == 130
    assert "stopping: programs are asked to end" in shown.text
    assert "0 done, 3 cancelled" in shown.text
    assert shown.raw.rindex(SHOW) > shown.raw.rindex(HIDE)


def test_a_run_that_cannot_be_opened_leaves_the_terminal_as_it_was(cli: Cli) -> None:
    shown = needy(cli, "true", GPUCORE_ENGINE="locl")
    assert shown.finish() == 2
    assert "did you mean `local`?" in shown.text
    assert shown.raw.rfind(SHOW) >= shown.raw.rfind(HIDE)


def test_quiet_and_plans_draw_nothing_even_on_a_terminal(cli: Cli) -> None:
    for more in ("-q", "--plan"):
        shown = needy(cli, 'cat "$1" > "$2"', more)
        assert shown.finish() == 0
        assert HIDE not in shown.raw


def test_a_dumb_terminal_is_not_animated(cli: Cli) -> None:
    cli.write("needy.toml", NEEDY)
    shown = OnTerminal(
        ["/bin/sh", "-c", 'TERM=dumb exec "$@"', "sh", sys.executable, "-m", "gpucore.cli", "map",
         "copy", "a.tif", "-o", "out", "--adapter", "copy.toml"],
        cli.folder, environment(),
    )  # fmt: skip
    assert shown.finish() == 0
    assert HIDE not in shown.raw
    assert "1 done in " in shown.text
