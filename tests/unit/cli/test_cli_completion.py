"""What a shell offers while a command is written, asked as click's scripts ask for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.shell_completion import BashComplete, ZshComplete
from command_line import environment
from terminal_screens import OnScreen

from gpucore.cli.entry import VERBS, gpucore

if TYPE_CHECKING:
    from command_line import Cli

HEAVY = ("pydantic", "rich", "numpy", "gpucore.executor")


def offered(*words: str) -> list[str]:
    """Return what is offered for the last of some words."""
    *before, incomplete = words
    complete = BashComplete(gpucore, {}, "gpucore", "_GPUCORE_COMPLETE")
    return [one.value for one in complete.get_completions(list(before), incomplete)]


def kinds(*words: str) -> set[str]:
    *before, incomplete = words
    complete = ZshComplete(gpucore, {}, "gpucore", "_GPUCORE_COMPLETE")
    return {one.type for one in complete.get_completions(list(before), incomplete)}


@pytest.fixture
def run_made(cli: Cli) -> Cli:
    """Return the command line beside a run of three steps."""
    ran = cli("map", "copy", "a.tif", "b.tif", "c.tif", "-o", "aligned", "--adapter", "copy.toml",
              "--gpus", "")  # fmt: skip
    assert ran.code == 0, ran.err
    (cli.folder / "other").mkdir()
    return cli


def test_verbs_complete_without_being_imported(cli: Cli) -> None:
    assert offered("") == list(VERBS)
    assert offered("re") == ["report", "resume"]
    program = (
        "import sys\nfrom click.shell_completion import BashComplete\n"
        "from gpucore.cli.entry import gpucore\n"
        "BashComplete(gpucore, {}, 'gpucore', 'X').get_completions([], 're')\n"
        "print(*[one for one in sys.modules if one.endswith('_verb')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.split() == []


def test_options_and_inner_verbs_complete(cli: Cli) -> None:
    assert "--version" in offered("--v")
    assert offered("map", "--gpus-") == ["--gpus-per-step"]
    assert offered("config", "s") == ["schema", "show"]
    assert offered("completion", "") == ["bash", "zsh", "fish"]
    assert offered("config", "schema", "j") == ["job"]
    assert offered("map", "--sharing", "r") == ["repeat"]


def test_adapters_complete_wherever_one_is_named(cli: Cli) -> None:
    assert offered("map", "motioncor3") == ["motioncor3", "motioncor3_serial"]
    assert "gctf" in offered("adapters", "show", "g")
    assert offered("adapters", "check", "gctf", "gaut") == ["gautomatch"]
    assert offered("init", "gct") == ["gctf", "gctf_batch"]


def test_the_sites_own_adapters_are_offered(cli: Cli) -> None:
    cli.write("gpucore.toml", 'adapters = ["copy.toml"]\n')
    assert offered("map", "cop") == ["copy"]
    cli.write("more/mine.toml", (cli.folder / "copy.toml").read_text().replace('"copy"', '"mine"'))
    assert offered("map", "--adapter", "more", "min") == ["mine"]


def test_parameters_complete_with_their_values(cli: Cli) -> None:
    assert offered("map", "gctf", "--set", "pixel") == ["pixel_size="]
    assert "movie=" not in offered("map", "motioncor3", "--set", "")  # the item
    assert offered("map", "--adapter", "copy.toml", "copy", "--set", "switch=") == [
        "switch=true", "switch=false"
    ]  # fmt: skip
    assert offered("map", "gctf", "a.mrc", "-o", "out", "--set", "pixel") == ["pixel_size="]
    assert offered("map", "no_such_adapter", "--set", "p") == []


def test_only_the_adapter_whose_parameters_are_wanted_is_imported(cli: Cli) -> None:
    program = (
        "import sys\nfrom click.shell_completion import BashComplete\n"
        "from gpucore.cli.entry import gpucore\n"
        "complete = BashComplete(gpucore, {}, 'gpucore', 'X')\n"
        "assert complete.get_completions(['map'], 'gc')\n"
        "print(*sys.modules)\n"
        "assert complete.get_completions(['map', 'gctf', '--set'], 'p')\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=cli.folder, env=environment(HOME=str(cli.folder)),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    names, parameters = (set(line.split()) for line in done.stdout.splitlines())
    adapters = [one for one in parameters if one.startswith("gpucore_adapters.")]
    assert not [one for one in names if one.startswith("gpucore_adapters.")]
    assert adapters == ["gpucore_adapters.gctf"]
    assert not parameters & set(HEAVY)


@pytest.mark.parametrize("verb", ["status", "report", "resume", "cancel", "explain", "logs"])
def test_folders_of_runs_complete(run_made: Cli, verb: str) -> None:
    assert offered(verb, "") == ["aligned"]
    assert offered(verb, "al") == ["aligned"]


def test_where_there_is_no_run_folders_complete(
    run_made: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kinds("status", "oth") == {"dir"}
    monkeypatch.chdir(run_made.folder.parent)
    assert offered("status", "work/") == ["work/aligned"]
    assert offered("status", f"{run_made.folder}/") == [f"{run_made.folder}/aligned"]
    assert kinds("status", "nowhere/") == {"dir"}


def test_steps_complete(run_made: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offered("explain", "aligned", "") == ["copy/a", "copy/b", "copy/c"]
    assert offered("logs", "aligned", "copy/b") == ["copy/b"]
    assert offered("logs", "other", "") == []


def test_what_cannot_be_read_is_not_offered_and_says_nothing(
    cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.write("gpucore.toml", "gpus = 7\n")
    assert offered("map", "gc") == []
    assert offered("map", "gctf", "--set", "p") == []
    assert offered("nope", "") == list(VERBS)
    assert offered("nope", "--", "x") == []
    said = capsys.readouterr()
    assert said.out + said.err == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_one_that_the_shell_can_read(cli: Cli, shell: str) -> None:
    ran = cli("completion", shell)
    assert ran.code == 0
    assert f"_GPUCORE_COMPLETE={shell}_complete" in ran.out
    if (program := shutil.which(shell)) is not None:
        subprocess.run([program, "-n"], input=ran.out, text=True, check=True)


@pytest.fixture
def shells(run_made: Cli) -> Cli:
    """Return the command line beside a run, with a `gpucore` that shells find."""
    program = run_made.folder / "bin" / "gpucore"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gpucore.cli "$@"\n')
    program.chmod(0o755)
    return run_made


def shell(name: str) -> str:
    """Return a shell's path; in CI it must be there."""
    program = shutil.which(name)
    if program is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is needed: see .ci/run")
        pytest.skip(f"there is no {name}: apt-get install {name}")
    return program


def said_by(cli: Cli, *argv: str) -> list[str]:
    path = f"{cli.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        argv, cwd=cli.folder, env=environment(PATH=path, HOME=str(cli.folder)),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.mark.slow
def test_bash_completes_adapters_parameters_runs_and_steps(shells: Cli) -> None:
    script = (
        'eval "$(gpucore completion bash)"\n'
        "compopt() { echo compopt $*; }\n"
        'ask() { COMP_WORDS=(gpucore "$@"); COMP_CWORD=$#; COMPREPLY=(); '
        '_gpucore_completion gpucore; printf "%s\\n" "${COMPREPLY[@]}"; }\n'
        "ask map motioncor3_; ask map gctf --set pixel_s; ask status al; "
        "ask explain aligned copy/b\n"
    )
    assert said_by(shells, shell("bash"), "--norc", "-c", script) == [
        "motioncor3_serial", "compopt -o nospace", "pixel_size=", "aligned", "copy/b",
    ]  # fmt: skip


@pytest.mark.slow
def test_fish_completes_adapters_parameters_runs_and_steps(shells: Cli) -> None:
    script = (
        "gpucore completion fish | source\n"
        "for line in 'map motioncor3_' 'map gctf --set pixel_s' 'status al' "
        "'explain aligned copy/b'\n"
        'complete -C "gpucore $line"\nend\n'
    )
    said = said_by(shells, shell("fish"), "--no-config", "-c", script)
    assert [one.partition("\t")[0] for one in said] == [
        "motioncor3_serial", "pixel_size=", "aligned", "copy/b",
    ]  # fmt: skip
    assert said[0].partition("\t")[2].startswith("MotionCor3 -Serial")


@pytest.mark.slow
def test_zsh_completes_adapters_parameters_runs_and_steps(shells: Cli) -> None:
    path = f"{shells.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    screen = OnScreen(
        [shell("zsh"), "-f", "-i"], shells.folder,
        environment(PATH=path, HOME=str(shells.folder), PS1="> "),
    )  # fmt: skip
    try:
        screen.type("autoload -U compinit; compinit -u -D; PS1='ready> '\n")
        screen.read_until("^ready>")
        screen.type('eval "$(gpucore completion zsh)"; clear\n')
        for typed, shown in (
            ("map motioncor3_", "map motioncor3_serial"),
            ("map gctf --set pixel_s", "map gctf --set pixel_size="),
            ("status al", "status aligned"),
            ("explain aligned copy/b", "explain aligned copy/b "),
        ):
            screen.type(f"gpucore {typed}\t!")
            screen.read_until(rf"gpucore {re.escape(shown)} ?!")
            screen.type("\x15")  # the line is taken away
    finally:
        screen.process.kill()
        screen.hang_up()


def test_a_shell_that_is_not_known_is_refused(cli: Cli) -> None:
    assert "'tcsh' is not one of" in cli.refuses("completion", "tcsh")
