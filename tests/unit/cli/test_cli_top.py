"""``top`` off a terminal and ``status`` without a folder: what goes on on this machine."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from gated_runs import GatedRun

from gpucore.cli import gpus_listing
from gpucore.cli.top.gathering import Gatherer
from gpucore.errors import DeviceError
from gpucore.settings import read_settings
from gpucore.system import quarantine
from gpucore.system.journal_place import state_home
from gpucore.system.lease_files import user_name
from gpucore.system.present_runs import announce, present_runs

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli
    from fake_drivers import FakeDriver

ME = user_name(os.geteuid())


@pytest.fixture(autouse=True)
def own_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep runs and leases of other tests away."""
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setattr(quarantine, "MACHINE", tmp_path / "none")


def top(cli: Cli, devices: str = "simulated:2") -> dict[str, Any]:
    ran = cli("top", "--devices", devices, "--json")
    assert ran.code == 0, ran.err
    told: dict[str, Any] = json.loads(ran.out)
    assert told["schema"] == "gpucore.top/1"
    return told


def test_a_run_of_another_process_is_found_with_its_gpu(cli: Cli) -> None:
    run = GatedRun(cli, "a.tif", "b.tif", devices=2)
    host, _ = run.begin()
    told = top(cli)
    (one,) = told["runs"]
    assert (one["folder"], one["pid"], one["user"]) == (str(cli.folder / "out"), host.pid, ME)
    assert (one["state"], one["own"]) == ("runs", True)
    assert one["counts"] == {"waiting": 1, "running": 1}
    assert [(step["step"], step["attempt"]) for step in one["running"]] == [("gated/a", 1)]
    (tenant,) = told["gpus"][0]["tenants"]
    assert (tenant["what"], tenant["ours"], tenant["pid"]) == ("gated/a", True, host.pid)
    assert tenant["since"] > 0
    assert [gpu["state"] for gpu in told["gpus"]] == ["used", "used"]  # a slot of two
    said = cli("top", "--devices", "simulated:2")
    assert "gated/a in out " in said.out
    assert (said.out + said.err).isprintable() is False  # lines, and nothing else
    assert all(line.isprintable() for line in said.out.splitlines())
    run.go.release()
    run.here.receive()
    run.go.release()
    host.communicate()
    told = top(cli)
    assert (told["runs"], [gpu["state"] for gpu in told["gpus"]]) == ([], ["free", "free"])


def test_status_without_a_folder_lists_the_runs_that_go_on(cli: Cli) -> None:
    ran = cli("status")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "none of your runs goes on on this machine\n"
    run = GatedRun(cli)
    host, _ = run.begin()
    ran = cli("status")
    head, row = ran.out.splitlines()
    assert head.split() == [
        "run", "user", "process", "state", "done", "running", "failed", "waiting", "rate", "left",
    ]  # fmt: skip
    assert row.split() == [
        str(cli.folder / "out"), ME, str(host.pid), "runs", "0", "1", "0", "0", "-", "-",
    ]  # fmt: skip
    assert "`gpucore status DIR`" in ran.err
    told = json.loads(cli("status", "--json").out)
    assert told["schema"] == "gpucore.runs/1"
    assert [one["folder"] for one in told["runs"]] == [str(cli.folder / "out")]
    run.go.release()
    host.communicate()
    assert json.loads(cli("status", "--json").out)["runs"] == []


def test_a_run_without_any_gpu_is_found_too(cli: Cli) -> None:
    run = GatedRun(cli)
    text = "echo up > here; read word < go"
    host = run.start(
        "map", "copy", "a.tif", "-o", "out", "--adapter", "copy.toml", "--gpus", "",
        "--set", f"text={text}",
    )  # fmt: skip
    run.here.receive()
    (one,) = top(cli)["runs"]
    assert [step["gpus"] for step in one["running"]] == [[]]
    run.go.release()
    host.communicate()


def test_a_run_whose_host_was_killed_is_shown_while_its_program_lives(cli: Cli) -> None:
    run = GatedRun(cli)
    run.cut_off()
    told = top(cli)
    (one,) = told["runs"]
    assert (one["state"], one["reason"]) == ("died", "its process died")
    assert [step["state"] for step in one["running"]] == ["running"]
    assert [tenant["what"] for tenant in told["gpus"][0]["tenants"]] == ["gated/a"]
    run.verb("cancel", "out")
    assert top(cli)["runs"] == []
    assert present_runs(state_home(os.environ)) == []


def test_a_lease_without_a_run_is_shown_as_far_as_it_says(cli: Cli) -> None:
    run = GatedRun(cli)
    host = run.start(
        "exec", "--devices", "simulated:1", "--", "/bin/sh", "-c", "echo up > here; read word < go"
    )
    run.here.receive()
    told = top(cli, "simulated:1")
    (one,) = told["runs"]
    assert (one["folder"], one["user"], one["pid"], one["own"]) == ("", ME, host.pid, True)
    assert told["gpus"][0]["state"] == "used"
    run.go.release()
    host.communicate()


def test_without_gpus_and_runs_it_says_so_and_is_no_fault(cli: Cli) -> None:
    ran = cli("top", "--devices", "simulated:0")
    assert (ran.code, ran.out) == (0, "")
    assert "no run goes on on this machine" in ran.err
    assert "the device source `simulated:0` found no GPU" in ran.err
    told = top(cli, "simulated:0")
    assert (told["gpus"], told["runs"]) == ([], [])
    assert len(told["notes"]) == 1


def test_a_gpu_in_quarantine_says_why(cli: Cli) -> None:
    cli("gpus", "disable", "1", "--reason", "its fan is loud", "--devices", "simulated:2")
    told = top(cli)
    assert [gpu["state"] for gpu in told["gpus"]] == ["free", "quarantined"]
    out = cli("top", "--devices", "simulated:2").out
    assert f"quarantined: disabled by {ME}: its fan is loud" in out


def test_a_run_that_vanishes_is_told_as_what_it_was(cli: Cli, tmp_path: Path) -> None:
    gatherer = Gatherer(read_settings({"devices": "simulated:1"}), None, patience=1.0)
    announce("r1", tmp_path / "gone\x1b[2J", state_home(os.environ))
    (run,) = gatherer.take().runs
    assert (run.state, run.reason) == (
        "unread", "its journal cannot be read (No such file or directory)",
    )  # fmt: skip
    ran = cli("top", "--devices", "simulated:1")
    assert "gone\\x1b[2J" in ran.out


def test_a_run_that_ended_stays_for_a_while(cli: Cli) -> None:
    gatherer = Gatherer(read_settings({"devices": "simulated:1"}), None, patience=1.0)
    run = GatedRun(cli)
    host, _ = run.begin()
    assert [one.state for one in gatherer.take().runs] == ["runs"]
    host.send_signal(signal.SIGTERM)
    host.communicate()
    (ended,) = gatherer.take().runs
    assert (ended.state, ended.reason) == ("ended", "it was stopped")
    assert dict(ended.counts) == {"cancelled": 1}


def test_devices_that_cannot_be_read_are_not_asked_for_again_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def fail(*_: object) -> None:
        asked.append(1)
        raise DeviceError("no driver")

    monkeypatch.setattr(gpus_listing, "read_devices", fail)
    gatherer = Gatherer(read_settings({"devices": "simulated:1"}), None, patience=1.0)
    for _ in range(3):
        assert gatherer.take().notes == ("no driver",)
    assert len(asked) == 1


@pytest.mark.parametrize("interval", ["0", "-1", "x", "0.01"])
def test_an_interval_that_is_none_is_refused(cli: Cli, interval: str) -> None:
    assert "--interval" in cli.refuses("top", "--interval", interval)


@pytest.mark.slow
def test_what_the_driver_tells_is_shown_with_strangers_and_gpus_that_fell_off(
    cli: Cli, nvidia: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in nvidia.variables.items():
        monkeypatch.setenv(name, text)
    nvidia.set(
        "count=2", "0.util=97", "0.temp=71", "0.mem_used=2048", f"0.proc={os.getpid()}:1800",
        "1.remap_failed=1",
    )  # fmt: skip
    told = top(cli, "nvml")
    first, second = told["gpus"]
    assert (first["utilisation"], first["temperature"], first["state"]) == (97, 71, "others")
    (tenant,) = first["tenants"]
    assert (tenant["pid"], tenant["user"], tenant["ours"]) == (os.getpid(), ME, False)
    assert second["state"] == "quarantined"
    out = cli("top", "--devices", "nvml").out
    assert f"of {ME} (process {os.getpid()}, 1800 MiB), not by gpucore" in out
