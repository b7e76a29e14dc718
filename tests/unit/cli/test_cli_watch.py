"""Files that come into a folder are run once each, over as many runs as it takes."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import COPY, environment, run_apart, start

if TYPE_CHECKING:
    import subprocess

    from command_line import Cli, Ran

COMMON = ("--adapter", "copy.toml", "--gpus", "", "-o", "out")
WATCH = ("--watch", "in", "--pattern", "*.tif", "--settle", "10ms", "--marker", "STOP")
COUNT = ("--set", 'text=cat "$1" > "$2"; echo "$1" >> runs.txt')
"""What the stand-in is told: to note each of its runs."""


@pytest.fixture
def folder(cli: Cli) -> Path:
    """Return a folder to watch with two files in it, whose watching ends when all are taken."""
    for name in ("in/a.tif", "in/b.tif", "in/STOP"):
        cli.write(name)
    return cli.folder / "in"


def watch(cli: Cli, *more: str) -> Ran:
    return cli("map", "copy", *COMMON, *COUNT, *WATCH, *more)


def runs(cli: Cli) -> list[str]:
    """Return the files that were run, in order."""
    noted = cli.folder / "runs.txt"
    return [Path(line).name for line in noted.read_text().splitlines()] if noted.exists() else []


def test_what_is_there_is_run_and_the_marker_ends_it(cli: Cli, folder: Path) -> None:
    os.utime(folder / "b.tif", (1, 1))
    ran = watch(cli)
    assert ran.code == 0, ran.err
    assert runs(cli) == ["b.tif", "a.tif"]
    assert "files as they come, 1 worker" in ran.err
    assert "2 done" in ran.err


def test_the_newest_comes_first_when_that_is_asked_for(cli: Cli, folder: Path) -> None:
    for number in range(6):
        os.utime(cli.folder / cli.write(f"in/n{number}.tif"), (number, number))
    assert watch(cli, "--newest-first").code == 0
    assert set(runs(cli)[:2]) == {"a.tif", "b.tif"}
    assert runs(cli)[2:] == [f"n{number}.tif" for number in reversed(range(6))]


def test_a_file_that_vanishes_before_its_step_starts_fails_that_step_alone(
    cli: Cli, folder: Path
) -> None:
    os.utime(folder / "a.tif", (1, 1))
    text = ("--set", 'text=rm -f in/b.tif; cat "$1" > "$2"')
    ran = cli("map", "copy", *COMMON, *WATCH, *text)
    assert ran.code == 1
    assert "1 done, 1 failed" in ran.err
    assert "b.tif): it is not there" in ran.err


def test_a_second_run_takes_only_what_has_come_since(cli: Cli, folder: Path) -> None:
    watch(cli)
    cli.write("in/c.tif")
    ran = watch(cli)
    assert ran.code == 0
    assert sorted(runs(cli)) == ["a.tif", "b.tif", "c.tif"]
    assert "2 were done before" in ran.err


def test_what_is_gone_when_a_run_goes_on_is_not_missed_when_it_was_done(
    cli: Cli, folder: Path
) -> None:
    watch(cli)
    (folder / "a.tif").unlink()
    assert watch(cli).code == 0
    assert sorted(runs(cli)) == ["a.tif", "b.tif"]


def test_a_file_that_was_rewritten_since_is_told_and_run_again_when_asked(
    cli: Cli, folder: Path
) -> None:
    watch(cli)
    cli.write("in/a.tif", "another\n")
    ran = watch(cli)
    assert ran.code == 0
    assert "`in/a.tif` was rewritten after copy/a was done; it is not run again" in ran.err
    assert len(runs(cli)) == 2
    assert watch(cli, "--run-changed").code == 0
    assert runs(cli)[2:] == ["a.tif"]
    assert (cli.folder / "out" / "a.out").read_text() == "another\n"


def test_a_file_that_failed_is_run_again_by_the_next_run(cli: Cli, folder: Path) -> None:
    fails = ("--set", 'text=test -e well && cat "$1" > "$2"')
    assert cli("map", "copy", *COMMON, *WATCH, *fails).code == 1
    cli.write("well")
    assert cli("map", "copy", *COMMON, *WATCH, *fails).code == 0


def test_two_files_whose_outputs_would_be_called_alike_are_told_apart(
    cli: Cli, folder: Path
) -> None:
    os.utime(cli.folder / cli.write("in/x/a.tif"), (2e9, 2e9))
    ran = watch(cli, "--pattern", "*/*.tif")
    assert ran.code == 1
    assert "the outputs of `in/x/a.tif` would be called like those of `in/a.tif`" in ran.err
    assert sorted(runs(cli)) == ["a.tif", "b.tif"]
    # The same one is refused by the next run, whichever it finds first.
    os.utime(cli.folder / "in/x/a.tif", (1, 1))
    assert watch(cli, "--pattern", "*/*.tif").code == 1
    assert len(runs(cli)) == 2


def test_a_file_whose_name_is_not_utf_8_is_run(cli: Cli, folder: Path) -> None:
    (folder / os.fsdecode(b"m\xff.tif")).write_text("x")
    ran = run_apart("map", "copy", *COMMON, *COUNT, *WATCH, cwd=cli.folder)
    assert ran.code == 0, ran.err
    assert (cli.folder / "out" / os.fsdecode(b"m\xff.out")).read_text() == "x"
    assert run_apart("map", "copy", *COMMON, *COUNT, *WATCH, cwd=cli.folder).code == 0
    assert len((cli.folder / "runs.txt").read_bytes().splitlines()) == 3


def test_a_plan_shows_what_is_there_now_and_runs_nothing(cli: Cli, folder: Path) -> None:
    ran = watch(cli, "--plan")
    assert ran.code == 0
    assert "copy/a" in ran.out
    assert "copy/b" in ran.out
    assert not (cli.folder / "out").exists()


def test_the_json_of_a_run_holds_the_steps_of_all_files(cli: Cli, folder: Path) -> None:
    data = json.loads(watch(cli, "--json").out)
    assert data["counts"] == {"done": 2}
    assert {step["step"] for step in data["steps"]} == {"copy/a", "copy/b"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--pattern", "*.tif"), "--pattern is given without a folder to watch"),
        (("--batch", "3"), "--batch is given without a folder to watch"),
        (("a.tif", "--watch", "in"), "`a.tif` is given beside --watch"),
        (("--watch", "nowhere"), "the folder `nowhere` cannot be watched"),
        (("--watch", "in", "--pattern", "/x/*.tif"), "leads out of the folder"),
        (("--watch", "in", "--idle", "soon"), "is no length of time"),
        (("--watch", "in", "--idle", "0s"), "is no length of time"),
        (("--watch", "in", "--marker", "a/b"), "is no name of a file in the folder"),
        (("--watch", "in", "--ready", "*"), "names no file"),
        (("--watch", "in", "--batch", "4"), "copy takes one file at a time"),
        (("--watch", "in", "--set", "side=gone.txt"), "there is no file `gone.txt`"),
        (("--watch", "in", "--set", "dst=one.out"), "would be written by all"),
    ],
)
def test_what_cannot_be_watched_is_refused(
    cli: Cli, folder: Path, options: tuple[str, ...], told: str
) -> None:
    assert told in cli.refuses("map", "copy", *COMMON, *options)


def test_outputs_that_would_be_taken_for_new_files_are_refused(cli: Cli, folder: Path) -> None:
    said = cli.refuses(
        "map", "copy", "--adapter", "copy.toml", "--gpus", "", "-o", "in", "--watch", "in"
    )
    assert "taken for a new file" in said


def begun(cli: Cli, *more: str) -> subprocess.Popen[bytes]:
    """Start a run whose steps wait for a word, and return when the first of them runs."""
    text = 'text=mkfifo go.$$; echo "$1" >> runs.txt; echo > began; read x < go.$$; cat "$1" > "$2"'
    os.mkfifo(cli.folder / "began")
    process = start(
        "map", "copy", *COMMON, *WATCH, "--set", text, *more, cwd=cli.folder, HOME=str(cli.folder)
    )
    (cli.folder / "began").read_text()
    return process


def test_ctrl_c_ends_it_and_says_what_has_come_and_was_not_run(cli: Cli, folder: Path) -> None:
    for number in range(100):
        cli.write(f"in/n{number}.tif")
    with begun(cli) as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert re.search(r"\d+ more files have come; `gpucore resume` goes on with them", err.decode())


def test_a_second_watcher_of_the_same_output_folder_is_told_of_the_first(
    cli: Cli, folder: Path
) -> None:
    with begun(cli) as process:
        said = watch(cli)
        assert said.code == 2
        assert f"process {process.pid}" in said.err
        process.send_signal(signal.SIGINT)
        process.communicate()


def test_two_watchers_with_outputs_of_their_own_both_run_all(cli: Cli, folder: Path) -> None:
    assert watch(cli).code == 0
    assert cli("map", "copy", *COMMON[:-1], "out2", *COUNT, *WATCH).code == 0
    assert sorted(runs(cli)) == ["a.tif", "a.tif", "b.tif", "b.tif"]


JOB = """
[run]
gpus = ""

[[step]]
name = "gain"
adapter = "copy"
params = { src = "a.tif" }

[[stage]]
name = "align"
adapter = "copy"
after = "gain"
watch = { dir = "in", pattern = "*.tif", settle = 0.01, marker = "STOP" }
params = { side = "out/gain/a.out" }

[[stage]]
name = "ctf"
adapter = "copy"
after = "align"
item = "%(align.dst)s"
params = { word = "%(align.dst)s" }

[[step]]
name = "classes"
adapter = "copy"
after = "ctf"
params = { src = "a.tif" }
"""


def test_a_job_runs_what_comes_before_what_hangs_on_each_file_and_what_comes_after_all(
    cli: Cli, folder: Path
) -> None:
    cli.write("gpucore.toml", 'adapters = ["copy.toml"]\n')
    cli.write("job.toml", JOB)
    assert cli("config", "check", "job.toml").code == 0
    data = json.loads(cli("run", "job.toml", "--json").out)
    names = [step["step"] for step in data["steps"]]
    assert names[0] == "gain"
    assert names[-1] == "classes"
    assert sorted(names[1:-1]) == ["align/a", "align/b", "ctf/a", "ctf/b"]
    assert data["counts"] == {"done": 6}
    cli.write("in/c.tif")
    again = json.loads(cli("run", "job.toml", "--json").out)
    assert {one["step"] for one in again["steps"] if not one["earlier"]} >= {"align/c", "ctf/c"}
    assert again["counts"] == {"done": 8}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('watch = { dir = "in"', 'items = "x"\nwatch = { dir = "in"', "has both `items` and"),
        ("settle = 0.01", "settle = -1", "-1 seconds are no time"),
        ('dir = "in"', 'dir = "nowhere"', "`nowhere` cannot be watched"),
        ('dir = "in"', 'dirr = "in"', "dirr"),
        ("params = { side", "batch = 3\nparams = { side", "`copy` takes one file at a time"),
        ("params = { side", "batch_wait = 3\nparams = { side", "without `batch`"),
        (
            'after = "align"\nitem',
            'after = ["align", "classes"]\nitem',
            "they wait for each other",
        ),
    ],
)
def test_what_is_wrong_with_a_watched_stage_is_told_with_its_line(
    cli: Cli, folder: Path, old: str, new: str, told: str
) -> None:
    cli.write("gpucore.toml", 'adapters = ["copy.toml"]\n')
    assert old in JOB
    cli.write("job.toml", JOB.replace(old, new))
    said = cli.refuses("run", "job.toml")
    assert told in said
    assert "job.toml:" in said


def test_a_stage_that_takes_items_and_waits_for_all_of_them_is_refused(
    cli: Cli, folder: Path
) -> None:
    cli.write("gpucore.toml", 'adapters = ["copy.toml"]\n')
    late = """
[[stage]]
name = "late"
adapter = "copy"
after = ["align", "classes"]
item = "%(align.dst)s"
"""
    cli.write("job.toml", JOB + late)
    assert "takes items of a watched stage, and waits for all of it" in cli.refuses(
        "run", "job.toml"
    )


MANY = (
    COPY.replace('name = "copy"', 'name = "many"')
    .replace("item = true", 'item = true, many = true, check = "directory"')
    .replace('cat "$1" > "$2"', 'ls "$1" > "$2"')
    .replace("src.stem", "src.name")
)


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


def test_files_that_come_while_a_run_goes_on_are_run_without_a_restart(
    cli: Cli, folder: Path
) -> None:
    (folder / "STOP").unlink()
    os.mkfifo(cli.folder / "heard")
    text = ("--set", 'text=cat "$1" > "$2"; echo > heard')
    with start(
        "map", "copy", *COMMON, *WATCH, *text, cwd=cli.folder, **environment(HOME=str(cli.folder))
    ) as process:
        for name in ("in/c.tif", "in/d.tif"):
            (cli.folder / "heard").read_text()
            cli.write(name)
        for _ in range(2):
            (cli.folder / "heard").read_text()
        cli.write("in/STOP")
        process.communicate()
    assert process.returncode == 0
    assert {path.name for path in (cli.folder / "out").glob("*.out")} == {
        f"{name}.out" for name in "abcd"
    }
