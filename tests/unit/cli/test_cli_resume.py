"""``resume``, and what `map` and `run` do on a folder that has been written to before."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest
from command_line import run_apart
from gated_runs import GatedRun, gone

if TYPE_CHECKING:
    from command_line import Cli

pytestmark = pytest.mark.slow

MAP = ("map", "copy", "a.tif", "b.tif", "-o", "out", "--adapter", "copy.toml")


def test_what_is_done_is_not_run_again_and_told_in_one_line(cli: Cli) -> None:
    assert cli(*MAP).code == 0
    ran = cli(*MAP, "--json")
    assert ran.code == 0
    assert ran.err.splitlines()[1] == "2 were done before"
    assert ran.err.splitlines()[2].startswith("2 done in ")
    assert len(ran.err.splitlines()) == 4
    told = json.loads(ran.out)
    assert told["counts"] == {"done": 2}
    assert [step["earlier"] for step in told["steps"]] == [True, True]
    cli.write("a.tif", "something else\n")
    ran = cli(*MAP, "--json")
    assert "\n1 was done before\n" in ran.err
    assert {one["step"]: one["earlier"] for one in json.loads(ran.out)["steps"]} == {
        "copy/a": False, "copy/b": True,
    }  # fmt: skip
    assert (cli.folder / "out" / "a.out").read_text() == "something else\n"


@pytest.mark.parametrize("call", [MAP, ("run", "job.toml", "--adapter", "copy.toml")])
def test_again_runs_everything(cli: Cli, call: tuple[str, ...]) -> None:
    cli.write("job.toml", '[[stage]]\nname = "s"\nadapter = "copy"\nitems = ["a.tif", "b.tif"]\n')
    assert cli(*call).code == 0
    assert "2 were done before" in cli(*call).err
    ran = cli(*call, "--again", "--json")
    assert "before" not in ran.err
    assert [step["earlier"] for step in json.loads(ran.out)["steps"]] == [False, False]


def test_with_checksum_a_file_whose_time_alone_has_changed_is_the_same(cli: Cli) -> None:
    assert run_apart(*MAP, cwd=cli.folder, GPUCORE_CHECKSUM="yes").code == 0
    os.utime(cli.folder / "a.tif", (1e9, 1e9))
    assert run_apart("resume", "out", "--checksum", cwd=cli.folder).code == 5
    assert "2 were done before" in cli(*MAP, "--checksum").err
    assert "1 was done before" in cli(*MAP).err
    cli.write("job.toml", '[run]\noutput = "out"\nchecksum = true\n[[stage]]\nname = "s"\n'
              'adapter = "copy"\nitems = ["a.tif"]\n')  # fmt: skip
    job = ("run", "job.toml", "--adapter", "copy.toml")
    assert cli(*job).code == 0
    os.utime(cli.folder / "a.tif", (2e9, 2e9))
    assert "1 was done before" in cli(*job).err


def test_a_retry_is_told(cli: Cli) -> None:
    text = 'test -e twice && exec cat "$1" > "$2"; touch twice; exit 9'
    cli.write(
        "job.toml",
        '[[stage]]\nname = "s"\nadapter = "copy"\nitems = ["a.tif"]\nretries = 1\n'
        f"params = {{ text = '{text}' }}\n",
    )
    ran = cli("run", "job.toml", "--adapter", "copy.toml")
    assert ran.code == 0, ran.err
    assert "again s/a: attempt 1 failed: exit code 9" in ran.err
    assert "1 done in " in ran.err


@pytest.mark.parametrize("kind", ["resume", "map"])
def test_a_program_that_outlived_its_host_is_waited_for_and_not_run_twice(
    cli: Cli, kind: str
) -> None:
    run = GatedRun(cli, "a.tif", "b.tif")
    program = run.cut_off()
    again = run.start("resume", "out") if kind == "resume" else run.start(*run.call)
    run.go.release()
    run.here.receive()  # the second step's; the first has ended
    assert gone(program)
    run.go.release()
    again.communicate()
    assert again.returncode == 0
    assert run.attempts == ["a.tif", "b.tif"]
    assert (cli.folder / "out" / "a.out").read_text() == "a.tif\n"


def test_the_real_exit_code_of_what_outlived_its_host_counts(cli: Cli) -> None:
    run = GatedRun(cli)
    run.cut_off()
    again = run.start("resume", "out")
    run.go.release("fail\n")
    _, err = again.communicate()
    assert again.returncode == 1
    assert b"exit code 7" in err
    assert run.attempts == ["a.tif"]
    # And what failed is run again.
    again = run.start("resume", "out")
    run.here.receive()
    run.go.release()
    again.communicate()
    assert again.returncode == 0
    assert run.attempts == ["a.tif", "a.tif"]


def test_what_outlived_its_host_can_be_ended_first(cli: Cli) -> None:
    run = GatedRun(cli)
    program = run.cut_off()
    cli.write("free")
    # It waits at its gate and nobody opens that: it can only be ended.
    ran = run.verb("resume", "out", "--kill-orphans")
    assert gone(program)
    assert ran.code == 0, ran.err
    assert run.attempts == ["a.tif", "a.tif"]


def test_where_all_is_done_the_exit_code_is_5(cli: Cli) -> None:
    run = GatedRun(cli)
    host, _ = run.begin()
    run.go.release()
    host.communicate()
    ran = run.verb("resume", "out")
    assert ran.code == 5, ran.err
    assert "1 was done before" in ran.err
    # A resumed run is resumed as the one that was called.
    assert run.verb("resume", "out").code == 5
    assert run.verb(*run.call).code == 0


def test_it_is_called_in_the_folder_in_which_it_was(cli: Cli) -> None:
    run = GatedRun(cli)
    run.cut_off()
    (cli.folder / "elsewhere").mkdir()
    run.go.release()
    ran = run_apart("resume", "../out", cwd=cli.folder / "elsewhere")
    assert ran.code == 0, ran.err
    assert run.attempts == ["a.tif"]


def test_again_is_not_repeated(cli: Cli) -> None:
    run = GatedRun(cli)
    host, _ = run.begin("--again")
    run.go.release()
    host.communicate()
    assert run.verb("resume", "out").code == 5


def test_a_run_that_goes_on_is_left_alone(cli: Cli) -> None:
    run = GatedRun(cli)
    host, _ = run.begin()
    ran = run.verb("resume", "out")
    assert ran.code == 2
    assert f"a run still goes on in `out`: process {host.pid} " in ran.err
    assert "`gpucore cancel out`" in ran.err
    run.go.release()
    host.communicate()
    assert host.returncode == 0


def test_a_folder_that_was_moved_is_not_written_elsewhere(cli: Cli) -> None:
    run = GatedRun(cli)
    host, _ = run.begin()
    run.go.release()
    host.communicate()
    os.rename(cli.folder / "out", cli.folder / "moved")  # noqa: PTH104
    ran = run.verb("resume", "moved")
    assert ran.code == 2
    assert "was moved" in ran.err
    assert not (cli.folder / "out").exists()


def test_what_a_host_application_ran_is_its_own_to_resume(cli: Cli) -> None:
    # Here the host is pytest, which calls the command line as a function.
    assert cli(*MAP).code == 0
    ran = cli("resume", "out")
    assert ran.code == 2
    assert "was not called by `gpucore map` or `gpucore run`" in ran.err
    assert "no journal" in cli.refuses("resume", "gone")


def test_an_interrupted_run_is_gone_on_with(cli: Cli) -> None:
    run = GatedRun(cli, "a.tif", "b.tif")
    host, _ = run.begin()
    run.go.release()
    program = int(run.here.receive())
    host.send_signal(signal.SIGINT)
    host.communicate()
    assert host.returncode == 130
    assert gone(program)
    again = run.start("resume", "out")
    run.here.receive()
    run.go.release()
    again.communicate()
    assert again.returncode == 0
    assert run.attempts == ["a.tif", "b.tif", "b.tif"]
