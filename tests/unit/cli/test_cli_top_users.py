"""``top`` of one user beside the run of another: what leases tell is seen, and no more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from gated_runs import GatedRun
from users import Machine, machine_of_users

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command_line import Cli

pytestmark = pytest.mark.slow


@pytest.fixture
def machine() -> Iterator[Machine]:
    with machine_of_users() as machine:
        yield machine


def test_another_users_run_is_seen_by_its_leases_and_is_not_ours(
    machine: Machine, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = machine.base / "leases"
    shared.mkdir()
    shared.chmod(0o1777)
    own = machine.base / "alice"
    own.mkdir()
    machine.alice.own(own, 0o700)
    (tmp_path / "state").mkdir(mode=0o700)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    site = machine.base / "site.toml"
    site.write_text(f'lease_directory = "{shared}"\n')
    run = GatedRun(cli)
    host = run.start(*run.call, "--config", str(site))
    run.here.receive()
    ended = machine.run(
        machine.alice, "top", "--config", str(site), "--devices", "simulated:1", "--json",
        cwd=own, environment={"HOME": str(own)},
    )  # fmt: skip
    assert ended.code == 0, ended.said
    document = json.loads(ended.said)
    (gpu,) = document["gpus"]
    (tenant,) = gpu["tenants"]
    assert (gpu["state"], tenant["what"], tenant["user"]) == ("used", "gated/a", "root")
    (theirs,) = document["runs"]
    assert (theirs["own"], theirs["folder"], theirs["user"]) == (False, "", "root")
    assert theirs["pid"] == host.pid
    assert [step["step"] for step in theirs["running"]] == ["gated/a"]
    ended = machine.run(machine.alice, "status", cwd=own, environment={"HOME": str(own)})
    assert ended.said == "none of your runs goes on on this machine\n"
    run.go.release()
    host.communicate()
