"""Files that come into a folder are run once each, over as many runs as it takes."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from command_line import environment, start
from pseudo_terminals import OnTerminal
from watched_runs import COMMON, WATCH, begun, runs, watch

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli

pytestmark = pytest.mark.slow


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
        (("--batch-wait", "3s"), "--batch-wait is given without a folder to watch"),
        (("--batch", "3"), "copy takes one file at a time"),
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


def test_status_says_how_far_a_run_is_behind_while_it_goes_on(cli: Cli, folder: Path) -> None:
    for number in range(100):
        cli.write(f"in/n{number}.tif")
    with begun(cli, "--json-events") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "files_behind":
                break
        told = json.loads(cli("status", "out", "--json").out)["behind"]
        said = cli("status", "out").out
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert told["files"] == 102
    assert set(told) == {"time", "files", "come", "done", "seconds"}
    assert "102 files behind" in said
    assert json.loads(cli("status", "out", "--json").out)["behind"] is None
    assert not (cli.folder / "out" / ".gpucore" / "behind.json").exists()


def test_a_terminal_shows_how_far_a_run_is_behind(cli: Cli, folder: Path) -> None:
    for number in range(100):
        cli.write(f"in/n{number}.tif")
    os.mkfifo(cli.folder / "gate")
    shown = OnTerminal(
        [
            *(sys.executable, "-m", "gpucore.cli", "map", "copy", *COMMON, *WATCH),
            *("--set", 'text=read x < gate; cat "$1" > "$2"'),
        ],
        cli.folder,
        environment(HOME=str(cli.folder)),
    )
    shown.read_until("102 files behind")
    shown.process.send_signal(signal.SIGINT)
    assert shown.finish() == 130


def test_ctrl_c_ends_it_and_says_what_has_come_and_was_not_run(cli: Cli, folder: Path) -> None:
    for number in range(100):
        cli.write(f"in/n{number}.tif")
    with begun(cli) as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert re.search(r"\d+ more files have come; `gpucore resume` goes on with them", err.decode())


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
