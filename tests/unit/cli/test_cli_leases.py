"""``leases``: who holds what; and ``exec`` beside others on the same machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from command_line import start
from gated_runs import GatedRun
from programs import Gate

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from command_line import Cli

# Takes a witness lock for each of its GPUs: two that were given the same one fail.
WITNESS = (
    'for gpu; do mkdir "held-$gpu" || exit 9; done; '
    'echo "$@" >> given; for gpu; do rmdir "held-$gpu"; done'
)


@pytest.fixture(autouse=True)
def own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a lease directory: others of this session hold simulated GPUs, too."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


def leases(cli: Cli, *more: str) -> dict[str, Any]:
    ran = cli("leases", "--json", "--devices", "simulated:2", *more)
    assert ran.code == 0, ran.err
    told: dict[str, Any] = json.loads(ran.out)
    return told


def test_who_holds_what_is_told(cli: Cli) -> None:
    run = GatedRun(cli, devices=2)
    host, _ = run.begin()
    told = leases(cli)
    assert told["schema"] == "gpucore.leases/1"
    assert told["directory"]["kind"] in {"system", "runtime"}
    assert [(one["index"], one["pid"], one["step"]) for one in told["holders"]] == [
        (0, host.pid, "gated/a"), (1, host.pid, "gated/a"),
    ]  # fmt: skip
    assert all(one["alive"] and one["shares"] == 1 for one in told["holders"])
    ran = cli("leases", "--devices", "simulated:2")
    head, first, _ = ran.out.splitlines()
    assert head.split() == ["GPU", "share", "process", "user", "since", "step", "uuid"]
    assert first.startswith(f"0    whole  {host.pid} ")
    assert ran.err.startswith("leases are ")
    run.go.release()
    host.communicate()
    assert leases(cli)["holders"] == []
    assert cli("leases").err.startswith("no GPU is held\nleases are ")


def test_a_program_that_outlived_its_host_still_holds(cli: Cli) -> None:
    run = GatedRun(cli)
    run.cut_off()
    (holder,) = leases(cli)["holders"]
    assert (holder["step"], holder["alive"]) == ("gated/a", False)
    assert " (ended) " in cli("leases").out
    run.verb("cancel", "out")
    assert leases(cli)["holders"] == []


def test_a_device_that_cannot_be_read_has_no_index(cli: Cli) -> None:
    run = GatedRun(cli)
    run.cut_off()
    told = json.loads(cli("leases", "--json", "--devices", "simulated:0").out)
    assert [one["index"] for one in told["holders"]] == [None]
    run.verb("cancel", "out")


def test_exec_waits_for_a_run_and_says_so(cli: Cli) -> None:
    run = GatedRun(cli)
    host, _ = run.begin()
    call = ("exec", "--devices", "simulated:1")
    ran = run.verb(*call, "--wait", "0", "--", "touch", "made")
    assert ran.code == 3
    assert "1 GPU did not become free within 0 s" in ran.err
    assert "`gpucore leases`" in ran.err
    waiting = run.start(*call, "--", "touch", "made")
    assert waiting.stderr is not None
    assert waiting.stderr.readline().startswith(b"waiting for 1 GPU; ")
    assert not (cli.folder / "made").exists()
    run.go.release()
    host.communicate()
    waiting.communicate()
    assert (host.returncode, waiting.returncode) == (0, 0)
    assert (cli.folder / "made").exists()


def test_a_lease_of_exec_lasts_as_long_as_what_its_command_started(cli: Cli) -> None:
    gate = Gate(cli.folder / "gate")
    done = Gate(cli.folder / "done")
    text = f"(read x < {gate}; echo > {done}) & "
    with start("exec", "--devices", "simulated:1", "--", "sh", "-c", text, cwd=cli.folder) as first:
        assert first.wait() == 0  # the command has ended, and what it started lives on
        (holder,) = leases(cli)["holders"]
        assert (holder["step"], holder["alive"]) == ("exec sh", False)
        ran = cli("exec", "--devices", "simulated:1", "--wait", "0", "--", "true")
        assert ran.code == 3
        gate.release()
        done.receive()
        first.communicate()
    with start("exec", "--devices", "simulated:1", "--", "true", cwd=cli.folder) as second:
        second.communicate()
    assert second.returncode == 0


@pytest.mark.slow
def test_many_that_ask_at_once_are_never_given_the_same(cli: Cli) -> None:
    calls = [
        start("exec", "--devices", "simulated:3", "--gpus", str(1 + number % 2), "--",
              "sh", "-c", WITNESS, "witness", "%(GPU)s", cwd=cli.folder)
        for number in range(12)
    ]  # fmt: skip
    ends = [_end(call) for call in calls]
    assert ends == [0] * len(calls)
    given = (cli.folder / "given").read_text().splitlines()
    assert sorted(len(line.split()) for line in given) == [1] * 6 + [2] * 6


def _end(call: subprocess.Popen[bytes]) -> int:
    call.communicate()
    return call.returncode
