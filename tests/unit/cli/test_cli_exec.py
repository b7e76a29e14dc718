"""``exec``: any command in this process's place, on GPUs that are leased for it."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import Ran, run_apart

if TYPE_CHECKING:
    from command_line import Cli

SHOW = (
    sys.executable, "-S", "-c",
    "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))",
)  # fmt: skip


def run(cli: Cli, *argv: str | bytes, **more: str) -> Ran:
    return run_apart("exec", "--devices", "simulated:4", *argv, cwd=cli.folder, **more)


def shown(ran: Ran) -> tuple[list[str], dict[str, str]]:
    assert ran.code == 0, ran.err
    assert ran.err == ""
    argv, env = json.loads(ran.out)
    return argv, env


def test_the_mark_becomes_the_indexes_and_no_mask_is_set(cli: Cli) -> None:
    argv, env = shown(run(cli, "--gpus", "2", "--", *SHOW, "-g", "%(GPU)s", "x"))
    assert argv == ["-g", "0", "1", "x"]
    assert "CUDA_VISIBLE_DEVICES" not in env
    assert env["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def test_without_a_mark_the_command_sees_its_gpus_alone(cli: Cli) -> None:
    argv, env = shown(run(cli, "--gpus", "3", "--", *SHOW, "x"))
    assert argv == ["x"]
    assert env["CUDA_VISIBLE_DEVICES"] == "0,1,2"


@pytest.mark.slow
def test_an_outer_mask_narrows_what_is_leased(cli: Cli) -> None:
    _, env = shown(run(cli, "--", *SHOW, CUDA_VISIBLE_DEVICES="2,3"))
    assert env["CUDA_VISIBLE_DEVICES"] == "2"
    _argv, env = shown(run(cli, "--", *SHOW, "%(GPU)s", CUDA_VISIBLE_DEVICES="2,3"))
    assert env["CUDA_VISIBLE_DEVICES"] == "2,3"
    ran = run(cli, "--gpus", "3", "--", *SHOW, CUDA_VISIBLE_DEVICES="2,3")
    assert ran.code == 2
    assert "3 GPUs are needed, and the run has 2" in ran.err


def test_the_rest_of_the_environment_is_left_alone(cli: Cli) -> None:
    _, env = shown(run(cli, "--", *SHOW, SOMETHING="of mine"))
    assert env["SOMETHING"] == "of mine"
    assert not [name for name in env if name.startswith("GPUCORE_")]
    assert env.get("PWD", True)


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_commands_exit_code_is_passed_on(cli: Cli, code: int) -> None:
    assert run(cli, "--", "sh", "-c", f"exit {code}").code == code


def test_a_death_by_signal_is_the_callers_to_see(cli: Cli) -> None:
    assert run(cli, "--", "sh", "-c", "kill -TERM $$").code == -signal.SIGTERM


def test_no_signal_is_ignored_for_the_command(cli: Cli) -> None:
    ran = run(cli, "--", "grep", "SigIgn", "/proc/self/status")
    ignored = int(ran.out.split()[1], 16)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM):
        assert not ignored & 1 << (number - 1)


def test_more_gpus_than_there_are_are_refused(cli: Cli) -> None:
    ran = run(cli, "--gpus", "5", "--", "touch", "made")
    assert ran.code == 2
    assert "5 GPUs are needed, and the run has 4" in ran.err
    assert not (cli.folder / "made").exists()


@pytest.mark.slow
def test_waiting_for_gpus_that_are_free_is_over_at_once(cli: Cli) -> None:
    assert run(cli, "--wait", "0", "--", "true").code == 0
    assert run(cli, "--wait", "60", "--", "true").code == 0


@pytest.mark.slow
def test_a_program_that_is_not_there_is_told(cli: Cli) -> None:
    ran = run(cli, "--", "no-such-program\x1b[2J")
    assert ran.code == 2
    assert "`no-such-program\\x1b[2J` could not be started (No such file or directory)" in ran.err
    cli.write("plain.txt")
    ran = run(cli, "--", "./plain.txt")
    assert "(Permission denied)" in ran.err


@pytest.mark.slow
def test_options_after_the_command_are_the_commands(cli: Cli) -> None:
    argv, _ = shown(run(cli, *SHOW, "--gpus", "7", "--help", "--", "-x"))
    assert argv == ["--gpus", "7", "--help", "--", "-x"]
    argv, _ = shown(run(cli, "--", *SHOW, "--", "--json"))
    assert argv == ["--", "--json"]


def test_arguments_arrive_byte_for_byte(cli: Cli) -> None:
    word = b"a b\n'\"$(x) `id` \xff 50% %(out)s \x1b[2J"
    ran = run(cli, "--", *SHOW, word)
    assert shown(ran)[0] == [word.decode(errors="surrogateescape")]


@pytest.mark.parametrize(
    ("argv", "what"),
    [((), "error[E250]: missing argument '-- COMMAND...'"),
     (("--gpus", "0", "--", "true"), "is not in the range"),
     (("--gpus", "0 1", "--", "true"), "is not a valid integer"),
     (("--wait", "x", "--", "true"), "is not a valid float")],
)  # fmt: skip
def test_a_wrong_call_is_refused(cli: Cli, argv: tuple[str, ...], what: str) -> None:
    assert what in cli.refuses("exec", "--devices", "simulated:1", *argv)


def test_a_machine_without_gpus_ends_with_3(cli: Cli) -> None:
    said = cli.refuses("exec", "--devices", "simulated:0", "--", "true", code=3)
    assert "a lease needs a GPU: the device source `simulated:0` found no GPU" in said


def test_nothing_is_left_behind(cli: Cli) -> None:
    ran = run(cli, "--", "ls", "-A", TMPDIR=str(cli.folder))
    assert sorted(ran.out.split()) == ["a.tif", "b.tif", "c.tif", "copy.toml"]
