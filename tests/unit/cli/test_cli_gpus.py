"""``gpus``: the devices, how they are, who uses them, and what is thought of them."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from command_line import environment, start

from gpucore.cli import gpus_listing
from gpucore.cli.gpus_listing import Look
from gpucore.cli.options import settings_of
from gpucore.scheduling.standing import Level, Standing
from gpucore.system.journal_place import state_home
from gpucore.system.nvml import watch_nvml
from gpucore.system.orphans import marks_of
from gpucore.system.quarantine import find_quarantine_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from command_line import Cli
    from fake_drivers import FakeDriver

UUID = "GPU-fa4e0000-0000-4000-8000-00000000000{}"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test leases and a memory of devices of its own."""
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def machine(nvidia: FakeDriver, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """Return the machine that this process runs on: it has a driver now."""
    for name, text in nvidia.variables.items():
        monkeypatch.setenv(name, text)
    nvidia.set("count=2")
    return nvidia


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., int]]:
    """Return what starts a process that computes on a device, as far as the driver says."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str = "relion", **more: str) -> int:
        path = tmp_path / name
        if not path.exists():
            shutil.copy(shutil.which("sleep") or "sleep", path)
        child = subprocess.Popen([path, "600"], env={**os.environ, **more})
        started.append(child)
        return child.pid

    yield begin
    for child in started:
        child.kill()
        child.wait()


LEASE = """
import os, sys
from gpucore.system.lease_directory import find_lease_directory
from gpucore.system.leases import Leases
held = Leases(find_lease_directory(os.environ)).take_any([sys.argv[1]], 1, step=sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lease() -> Iterator[Callable[..., int]]:
    """Return what starts a process that leases a device for a step."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(uuid: str, step: str) -> int:
        argv = [sys.executable, "-c", LEASE, uuid, step]
        child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        return child.pid

    yield begin
    for child in started:
        child.communicate()


def told(cli: Cli, *more: str) -> dict[str, Any]:
    ran = cli("gpus", "--json", *more)
    assert ran.code == 0, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    assert document["schema"] == "gpucore.gpus/1"
    return document


def rows(text: str) -> list[list[str]]:
    """Return the cells of a table, and of those below it."""
    lines = [line.split("  ") for line in text.splitlines()]
    return [[cell.strip() for cell in line if cell.strip()] for line in lines]


def test_each_device_is_shown_with_how_it_is(cli: Cli, machine: FakeDriver) -> None:
    told = ("HandleByIndex_v2", "UUID", "PciInfo_v3", "Name")  # and nothing else, of the second
    machine.set(
        "count=2", "0.mem_used=1000", "0.util=97", "0.temp=71", "1.error=3", "1.name=B",
        *(f"1.error.nvmlDeviceGet{call}=0" for call in told),
    )  # fmt: skip
    ran = cli("gpus")
    assert ran.code == 0
    head, first, second, *rest = rows(ran.out)
    assert head == ["index", "name", "memory", "busy", "temp", "power", "state", "uuid"]
    assert first == ["0", "NVIDIA Fake-A100-40GB", "1512 / 40960 MiB", "97 %", "71 °C", "55 W",
                     "free", UUID.format(0)]  # fmt: skip
    assert second == ["1", "B", "-", "-", "-", "-", "free", UUID.format(1)]
    assert rest == [[], ["driver 550.90.07, CUDA 12.4"]]
    assert ran.err == ""


def test_what_others_run_is_shown_with_its_user(
    cli: Cli, machine: FakeDriver, program: Callable[..., int]
) -> None:
    pid = program("\x1b[2Jevil\u202e")
    machine.set("count=2", f"1.proc={pid}:812")
    document = told(cli)
    assert [one["state"] for one in document["devices"]] == ["free", "in use"]
    (use,) = document["devices"][1]["uses"]
    assert use == {"ours": False, "pid": pid, "user": use["user"], "what": "\x1b[2Jevil\u202e",
                   "memory_mib": 812, "since": 0.0}  # fmt: skip
    out = cli("gpus").out
    assert ["1", "others", str(pid), use["user"], "812 MiB", r"\x1b[2Jevil\u202e"] in rows(out)
    assert "\x1b" not in out


def test_what_gpucore_runs_is_shown_as_its_lease(
    cli: Cli, machine: FakeDriver, program: Callable[..., int], lease: Callable[..., int]
) -> None:
    pid = program(GPUCORE_RUN="r", GPUCORE_STEP="align/m1")
    other = program()
    stray = program(GPUCORE_RUN="r", GPUCORE_STEP="align/m2")
    assert marks_of(pid) == ("r", "align/m1")
    machine.set("count=2", f"0.proc={pid}:300,{other}:20,{stray}:7")
    host = lease(UUID.format(0), "align/m1")
    device = told(cli)["devices"][0]
    table = rows(cli("gpus").out)
    assert device["state"] == "leased"
    uses = device["uses"]
    assert [(one["ours"], one["pid"], one["what"], one["memory_mib"]) for one in uses] == [
        (True, host, "align/m1", 300),
        (False, other, "relion", 20),
        (True, stray, "align/m2", 7),
    ]  # fmt: skip
    assert [row[1] for row in table if row[:1] == ["0"] and len(row) == 6] == [
        "gpucore", "others", "gpucore",
    ]  # fmt: skip


def test_a_program_that_a_host_started_itself_is_under_the_hosts_lease(
    cli: Cli, machine: FakeDriver, tmp_path: Path
) -> None:
    argv = ("exec", "--", "/bin/sh", "-c", "echo $$; sleep 600 & echo $!; wait")
    with start(*argv, cwd=cli.folder) as process:
        assert process.stdout is not None
        host, program = (int(process.stdout.readline()) for _ in range(2))
        machine.set("count=1", f"0.proc={program}:300")
        (use,) = told(cli)["devices"][0]["uses"]
        for pid in (program, host):
            os.kill(pid, signal.SIGKILL)
    assert (use["ours"], use["pid"], use["what"], use["memory_mib"]) == (
        True, host, "exec sh", 300,
    )  # fmt: skip


def test_a_program_of_who_leased_the_device_is_most_likely_under_the_lease(
    cli: Cli,
    machine: FakeDriver,
    program: Callable[..., int],
    lease: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Marks of other users' programs cannot be read; here nobody's can."""
    pid = program(GPUCORE_RUN="r", GPUCORE_STEP="align/m1")
    machine.set("count=1", f"0.proc={pid}:300")
    monkeypatch.setattr(gpus_listing, "marks_of", lambda pid: ("", ""))
    monkeypatch.setattr(gpus_listing, "_has_secrets", lambda pid: True)
    lease(UUID.format(0), "align/m1")
    (use,) = told(cli)["devices"][0]["uses"]
    assert (use["ours"], use["what"], use["memory_mib"]) == (True, "align/m1", 300)


def test_a_device_in_trouble_is_shown_with_what_to_do(cli: Cli, machine: FakeDriver) -> None:
    machine.set("count=2", "1.recovery=2")
    ran = cli("gpus")
    assert [row[-2] for row in rows(ran.out)[1:3]] == ["free", "quarantined"]
    assert ran.err.startswith("GPU 1 quarantined: the driver says that the machine must be")
    assert "help: restart the machine" in ran.err
    device = told(cli)["devices"][1]
    assert (device["recovery_action"], device["remedy"]) == ("node_reboot", "restart the machine")


def test_what_is_remembered_of_a_device_is_shown(cli: Cli, machine: FakeDriver) -> None:
    store = find_quarantine_store(state_home(os.environ))
    told_by_hand = Standing(
        level=Level.QUARANTINED, reason="it smells", remedy="open a window", by="somebody"
    )
    assert store.keep(UUID.format(0), told_by_hand) == ""
    ran = cli("gpus")
    assert rows(ran.out)[1][-2] == "quarantined"
    assert ran.err == "GPU 0 quarantined: it smells\n  help: open a window\n"


@pytest.mark.slow
def test_a_driver_that_does_not_answer_any_more_is_said_not_to(
    cli: Cli, machine: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpus_listing, "_PATIENCE", 0.1)
    machine.set("count=2", "0.hang_ms.nvmlDeviceGetPowerUsage=60000")
    ran = cli("gpus")
    assert ran.code == 0
    assert [row[2:-1] for row in rows(ran.out)[1:3]] == [["40960 MiB", *"---", "unknown"]] * 2
    assert ran.err.startswith("the driver has not answered for ")


def test_leases_that_cannot_be_read_do_not_hide_the_devices(cli: Cli, machine: FakeDriver) -> None:
    (cli.folder / "everybodys").mkdir()
    (cli.folder / "everybodys").chmod(0o777)
    cli.write("site.toml", f'lease_directory = "{cli.folder}/everybodys"\n')
    document = told(cli, "--config", "site.toml")
    assert len(document["devices"]) == 2
    (note,) = document["notes"]
    assert note.startswith("leases cannot be read: ")


def test_a_source_that_cannot_look_again_shows_what_it_knows(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of({"devices": "simulated:1"})
    listing = Look(settings, None).take()
    gpus_listing.print_listing(listing)
    assert gpus_listing.as_document(listing)["devices"][0]["state"] == "unknown"


def test_no_gpu_is_an_error_that_names_the_mask(
    cli: Cli, machine: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    said = cli.refuses("gpus", code=3)
    assert "`nvml` found no GPU; CUDA_VISIBLE_DEVICES='7' may hide some" in said


def test_a_mask_hides_devices_and_not_who_uses_the_others(
    cli: Cli, machine: FakeDriver, program: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    machine.set("count=2", f"0.proc={program()}:1", f"1.proc={program()}:2")
    (device,) = told(cli)["devices"]
    assert (device["index"], device["uuid"]) == (0, UUID.format(1))
    assert [use["memory_mib"] for use in device["uses"]] == [2]


def test_a_look_follows_devices_that_go_and_come(
    machine: FakeDriver, cli: Cli, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_of({})
    watch = watch_nvml("", settings.environment)
    try:
        look = Look(settings, watch)
        assert [one.index for one in look.take().devices] == [0, 1]
        machine.set("order=1")
        assert [one.uuid for one in look.take().devices] == [UUID.format(1)]
        machine.set("count=2", "*.error=15")
        listing = look.take()
        assert [one.uuid for one in listing.devices] == [UUID.format(1)]
        assert listing.notes == ("a GPU has fallen off the bus",)
        machine.set("count=2")
        look.take()
        assert [one.index for one in look.take().devices] == [0, 1]
    finally:
        watch.close()


def test_a_wrong_period_is_refused(cli: Cli) -> None:
    assert "0" in cli.refuses("gpus", "--watch", "0")
    assert "often" in cli.refuses("gpus", "--watch", "often")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "json"])
def test_off_a_terminal_a_watch_prints_one_table_after_the_other(
    cli: Cli, machine: FakeDriver, form: str
) -> None:
    more = ["--json"] if form == "json" else []
    begins = b"{" if more else b"index"
    with start("gpus", "--watch", "0.1", *more, cwd=cli.folder) as process:
        assert process.stdout is not None
        seen = 0
        while seen < 3:
            line = process.stdout.readline()
            assert b"\x1b" not in line
            seen += line.startswith(begins)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err.strip()) == (130, b"")


@pytest.mark.slow
def test_on_a_terminal_a_watch_draws_in_the_same_place(cli: Cli, machine: FakeDriver) -> None:
    master, slave = pty.openpty()
    argv = [sys.executable, "-m", "gpucore.cli", "gpus", "--watch", "0.1"]
    with subprocess.Popen(
        argv, cwd=cli.folder, env=environment(TERM="xterm"), stdout=slave, stdin=slave,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        os.close(slave)
        drawn = b""
        while drawn.count(b"index") < 3:
            drawn += os.read(master, 4096)
        process.send_signal(signal.SIGTERM)
        while True:  # what it draws meanwhile must not keep it
            try:
                if not os.read(master, 4096):
                    break
            except OSError:  # a terminal that nobody has open any more
                break
        assert process.wait() == 143
    os.close(master)
    assert drawn.count(b"\x1b[2J") >= 3
    assert drawn.startswith(b"\x1b[2J")
