"""``gpus disable``, ``enable`` and ``probe``: people's word on devices, and what a look finds."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gpucore.cli.gpus_named import Machine
from gpucore.errors import DeviceError
from gpucore.plugins import PluginHost
from gpucore.scheduling.signs import REMAP_FAILED
from gpucore.scheduling.standing import Level, Standing
from gpucore.standard.readings import Reading, Snapshot
from gpucore.system import quarantine
from gpucore.system.lease_files import user_name
from gpucore.system.quarantine import QuarantineStore, find_quarantine_store
from gpucore.system.simulated import read_simulated

if TYPE_CHECKING:
    from pathlib import Path

    from command_line import Cli, Ran

A, B = (one.uuid for one in read_simulated("2", {}))
LOST = "GPU-lost"
LOST_STANDING = Standing(
    level=Level.QUARANTINED, reason="it has fallen off the bus", remedy="restart", hard=True
)
ME = user_name(os.geteuid())


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> QuarantineStore:
    """Return what is remembered on a machine of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(quarantine, "MACHINE", tmp_path / "none")
    return find_quarantine_store(tmp_path / "state")


def gpus(cli: Cli, *argv: str) -> Ran:
    return cli("gpus", *argv, "--devices", "simulated:2")


def told(cli: Cli, *argv: str) -> list[dict[str, Any]]:
    ran = gpus(cli, *argv, "--json")
    document = json.loads(ran.out)
    assert document["schema"] == "gpucore.standings/1"
    rows: list[dict[str, Any]] = document["devices"]
    return rows


def show(monkeypatch: pytest.MonkeyPatch, *readings: Reading, fault: str = "") -> None:
    snapshot = Snapshot(time=time.time(), readings=readings, fault=fault)
    monkeypatch.setattr(Machine, "look", lambda self: snapshot)


def test_a_gpu_that_is_disabled_is_withheld_for_the_reason_until_it_is_enabled(
    cli: Cli, store: QuarantineStore
) -> None:
    (row,) = told(cli, "disable", "1", "--reason", "its fan \n is loud")
    assert (row["index"], row["uuid"], row["state"]) == (1, B, "quarantined")
    assert row["reason"] == f"disabled by {ME}: its fan is loud"
    assert row["by"] == ME
    assert set(store.read()) == {B}
    assert gpus(cli, "probe").code == 1
    assert gpus(cli, "probe", "0").code == 0
    (row,) = told(cli, "enable", "1")
    assert (row["state"], row["reason"]) == ("good", "")
    assert store.read() == {}
    assert gpus(cli, "probe").code == 0


def test_people_are_told_in_a_table_and_what_to_do(cli: Cli) -> None:
    ran = gpus(cli, "disable", "0", B, "--reason", "repair")
    assert ran.code == 0
    head, *rows = ran.out.splitlines()
    assert head.split() == ["GPU", "state", "since", "uuid", "why"]
    assert [row.split()[0] for row in rows] == ["0", "1"]
    assert f"of the user {ME} alone heeds it" in ran.err
    ran = gpus(cli, "probe")
    assert f"GPU 1: `gpucore gpus enable {B}`" in ran.err


def test_who_else_heeds_it_is_said(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid():
        pytest.skip("needs root, whose folder it must be")
    folder = tmp_path / "machine"
    folder.mkdir(mode=0o755)
    monkeypatch.setattr(quarantine, "MACHINE", folder)
    assert "all users of this machine heed it" in gpus(cli, "disable", "0", "--reason", "x").err
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("name", ["0", "00", A, A[:12]])
def test_a_gpu_is_named_by_index_uuid_or_the_beginning_of_one(cli: Cli, name: str) -> None:
    (row,) = told(cli, "disable", name, name, "--reason", "x")
    assert row["uuid"] == A


@pytest.mark.parametrize(
    ("names", "what", "help_"),
    [
        (["2"], "there is no GPU `2`", "one of: 0, 1, GPU-"),
        ([A[:-1] + "7"], "there is no GPU", f"did you mean `{A}`?"),
        (["GPU-0"], "`GPU-0` is the beginning of 2 UUIDs", "more characters"),
        ([""], "there is no GPU ``", "one of"),
        (["9" * 5000], "there is no GPU", "one of"),
        (["٣"], "there is no GPU", "one of"),
        (["-1"], "no such option", "help"),
        (["\x1b[2J"], "there is no GPU", "one of"),
        (["0", "x", "y"], "there is no GPU `x`", "2 problems"),
    ],
)
@pytest.mark.parametrize("verb", ["disable", "enable", "probe"])
def test_what_names_no_gpu_is_told_with_the_nearest_and_nothing_is_done(
    cli: Cli, store: QuarantineStore, verb: str, names: list[str], what: str, help_: str
) -> None:
    ran = gpus(cli, verb, *names, *(["--reason", "x"] if verb == "disable" else []))
    assert ran.code == 2
    assert what in ran.err
    assert help_ in ran.err
    assert "\x1b[2J" not in ran.err
    assert store.read() == {}


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 501])
def test_a_reason_is_needed_and_is_no_book(cli: Cli, store: QuarantineStore, reason: str) -> None:
    ran = gpus(cli, "disable", "0", "--reason", reason)
    assert ran.code == 2
    assert "--reason" in ran.err
    assert store.read() == {}


def test_without_a_gpu_to_name_nothing_is_enabled_or_disabled(cli: Cli) -> None:
    assert gpus(cli, "enable").code == 2
    assert gpus(cli, "disable", "--reason", "x").code == 2
    assert cli("gpus", "probe", "--devices", "simulated:0").code == 3


def test_options_of_gpus_itself_count_for_the_verbs_below_it(cli: Cli) -> None:
    ran = cli("gpus", "--devices", "simulated:3", "probe", "2")
    assert ran.code == 0
    assert ran.out.splitlines()[1].startswith("2 ")


def test_enabling_what_was_not_disabled_is_said_and_no_fault(cli: Cli) -> None:
    ran = gpus(cli, "enable", "0")
    assert ran.code == 0
    assert "GPU 0 was neither disabled nor in quarantine" in ran.err


def test_a_gpu_that_is_gone_is_named_by_its_uuid(cli: Cli, store: QuarantineStore) -> None:
    store.keep(LOST, LOST_STANDING)
    (row,) = told(cli, "probe", "GPU-l")
    assert (row["index"], row["state"], row["hard"]) == (None, "quarantined", True)
    ran = gpus(cli, "enable", LOST)
    assert ran.code == 0
    assert "it is not among the GPUs any more" in ran.out
    assert store.read() == {}


def test_a_gpu_is_enabled_even_where_the_driver_is_in_trouble(
    cli: Cli, store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(*_: object) -> None:
        raise DeviceError("the driver did not answer", hint="wait")

    monkeypatch.setattr("gpucore.cli.gpus_named.read_devices", hang)
    monkeypatch.setattr(Machine, "look", hang)
    store.keep(A, LOST_STANDING)
    ran = gpus(cli, "enable", A)
    assert ran.code == 0
    assert "enabled, but not looked at: the driver did not answer" in ran.err
    assert store.read() == {}
    for argv in (["enable", "0"], ["disable", "0", "--reason", "x"], ["probe"], ["probe", "0"]):
        ran = gpus(cli, *argv)
        assert ran.code == 3
        assert "the driver did not answer" in ran.err


def test_a_fault_that_a_person_may_overrule_does_not_keep_a_gpu_from_being_used(
    cli: Cli, store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch, Reading(uuid=A, remap_failed=True), Reading(uuid=B))
    assert gpus(cli, "probe", "0").code == 1
    assert store.read()[A].hard, "what a look finds is remembered"
    (row,) = told(cli, "enable", "0")
    assert row["state"] == "noted"
    assert row["reason"] == f"enabled by {ME} in spite of: {REMAP_FAILED.meaning}"
    assert gpus(cli, "probe").code == 0
    assert told(cli, "probe", "0")[0]["reason"] == row["reason"]


def test_a_fault_that_nobody_can_overrule_is_told_when_it_is_enabled(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch, Reading(uuid=A, compute_mode="prohibited"), Reading(uuid=B))
    ran = gpus(cli, "enable", "0")
    assert ran.code == 0
    assert "quarantined" in ran.out
    assert "nvidia-smi -c 0" in ran.err


def test_a_look_that_finds_a_gpu_clean_ends_a_quarantine_of_an_earlier_boot(
    cli: Cli, store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.keep(A, LOST_STANDING)
    assert gpus(cli, "probe", "0").code == 1, "the machine was not started anew"
    monkeypatch.setattr(quarantine, "boot_id", lambda: "the next boot")
    show(monkeypatch, Reading(uuid=A, fault="GpuIsLost"), Reading(uuid=B))
    assert gpus(cli, "probe", "0").code == 1, "it is not clean"
    monkeypatch.setattr(quarantine, "boot_id", lambda: "the boot after that")
    show(monkeypatch, Reading(uuid=A), Reading(uuid=B))
    ran = gpus(cli, "probe", "0")
    assert ran.code == 0
    assert "GPU 0 is clean: it is used again" in ran.err
    assert store.read() == {}


def test_a_soft_quarantine_is_not_ended_by_a_look_and_its_end_is_told(
    cli: Cli, store: QuarantineStore
) -> None:
    now = time.time()
    soft = Standing(
        level=Level.QUARANTINED, reason="steps failed", remedy="wait", since=now, until=now + 600
    )
    store.keep(A, soft)
    ran = gpus(cli, "probe")
    assert ran.code == 1
    assert "one step tries it from 20" in ran.err
    assert A in store.read()


def test_a_driver_at_fault_withholds_all_and_nothing_is_remembered_of_it(
    cli: Cli, store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(monkeypatch, fault="LibRmVersionMismatch")
    rows = told(cli, "probe")
    assert [row["state"] for row in rows] == ["quarantined", "quarantined"]
    assert store.read() == {}


def test_a_record_that_is_damaged_is_said_and_passed_over(cli: Cli, store: QuarantineStore) -> None:
    store.keep(A, LOST_STANDING)
    (file,) = store.folder.iterdir()
    file.write_text("{\x1b[2J")
    ran = gpus(cli, "probe")
    assert ran.code == 0
    assert "is passed over: it is damaged" in ran.err


def test_a_state_folder_that_cannot_be_written_is_an_error(
    cli: Cli, store: QuarantineStore
) -> None:
    store.folder.parent.parent.mkdir()
    store.folder.parent.write_text("a file in its place")
    ran = gpus(cli, "disable", "0", "--reason", "x")
    assert ran.code == 2
    assert "GPU 0 cannot be disabled" in ran.err


def test_a_record_that_this_user_may_not_remove_is_an_error_that_names_it(
    cli: Cli, store: QuarantineStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    store.keep(A, LOST_STANDING)
    monkeypatch.setattr(quarantine.os, "unlink", refuse)
    ran = gpus(cli, "enable", "0")
    assert ran.code == 2
    assert "GPU 0 cannot be enabled: another user's record stays" in ran.err
    assert str(store.folder) in ran.err


def test_a_time_that_a_stranger_wrote_is_no_traceback(cli: Cli, store: QuarantineStore) -> None:
    far = Standing(level=Level.QUARANTINED, reason="x", remedy="y", since=1e300, hard=True)
    store.keep(A, far)
    assert " ? " in gpus(cli, "probe", "0").out


def test_a_source_that_cannot_be_watched_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    real = PluginHost.device_source
    monkeypatch.setattr(
        PluginHost, "device_source", lambda self, name: replace(real(self, name), watch=None)
    )
    ran = gpus(cli, "probe")
    assert ran.code == 3
    assert "`simulated` does not say how its devices are" in ran.err
    assert "enabled, but not looked at" in gpus(cli, "enable", "0").err
