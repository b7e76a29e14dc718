"""``status``: how far the runs of a folder have come, whoever runs them or ran them."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest
from gated_runs import GatedRun

from gpucore.cli.history import gpu_names
from gpucore.record import state_home
from gpucore.standard.model import FailureClass, StepState
from gpucore.system import journal_summary
from gpucore.system.journal import Began, Finished, Journal, Planned, RunBegan
from gpucore.system.simulated import read_simulated

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli


def status(cli: Cli, folder: str = "out") -> dict[str, Any]:
    ran = cli("status", folder, "--json")
    assert ran.code == 0, ran.err
    told: dict[str, Any] = json.loads(ran.out)
    return told


def test_a_run_that_goes_on_is_shown_with_what_it_runs(cli: Cli) -> None:
    run = GatedRun(cli, "a.tif", "b.tif")
    host, _ = run.begin()
    told = status(cli)
    assert told["schema"] == "gpucore.status/1"
    assert [one["state"] for one in told["runs"]] == ["runs"]
    assert told["runs"][0]["pid"] == host.pid
    assert told["counts"] == {"waiting": 1, "running": 1}
    (step,) = told["running"]
    assert (step["step"], step["attempt"], step["alive"]) == ("gated/a", 1, True)
    assert step["gpus"] == ["GPU-00000000-0000-4000-8000-000000000000"]
    assert "GPU 0 (simulated)" in cli("status", "out").out
    run.go.release()
    run.here.receive()
    run.go.release("fail\n")
    host.communicate()
    assert host.returncode == 1
    told = status(cli)
    assert [one["state"] for one in told["runs"]] == ["ended"]
    assert (told["counts"], told["running"]) == ({"done": 1, "failed": 1}, [])
    assert told["failed"][0]["step"] == "gated/b"
    assert told["failed"][0]["exit_code"] == 7
    ran = cli("status", "out")
    assert "1 done, 1 failed" in ran.out
    assert "gated/b      exit code 7" in ran.out
    assert "resume" not in ran.err


def test_a_run_whose_host_was_killed_is_told_apart_from_one_that_goes_on(cli: Cli) -> None:
    run = GatedRun(cli)
    program = run.cut_off()
    told = status(cli)
    assert [one["state"] for one in told["runs"]] == ["died"]
    assert [one["alive"] for one in told["running"]] == [True]
    assert "\n1 running\n" in cli("status", "out").out
    run.go.release()
    cli("cancel", "out")  # returns when nothing of it lives
    assert not os.path.exists(f"/proc/{program}/cwd")  # noqa: PTH110


def test_nothing_waits_or_runs_in_a_run_that_died_and_what_goes_on_with_it_is_named(
    cli: Cli,
) -> None:
    with journal(cli.folder / "my out") as written:
        written.plan(Planned(step=f"copy/{one}", stage="copy", adapter="copy") for one in "ab")
        written.append(Began(step="copy/a", attempt=1, time=101.0, argv=("cp",)))
    said = cli("status", "my out")
    assert "\n1 not begun, 1 cut off\n" in said.out
    assert "what is not done: gpucore resume 'my out'" in said.err
    assert status(cli, "my out")["counts"] == {"waiting": 1, "running": 1}


def test_a_file_is_no_output_folder(cli: Cli) -> None:
    ran = cli("status", "a.tif")
    assert (ran.code, ran.out) == (2, "")
    assert "there is no journal of a run in `a.tif`" in ran.err


def test_a_folder_without_a_journal_is_refused(cli: Cli) -> None:
    for folder in ("gone", "."):
        said = cli.refuses("status", folder)
        assert f"there is no journal of a run in `{folder}`" in said
        assert "help: give the output folder of a run" in said


def test_a_damaged_journal_is_told_and_not_a_fault(cli: Cli) -> None:
    assert cli("map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml").code == 0
    journal = cli.folder / "out" / ".gpucore" / "journal.sqlite"
    journal.write_bytes(journal.read_bytes()[:5000])
    ran = cli("status", "out")
    assert ran.code == 0
    assert "note: the journal is damaged" in ran.err
    assert status(cli)["loss"]


@pytest.mark.parametrize(("event", "told"), [(2, False), (50, True)], ids=["old", "asked for"])
def test_damage_under_a_summary_is_told_when_it_is_met(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, event: int, told: bool
) -> None:
    monkeypatch.setattr(journal_summary, "EVERY", 5)
    with journal(cli.folder / "out") as written:
        for number in range(16):
            name = f"s/{number}"
            written.append(Planned(step=name, stage="s", adapter="copy"))
            written.append(Began(step=name, attempt=1, time=1.0, argv=("true",)))
            written.append(Finished(step=name, attempt=1, time=2.0, state=StepState.FAILED))
        written.append(Began(step="s/0", attempt=2, time=3.0, argv=("true",)))
    damaged = sqlite3.connect(written.path)
    with damaged:
        damaged.execute("UPDATE event SET body = x'00' WHERE n = ?", (event,))
    damaged.close()
    said = status(cli)
    assert bool(said["loss"]) is told
    assert said["counts"] == ({"failed": 16} if told else {"running": 1, "failed": 15})


def test_a_run_on_another_machine_is_left_open(cli: Cli) -> None:
    with journal(cli.folder / "out", host="elsewhere"):
        pass
    assert status(cli)["runs"][0]["state"] == "unknown"
    assert "on another machine" in cli("status", "out").out
    for verb in ("cancel", "resume"):
        ran = cli(verb, "out")
        assert ran.code == 2
        assert "was started on the machine `elsewhere`" in ran.err


@pytest.mark.slow
def test_a_hundred_thousand_steps_are_looked_through_in_seconds(cli: Cli) -> None:
    names = [f"s/{number}" for number in range(100_000)]
    with journal(cli.folder / "out") as written:
        written.plan(Planned(step=name, stage="s", adapter="copy") for name in names)
        for name in names[:10_000]:
            written.append(Began(step=name, attempt=1, time=1.0, argv=("true",)))
            written.append(
                Finished(
                    step=name, attempt=1, time=2.0, state=StepState.FAILED,
                    reason="a reason\x1b[2J", failure=FailureClass.UNKNOWN,
                )
            )  # fmt: skip
    before = time.monotonic()
    told = status(cli)
    assert time.monotonic() - before < 60  # mostly one or two; this is no benchmark
    assert told["counts"] == {"waiting": 90_000, "failed": 10_000}
    assert [one["step"] for one in told["failed"]] == names[:20]
    ran = cli("status", "out")
    assert "a reason\\x1b[2J" in ran.out
    assert "and 9980 more that failed" in ran.err


def test_a_simulated_gpu_is_known_by_its_uuid() -> None:
    devices = read_simulated("12", {})
    names = ", ".join(f"GPU {one.index} (simulated)" for one in devices)
    assert gpu_names([one.uuid for one in devices]) == names
    assert gpu_names(["GPU-8a1b"]) == "GPU-8a1b"


def journal(folder: Path, host: str = "") -> Journal:
    run = RunBegan(
        run="r", time=1.0, pid=1, host=host or socket.gethostname(), boot="", version="0"
    )
    return Journal.open(folder, state_home=state_home(os.environ), run=run)
