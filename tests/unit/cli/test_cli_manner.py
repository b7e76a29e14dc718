"""How much is said, and whether in colour: the options that every verb has."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click
import pytest
from command_line import run_apart, start

from gpucore.cli.entry import VERBS
from gpucore.cli.entry import gpucore as program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command_line import Cli

COPY = ("--adapter", "copy.toml")
MAP = ("map", "copy", "a.tif", "b.tif", "-o", "out", *COPY)


def commands(command: click.Command, name: str = "") -> Iterator[tuple[str, click.Command]]:
    if name:
        yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for one in command.list_commands(context):
            inner = command.get_command(context, one)
            assert inner is not None
            yield from commands(inner, f"{name} {one}".strip())


@pytest.mark.parametrize(("name", "command"), list(commands(program)))
def test_every_verb_has_the_options_of_every_verb_once(name: str, command: click.Command) -> None:
    options = [text for one in command.params for text in one.opts]
    assert name.partition(" ")[0] in VERBS
    for option in ("-q", "--quiet", "-v", "--verbose", "--no-color"):
        assert options.count(option) == 1


def test_quiet_leaves_remarks_out_and_errors_in(cli: Cli) -> None:
    assert "leases" in cli("leases", "--devices", "simulated:1").err
    assert cli("leases", "-q", "--devices", "simulated:1").err == ""
    assert cli("new", "adapter", "sharpen", "-q").err == ""
    assert cli(*MAP, "--plan", "-q").err == ""
    assert "error" in cli("map", "copi", "a.tif", "-o", "out", "-q").err


def test_quiet_of_one_call_is_not_that_of_the_next(cli: Cli) -> None:
    assert cli("leases", "-q", "--devices", "simulated:1").err == ""
    assert cli("leases", "--devices", "simulated:1").err


def test_quiet_counts_before_the_inner_verb_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):  # other tests have that GPU, too
        monkeypatch.setenv(name, str(cli.folder))
    ran = cli("gpus", "-q", "disable", "0", "--reason", "loud", "--devices", "simulated:1")
    assert (ran.code, ran.err) == (0, "")


def test_verbose_tells_each_step_that_starts(cli: Cli) -> None:
    assert "start copy/a" not in cli(*MAP).err
    said = cli(*MAP, "--again", "-v").err
    assert "start copy/a on no GPU" in said
    assert "start copy/b on no GPU" in said


@pytest.mark.parametrize(
    ("options", "told"),
    [((), {"careful"}), (("-q",), set()), (("-v",), {"careful", "so it is"}),
     (("-vv",), {"careful", "so it is", "deep"})],
)  # fmt: skip
def test_what_is_logged_is_told_as_far_as_it_is_wanted(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], told: set[str]
) -> None:
    def settings_of(*_: object, **__: object) -> None:
        logger = logging.getLogger("gpucore.of.something")
        logger.debug("deep")
        logger.info("so it is")
        logger.warning("careful")
        raise click.exceptions.Exit(0)

    monkeypatch.setattr("gpucore.cli.plugins_verb.settings_of", settings_of)
    ran = cli("plugins", *options)
    assert {line.partition(": ")[2] for line in ran.err.splitlines()} == told
    logging.getLogger("gpucore.of.something").warning("after it")
    assert "after it" not in cli("--version").err


CALLS = {
    "error": ("map", "copi", "a.tif", "-o", "out"),
    "table": ("gpus", "--devices", "simulated:1"),
    "page": ("adapters", "show", "gctf"),
    "run": (*MAP, "-v", "--set", "text=exit 1"),
    "doctor": ("doctor", "--devices", "simulated:1"),
    "plan": (*MAP, "--plan"),
    "config": ("config", "show", "--origin"),
    "top": ("top", "--devices", "simulated:1"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_off_a_terminal_nothing_is_drawn_or_coloured(cli: Cli, name: str) -> None:
    with start(*CALLS[name], cwd=cli.folder, FORCE_COLOR="1", TERM="xterm-256color") as process:
        out, err = process.communicate()
    assert out + err
    assert not [one for one in out + err if one < 32 and one != ord("\n")]


@pytest.mark.slow
def test_data_alone_stand_on_standard_output(cli: Cli, tmp_path: Path) -> None:
    assert cli(*MAP).code == 0
    for argv in (("report", "out"), ("cancel", "out"), ("leases", "--devices", "simulated:1"),
                 (*MAP, "--again")):  # fmt: skip
        ran = run_apart(*argv, cwd=cli.folder, HOME=str(tmp_path))
        assert ran.out == ""
        assert ran.err
