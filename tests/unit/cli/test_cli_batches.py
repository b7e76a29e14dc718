"""Batches: one step for several files, and one for each when a batch fails."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from command_line import COPY, start
from watched_runs import COMMON, WATCH

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli


MANY = (
    COPY.replace('name = "copy"', 'name = "many"')
    .replace("item = true", 'item = true, many = true, check = "directory"')
    .replace('cat "$1" > "$2"', 'ls "$1" > "$2"')
    .replace("src.stem", "src.name")
)


LIST = (
    """
schema = 1
name = "list"
title = "list: takes many files at once, and one that holds `bad` fails them all"

[program]
executable = "/bin/sh"

[command]
own_directory = true
argv = ["%(EXE)s", "-c", "%(text)s", "list", "%(files.name)s"]

[params]
files = { type = "path", item = true, many = true, length = 0, help = "what is read" }
made = { type = "path", output = "%(files.stem)s.out", length = 0, help = "what is made" }
text = { type = "string", default = '"""
    + "{text}"
    + """', help = "what is run" }

[[link]]
name = "%(files.name)s"
target = "%(files)s"

[[output]]
name = "made"
made = "%(files.stem)s.made"
"""
)


MAKES = 'for one; do grep -q bad "$one" || cat "$one" > "${one%.tif}.made"; done'


@pytest.fixture
def lists(cli: Cli) -> tuple[str, ...]:
    """Return the call of a program that takes a list of files; seven are there, and one is bad."""
    cli.write("list.toml", LIST.replace("{text}", MAKES))
    for number in range(7):
        cli.write(f"in/n{number}.tif", "bad\n" if number == 4 else f"{number}\n")
    return ("map", "list", "--adapter", "list.toml", "--gpus", "", "-o", "out", "--batch", "3")


def test_batches_hold_so_many_files_each_and_are_the_same_when_a_run_goes_on(
    cli: Cli, folder: Path
) -> None:
    cli.write("many.toml", MANY)
    for number in range(5):
        cli.write(f"in/n{number}.tif")
    call = ("map", "many", "--adapter", "many.toml", *COMMON[2:], *WATCH, "--batch", "3")
    assert cli(*call).code == 0
    held = [(cli.folder / f"out/batch-000{n}.out").read_text().split() for n in (1, 2, 3)]
    assert [len(one) for one in held] == [3, 3, 1]
    assert sorted(name for one in held for name in one) == sorted(
        path.name for path in folder.glob("*.tif")
    )
    cli.write("in/z.tif")
    ran = cli(*call)
    assert ran.code == 0
    assert "3 were done before" in ran.err
    assert (cli.folder / "out/batch-0004.out").read_text() == "z.tif\n"


def test_a_batch_that_fails_is_run_file_by_file_and_only_the_bad_one_fails(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    names = [f"in/n{number}.tif" for number in range(7)]
    ran = cli(*lists, *names)
    assert ran.code == 1, ran.err
    assert "3 steps, " in ran.err
    assert "behind" not in ran.err
    assert "list/batch-0002 failed: its 3 files are run one by one" in ran.err
    made = {path.name: path.read_text() for path in (cli.folder / "out").glob("*.out")}
    assert made == {f"n{number}.out": f"{number}\n" for number in range(7) if number != 4}
    cli.write("in/n4.tif", "well\n")
    again = cli(*lists, *names, "--json")
    steps = {one["step"]: one["earlier"] for one in json.loads(again.out)["steps"]}
    assert again.code == 0, again.err
    assert steps == {
        "list/batch-0001": True, "list/batch-0002-1": True, "list/batch-0002-2": False,
        "list/batch-0002-3": True, "list/batch-0003": True,
    }  # fmt: skip
    assert (cli.folder / "out/n4.out").read_text() == "well\n"


def test_a_batch_whose_files_are_all_good_alone_leaves_no_failure(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    text = f"test $# -lt 3 || exit 3; {MAKES.replace('bad', '[b]ad')}"
    ran = cli(*lists, *(f"in/n{number}.tif" for number in range(3)), "--set", f"text={text}")
    assert ran.code == 0, ran.err
    assert len(list((cli.folder / "out").glob("*.out"))) == 3


def test_a_batch_is_not_run_file_by_file_when_no_file_of_it_is_to_blame(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    disk = cli.folder / "list.toml"
    disk.write_text(
        disk.read_text() + '\n[[failure]]\nmatch = "no GPU here"\nclass = "no_device"\n'
    )
    ran = cli(*lists, "in/n0.tif", "in/n1.tif", "--set", "text=echo no GPU here; exit 3")
    assert ran.code == 1
    assert "one by one" not in ran.err
    assert "1 failed" in ran.err


def test_batches_of_named_files_are_the_same_when_more_files_are_named(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    (cli.folder / "in/n4.tif").write_text("4\n")
    first = [f"in/n{number}.tif" for number in (0, 2, 5, 6)]
    assert cli(*lists, *first).code == 0
    data = json.loads(cli(*lists, *(f"./in/n{number}.tif" for number in range(7)), "--json").out)
    steps = {one["step"]: (one["earlier"], len(one["outputs"])) for one in data["steps"]}
    assert steps == {
        "list/batch-0001": (True, 3), "list/batch-0002": (True, 1), "list/batch-0003": (False, 3),
    }  # fmt: skip


def test_each_output_of_a_batch_is_told_by_its_file(cli: Cli, lists: tuple[str, ...]) -> None:
    data = json.loads(cli(*lists, "in/n0.tif", "in/n1.tif", "--json").out)
    assert data["steps"][0]["outputs"] == {
        f"made of n{number}.tif": str(cli.folder / f"out/n{number}.out") for number in (0, 1)
    }


def test_a_plan_of_batches_shows_each_command_and_makes_nothing(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    ran = cli(*lists, *(f"in/n{number}.tif" for number in range(7)), "--plan")
    assert [line.split()[-3:] for line in ran.lines] == [
        ["n0.tif", "n1.tif", "n2.tif"], ["n3.tif", "n4.tif", "n5.tif"], ["done'", "list", "n6.tif"],
    ]  # fmt: skip
    assert not (cli.folder / "out").exists()


def test_a_stage_of_a_job_runs_named_files_in_batches(cli: Cli, lists: tuple[str, ...]) -> None:
    (cli.folder / "in/n4.tif").write_text("4\n")
    cli.write("gpucore.toml", 'adapters = ["list.toml", "copy.toml"]\n')
    job = """
[run]
gpus = ""

[[stage]]
name = "all"
adapter = "list"
items = "in/*.tif"
batch = 3

[[step]]
name = "after"
adapter = "copy"
after = "all"
params = { src = "a.tif" }
"""
    cli.write("job.toml", job)
    data = json.loads(cli("run", "job.toml", "--json").out)
    assert [one["step"] for one in data["steps"]][-1] == "after"
    assert data["counts"] == {"done": 4}, data["steps"]
    cli.write("job.toml", job.replace("in/*.tif", "in/*.mrc"))
    assert "no file fits the pattern `in/*.mrc`" in cli.refuses("run", "job.toml")
    cli.write("job.toml", job.replace("batch = 3", "batch = 3\nbatch_wait = 5"))
    assert "the files of a batch are all there" in cli.refuses("run", "job.toml")


CHAIN = """
[run]
gpus = ""

[[stage]]
name = "all"
adapter = "list"
items = "in/*.tif"
batch = 3

[[stage]]
name = "each"
adapter = "copy"
after = "all"
item = "%(all.made)s"

[[step]]
name = "last"
adapter = "copy"
after = "each"
params = { src = "a.tif" }
"""


def test_what_hangs_on_a_batch_runs_file_by_file_also_when_the_batch_failed(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    cli.write("gpucore.toml", 'adapters = ["list.toml", "copy.toml"]\n')
    cli.write("job.toml", CHAIN)
    assert "each/n6" in cli("run", "job.toml", "--plan").out
    data = json.loads(cli("run", "job.toml", "--json").out)
    ended = {one["step"]: one["state"] for one in data["steps"]}
    names = {f"each/n{number}": "done" for number in range(7)}
    assert {name: ended[name] for name in names} == {**names, "each/n4": "skipped"}
    assert (ended["all/batch-0002"], ended["all/batch-0002-2"]) == ("failed", "failed")
    made = {path.name: path.read_text() for path in (cli.folder / "out/each").glob("*.out")}
    assert made == {f"n{number}.out": f"{number}\n" for number in range(7) if number != 4}
    (cli.folder / "in/n4.tif").write_text("4\n")
    again = json.loads(cli("run", "job.toml", "--json").out)
    ran = sorted(one["step"] for one in again["steps"] if not one["earlier"])
    assert ran == ["all/batch-0002-2", "each/n4", "last"]
    assert again["counts"] == {"done": 5 + 7 + 1}


def test_what_waits_for_all_runs_when_each_file_of_a_failed_batch_is_done(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    (cli.folder / "in/n4.tif").write_text("4\n")
    cli.write("list.toml", LIST.replace("{text}", f"test $# -lt 3 || exit 3; {MAKES}"))
    cli.write("gpucore.toml", 'adapters = ["list.toml", "copy.toml"]\n')
    cli.write("job.toml", CHAIN)
    ran = cli("run", "job.toml", "--json")
    states = [one["state"] for one in json.loads(ran.out)["steps"] if one["step"] == "last"]
    assert ran.code == 0, ran.err
    assert states == ["done"]


def test_a_file_of_a_batch_that_was_rewritten_is_told_and_run_again_when_asked(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    (cli.folder / "in/n4.tif").write_text("4\n")
    cli.write("in/STOP")
    assert cli(*lists, *WATCH).code == 0
    cli.write("in/n1.tif", "another\n")
    ran = cli(*lists, *WATCH)
    assert ran.code == 0
    assert "a file of list/batch-000" in ran.err
    assert (cli.folder / "out/n1.out").read_text() == "1\n"
    assert cli(*lists, *WATCH, "--run-changed").code == 0
    assert (cli.folder / "out/n1.out").read_text() == "another\n"


def test_a_batch_of_files_that_came_in_another_order_is_the_same_when_a_run_goes_on(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    (cli.folder / "in/n4.tif").write_text("4\n")
    cli.write("in/STOP")
    for number in range(7):
        os.utime(cli.folder / f"in/n{number}.tif", (100 - number, 100 - number))
    assert cli(*lists, *WATCH).code == 0
    again = json.loads(cli(*lists, *WATCH, "--json").out)
    assert [one["earlier"] for one in again["steps"]] == [True] * 3
    names = [f"in/n{number}.tif" for number in (3, 6, 0, 5, 2, 1, 4)]
    again = json.loads(cli(*lists, *names, "--json").out)
    assert [one["earlier"] for one in again["steps"]] == [True] * 3


@pytest.mark.parametrize("watched", [False, True])
def test_a_batch_that_was_done_stays_so_when_one_of_its_files_is_gone(
    cli: Cli, lists: tuple[str, ...], watched: bool
) -> None:
    (cli.folder / "in/n4.tif").write_text("4\n")
    cli.write("in/STOP")
    names = [f"in/n{number}.tif" for number in range(7)]
    assert cli(*lists, *(WATCH if watched else names)).code == 0
    (cli.folder / "in/n1.tif").unlink()
    del names[1]
    ran = cli(*lists, *((*WATCH, "--run-changed") if watched else names), "--json")
    assert ran.code == 0, ran.err
    assert all(one["earlier"] for one in json.loads(ran.out)["steps"])
    assert "was rewritten, or is gone, after list/batch-000" in ran.err


def test_a_stage_whose_files_come_cannot_wait_for_all_of_another_such(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    cli.write("gpucore.toml", 'adapters = ["list.toml", "copy.toml"]\n')
    more = '[[stage]]\nname = "other"\nadapter = "list"\nitems = "in/*.tif"\nbatch = 2\n'
    for before in ("all", "last"):
        cli.write("job.toml", f'{CHAIN}{more}after = "{before}"\n')
        said = cli.refuses("run", "job.toml")
        assert f"`other` waits for all of `{before}`, whose files come while it runs" in said
    cli.write(
        "job.toml", CHAIN.replace('item = "%(all.made)s"', 'item = "%(all.made)s"\nbatch = 2')
    )
    assert "takes outputs of another one by one" in cli.refuses("run", "job.toml")


def test_watched_batches_of_a_list_refuse_a_second_file_of_the_same_name(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    cli.write("in/x/n0.tif")
    (cli.folder / "in/n4.tif").write_text("4\n")
    os.utime(cli.folder / "in/x/n0.tif", (2e9, 2e9))
    cli.write("in/STOP")
    for _ in range(2):
        ran = cli(*lists, *WATCH, "--pattern", "*/*.tif")
        assert ran.code == 1
        assert "the outputs of `x/n0.tif` would be called like those of `n0.tif`" in ran.err
        assert (cli.folder / "out/n0.out").read_text() == "0\n"


def test_a_batch_whose_host_is_killed_is_taken_over_and_no_file_is_run_twice(
    cli: Cli, lists: tuple[str, ...]
) -> None:
    (cli.folder / "in/n4.tif").write_text("4\n")
    names = [f"in/n{number}.tif" for number in range(7)]
    for pipe in ("began", "go"):
        os.mkfifo(cli.folder / pipe)
    text = (
        f'text=for one; do echo "$one" >> {cli.folder}/runs.txt; done; '
        f"case $1 in n0*) echo > {cli.folder}/began; read x < {cli.folder}/go ;; esac; {MAKES}"
    )
    call = (*lists, *names, "--set", text)
    with start(*call, cwd=cli.folder, HOME=str(cli.folder)) as host:
        (cli.folder / "began").read_text()
        host.kill()
    with start(*call, cwd=cli.folder, HOME=str(cli.folder)) as host:
        (cli.folder / "go").write_text("x\n")
        _, err = host.communicate()
    assert host.returncode == 0, err.decode()
    assert sorted((cli.folder / "runs.txt").read_text().split()) == [
        f"n{number}.tif" for number in range(7)
    ]
    assert len(list((cli.folder / "out").glob("*.out"))) == 7
