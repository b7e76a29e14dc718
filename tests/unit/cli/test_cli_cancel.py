"""``cancel``: from another terminal, with a host or without; afterwards nothing of it lives."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from gated_runs import GatedRun, gone

from gpucore.record import state_home
from gpucore.system.journal import Journal, RunBegan
from gpucore.system.orphans import boot_id

if TYPE_CHECKING:
    from command_line import Cli


def test_a_run_that_goes_on_is_ended_with_its_programs(cli: Cli) -> None:
    run = GatedRun(cli, "a.tif", "b.tif")
    host, program = run.begin()
    ran = run.verb("cancel", "out")
    assert (ran.code, ran.out) == (0, "")
    assert f"ending process {host.pid} " in ran.err
    assert gone(program)
    host.communicate()
    assert host.returncode == 128 + signal.SIGTERM
    assert run.attempts == ["a.tif"]
    told = json.loads(run.verb("status", "out", "--json").out)
    assert told["counts"] == {"cancelled": 2}
    assert told["runs"][0]["reason"] == "it was stopped"


def test_what_outlived_its_host_is_ended_and_that_is_on_record(cli: Cli) -> None:
    run = GatedRun(cli)
    program = run.cut_off()
    ran = run.verb("cancel", "out")
    assert ran.code == 0, ran.err
    assert "1 process of a run that had died was ended" in ran.err
    assert gone(program)
    told = json.loads(run.verb("status", "out", "--json").out)
    assert (told["counts"], told["running"]) == ({"cancelled": 1}, [])
    # What was ended is not done: the next run makes another attempt, and is what was called.
    again = run.start("resume", "out")
    run.here.receive()
    run.go.release()
    again.communicate()
    assert again.returncode == 0
    assert run.attempts == ["a.tif", "a.tif"]


def test_where_nothing_runs_the_exit_code_is_5(cli: Cli) -> None:
    assert cli("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml").code == 0
    ran = cli("cancel", "out")
    assert (ran.code, ran.out, ran.err) == (5, "", "nothing runs in out\n")


def test_a_folder_without_a_journal_is_refused(cli: Cli) -> None:
    assert "there is no journal of a run in `gone`" in cli.refuses("cancel", "gone")


def test_a_number_that_is_anothers_by_now_is_left_alone(cli: Cli) -> None:
    # The host's number with another start: this very process would end.
    run = RunBegan(
        run="r", time=1.0, pid=os.getpid(), pid_start="1", host=socket.gethostname(),
        boot=boot_id(), version="0",
    )  # fmt: skip
    with Journal.open(Path("out"), state_home=state_home(os.environ), run=run):
        pass
    assert cli("cancel", "out").code == 5
