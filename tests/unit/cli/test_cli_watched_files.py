"""Files of a watched folder that vanish, change or meet others: none is lost, none is run twice."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from command_line import environment, run_apart, start
from watched_runs import COMMON, COUNT, WATCH, begun, runs, watch

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli


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


def test_what_is_gone_when_a_run_goes_on_is_told_when_it_was_not_done(
    cli: Cli, folder: Path
) -> None:
    fails = ("--set", 'text=test -e well && cat "$1" > "$2"')
    assert cli("map", "copy", *COMMON, *WATCH, *fails).code == 1
    cli.write("well")
    (folder / "a.tif").unlink()
    ran = cli("map", "copy", *COMMON, *WATCH, *fails)
    assert ran.code == 0
    assert "note: copy/a: not done by an earlier run, and now gone from `in`" in ran.err
    assert "copy/b:" not in ran.err


@pytest.mark.parametrize("left", ["", "longer than before\n"])
def test_a_file_that_grows_or_shrinks_after_it_was_done_is_told_and_not_run_again(
    cli: Cli, folder: Path, left: str
) -> None:
    (folder / "STOP").unlink()
    os.mkfifo(cli.folder / "heard")
    text = ("--set", 'text=cat "$1" > "$2"; echo "$1" >> runs.txt; echo > heard')
    with start(
        "map", "copy", *COMMON, *WATCH, *text, cwd=cli.folder, **environment(HOME=str(cli.folder))
    ) as process:
        for _ in range(2):
            (cli.folder / "heard").read_text()
        (folder / "a.tif").write_text(left)
        cli.write("in/STOP")
        _, err = process.communicate()
    assert process.returncode == 0
    assert "`a.tif` was changed after it was taken; it is not run a second time" in err.decode()
    assert sorted(runs(cli)) == ["a.tif", "b.tif"]
    if left:
        again = cli("map", "copy", *COMMON, *WATCH, *text)
        assert again.code == 0
        assert "`in/a.tif` was rewritten after copy/a was done; it is not run again" in again.err
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


def test_a_second_watcher_of_the_same_output_folder_is_told_of_the_first(
    cli: Cli, folder: Path
) -> None:
    with begun(cli) as process:
        said = watch(cli)
        assert said.code == 2
        assert f"process {process.pid}" in said.err
        process.send_signal(signal.SIGINT)
        process.communicate()


def test_two_watchers_at_once_with_outputs_of_their_own_both_run_all(
    cli: Cli, folder: Path
) -> None:
    with begun(cli) as process:
        ran = cli("map", "copy", *COMMON[:-1], "out2", *COUNT, *WATCH)
        assert ran.code == 0, ran.err
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert watch(cli).code == 0
    made = [sorted((cli.folder / out).glob("*.out")) for out in ("out", "out2")]
    assert [[path.name for path in one] for one in made] == [["a.out", "b.out"]] * 2
