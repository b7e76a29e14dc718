"""``logs``: what a step's program printed, fit for a terminal, and as it comes."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment, start
from gated_runs import GatedRun
from pseudo_terminals import OnTerminal

if TYPE_CHECKING:
    from command_line import Cli

MAP = ("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml")


def refused(cli: Cli, *argv: str) -> str:
    """Call it, see that it refuses; SQLite touches its files when a journal is read."""
    ran = cli(*argv)
    assert (ran.code, ran.out) == (2, "")
    return ran.err


def test_a_log_is_printed_as_a_terminal_would_show_it_and_harmless(cli: Cli) -> None:
    text = r'printf "one\r\ntwo 10%%\rtwo 20%%\r\nclear\033[2J \377\tend\nlast"; cat "$1" >"$2"'
    assert cli(*MAP, "--set", f"text={text}").code == 0
    ran = cli("logs", "out", "copy/a")
    assert ran.code == 0
    assert ran.out.splitlines() == ["one", "two 20%", "clear\\x1b[2J �     end", "last"]
    assert ran.err.startswith("attempt 1: ")


def test_each_attempt_has_its_own(cli: Cli) -> None:
    text = 'echo try >>tries; wc -l <tries; [ $(wc -l <tries) -ge 3 ] && cat "$1" >"$2"'
    assert cli(*MAP, "--retries", "3", "--set", f"text={text}").code == 0
    assert cli("logs", "out", "a").out.split() == ["3"]
    assert cli("logs", "out", "a", "--attempt", "1").out.split() == ["1"]
    said = refused(cli, "logs", "out", "a", "--attempt", "7")
    assert "there is no attempt 7 of `copy/a`" in said
    assert "one of: 1, 2, 3" in said


def test_a_step_without_a_log_says_why(cli: Cli) -> None:
    cli.write("b.toml", '[[stage]]\nname = "s"\nadapter = "copy"\nitems = ["a.tif"]\n'
              'params = { side = "gone" }\n[run]\noutput = "out"\n')  # fmt: skip
    assert cli("run", "b.toml", "--adapter", "copy.toml").code in {1, 2}
    assert cli(*MAP).code == 0
    for log in (cli.folder / "out" / ".gpucore" / "runs").rglob("*.txt"):
        log.unlink()
    assert "the log of `copy/a` is not there" in refused(cli, "logs", "out", "a")
    assert "there is no step" in refused(cli, "logs", "out", "zz")


def test_a_line_without_an_end_takes_little_of_the_screen(cli: Cli) -> None:
    text = 'head -c 3000000 /dev/zero | tr "\\\\0" x; cat "$1" >"$2"'
    assert cli(*MAP, "--set", f"text={text}").code == 0
    (line,) = cli("logs", "out", "a").out.splitlines()
    assert line.endswith("…")
    assert len(line) < 11_000


@pytest.mark.slow
def test_following_ends_with_the_step(cli: Cli) -> None:
    run = GatedRun(cli)
    host, _ = run.begin()
    following = run.start("logs", "out", "gated/a", "-f")
    assert following.stderr is not None
    assert b"attempt 1: " in following.stderr.readline()
    run.go.release()
    host.communicate()
    _, said = following.communicate()
    assert said.decode().strip() == "gated/a: done"
    assert following.returncode == 0


def test_following_a_step_that_has_ended_ends_at_once(cli: Cli) -> None:
    assert cli(*MAP, "--set", 'text=echo said; cat "$1" >"$2"').code == 0
    ran = cli("logs", "out", "a", "-f")
    assert ran.out == "said\n"
    assert ran.err.splitlines()[-1] == "copy/a: done"


def test_the_log_of_a_folder_that_was_moved_is_found(cli: Cli) -> None:
    assert cli(*MAP, "--set", 'text=echo said; cat "$1" >"$2"').code == 0
    os.rename(cli.folder / "out", cli.folder / "moved")  # noqa: PTH104
    assert cli("logs", "moved", "copy/a").out == "said\n"


ODD = r'printf "a\033[31mb\r\nc\377\n"; cat "$1" >"$2"'


@pytest.mark.slow
def test_raw_gives_a_pipe_every_byte_and_a_terminal_none(cli: Cli) -> None:
    assert cli(*MAP, "--set", f"text={ODD}").code == 0
    with start("logs", "out", "copy/a", "--raw", cwd=cli.folder) as process:
        out, _ = process.communicate()
    assert out == b"a\x1b[31mb\r\nc\xff\n"
    whole = ["/bin/sh", "-c", 'exec "$@" >&2', "sh", sys.executable, "-m", "gpucore.cli"]
    shown = OnTerminal([*whole, "logs", "out", "copy/a", "--raw"], cli.folder, environment())
    assert shown.finish() == 2
    assert "a terminal would obey what it holds" in shown.text


def test_json_has_the_lines_as_they_were_printed(cli: Cli) -> None:
    assert cli(*MAP, "--set", f"text={ODD}").code == 0
    ran = cli("logs", "out", "copy/a", "--json")
    assert ran.out.isascii()
    told = json.loads(ran.out)
    assert (told["step"], told["attempt"], told["state"]) == ("copy/a", 1, "done")
    assert told["lines"] == ["a\x1b[31mb", "c\ufffd"]


@pytest.mark.parametrize("other", [("--raw", "--json"), ("--json", "-f"), ("--raw", "-f")])
def test_forms_that_do_not_go_together_are_refused(cli: Cli, other: tuple[str, str]) -> None:
    assert "do not go together" in refused(cli, "logs", "out", "copy/a", *other)
