"""``doctor``: silent where all is well, otherwise what is wrong and what mends it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from command_line import everything_below, run_apart
from programs import script

from gpucore.cli.doctor import limits, places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from command_line import Cli
    from fake_drivers import FakeDriver

pytestmark = pytest.mark.slow  # each looks at all there is

UUID = "GPU-fa4e0000-0000-4000-8000-00000000000{}"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test leases and a memory of devices of its own, and no program of the machine's."""
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / name))
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("CUDA_DEVICE_ORDER", "SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(programs))
    # Neither the room of this machine's disks nor the limits of its containers are to be tested.
    monkeypatch.setattr(limits, "_groups", list)
    monkeypatch.setattr(places, "_GIB", 1024)


@pytest.fixture
def machine(nvidia: FakeDriver, monkeypatch: pytest.MonkeyPatch, own_state: None) -> FakeDriver:
    """Return the machine that this process runs on: it has a driver now."""
    for name, text in nvidia.variables.items():
        monkeypatch.setenv(name, text)
    nvidia.set("count=2")
    return nvidia


def examined(cli: Cli, *more: str, code: int = 0) -> dict[str, Any]:
    ran = cli("doctor", "--json", *more)
    assert ran.code == code, ran.out
    document: dict[str, Any] = json.loads(ran.out)
    assert document["schema"] == "gpucore.doctor/1"
    assert document["exit_code"] == code
    return {one["check"]: one for one in document["checks"]} | {"": document}


def findings(document: dict[str, Any], check: str) -> list[tuple[str, str, str]]:
    return [(one["level"], one["what"], one["help"]) for one in document[check]["findings"]]


def test_a_machine_on_which_all_is_well_gets_one_line(cli: Cli, machine: FakeDriver) -> None:
    ran = cli("doctor")
    assert (ran.code, ran.out, ran.err) == (0, "", "all is well\n")


def test_the_doctor_changes_nothing_in_the_folder_where_it_is_called(
    cli: Cli, machine: FakeDriver
) -> None:
    before = everything_below(cli.folder)
    assert cli("doctor").code == 0
    assert everything_below(cli.folder) == before


def test_json_has_each_check_with_what_it_found(cli: Cli, machine: FakeDriver) -> None:
    document = examined(cli)
    assert document[""]["well"] is True
    assert list(document)[:-1] == [
        "configuration", "gpus", "quarantine", "leases", "working directory", "state directory",
        "temporary directory", "limits", "programs", "plugins", "clock",
    ]  # fmt: skip
    gpus = document["gpus"]["facts"]
    assert [one["uuid"] for one in gpus["devices"]] == [UUID.format(0), UUID.format(1)]
    assert gpus["driver"]
    assert gpus["answer_seconds"] < 60
    assert document["leases"]["facts"]["shared"] is False
    assert document["working directory"]["facts"]["free_bytes"] > 0
    assert document["working directory"]["facts"]["file_system"]
    assert document["limits"]["facts"]["processes"]["used"] > 0
    rows = document["configuration"]["facts"]["settings"]
    assert {"setting": "gpus", "value": "auto", "origin": "built-in"} in rows
    assert document[""]["versions"]["click"]


def test_without_a_driver_there_is_no_usable_gpu(cli: Cli) -> None:
    ran = cli("doctor")
    assert ran.code == 3
    assert ran.out.splitlines() == [
        "✗ gpus: no NVIDIA driver is installed: its library libnvidia-ml.so.1 was not found [E601]",
        "  help: install the driver, or try without a GPU: `--devices simulated:2`",
        "1 problem",
    ]


def test_a_terminal_that_knows_no_such_letters_is_told_all_the_same(cli: Cli) -> None:
    ran = run_apart("doctor", cwd=cli.folder, PYTHONIOENCODING="ascii")
    assert ran.code == 3
    assert ran.out.startswith("x gpus: ")


@pytest.mark.parametrize(
    ("state", "what", "mend"),
    [
        ("init_error=18", "different versions", "restart the machine"),
        ("init_error=4", "may not ask the NVIDIA driver", "video"),
        ("count=0", "found no GPU", "gpucore gpus"),
    ],
)
def test_a_driver_in_trouble_is_told_with_what_mends_it(
    cli: Cli, machine: FakeDriver, state: str, what: str, mend: str
) -> None:
    machine.set("count=2", state)
    ((level, said, help_),) = findings(examined(cli, code=3), "gpus")
    assert level == "wrong"
    assert what in said
    assert mend in help_


def test_a_driver_that_is_slow_is_told(
    cli: Cli, machine: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gpucore.cli.doctor.gpus._SLOW", 0.2)
    machine.set("count=1", "0.hang_ms.nvmlDeviceGetPowerUsage=400")
    ((level, said, help_),) = findings(examined(cli, code=1), "gpus")
    assert level == "wrong"
    assert "seconds to answer" in said
    assert "dmesg" in help_


def test_gpus_that_no_step_would_get_are_told_with_the_command_that_gives_them_back(
    cli: Cli, machine: FakeDriver
) -> None:
    assert cli("gpus", "disable", "1", "--reason", "its fan is loud").code == 0
    ((level, said, help_),) = findings(examined(cli, code=1), "gpus")
    assert level == "wrong"
    assert said.startswith("GPU 1 is quarantined: disabled by")
    assert "its fan is loud" in said
    assert "gpucore gpus enable" in help_
    assert cli("gpus", "disable", "0", "--reason", "so is this one").code == 0
    document = examined(cli, code=3)
    assert [one[0] for one in findings(document, "gpus")] == ["wrong", "wrong"]
    assert document["quarantine"]["facts"]["withheld"] == [UUID.format(0), UUID.format(1)]


def test_compute_modes_are_told(cli: Cli, machine: FakeDriver) -> None:
    machine.set("count=2", "0.compute_mode=3")
    ((level, said, help_),) = findings(examined(cli), "gpus")
    assert (level, help_) == ("note", f"sudo nvidia-smi -i {UUID.format(0)} -c DEFAULT")
    assert "GPU 0 is in compute mode `exclusive_process`" in said
    machine.set("count=2", "0.compute_mode=2")
    ((level, said, _),) = findings(examined(cli, code=1), "gpus")
    assert level == "wrong"
    assert "its compute mode is `prohibited`" in said
    machine.set("count=1", "0.compute_mode=2")
    examined(cli, code=3)


@pytest.mark.parametrize(
    ("mask", "code", "what"),
    [
        ("0", 0, "hides 1 of this machine's 2 GPUs"),
        ("0,7", 1, "names 2 GPUs, and 1 of them can be used"),
        ("", 3, "found no GPU; CUDA_VISIBLE_DEVICES='' may hide some"),
    ],
)
def test_what_an_outer_mask_hides_is_told(
    cli: Cli, machine: FakeDriver, monkeypatch: pytest.MonkeyPatch, mask: str, code: int, what: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", mask)
    found = findings(examined(cli, code=code), "gpus")
    assert what in found[0][1]
    assert "unset CUDA_VISIBLE_DEVICES" in found[0][2]


def test_the_mask_of_a_batch_job_is_no_complaint(
    cli: Cli, machine: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert cli("doctor").err == "all is well\n"


def test_another_order_of_devices_is_told(
    cli: Cli, machine: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    ran = cli("doctor")
    assert ran.code == 0
    assert ran.out.startswith("! gpus: CUDA_DEVICE_ORDER=FASTEST_FIRST")
    assert ran.out.endswith(
        "  help: export CUDA_DEVICE_ORDER=PCI_BUS_ID\nall is well, 1 thing to know\n"
    )


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[int]:
    """Return a process that computes on a device, as far as the driver says."""
    sleep = shutil.which("sleep", path=os.defpath)
    assert sleep is not None
    path = tmp_path / "someone"
    shutil.copy(sleep, path)
    child = subprocess.Popen([path, "600"])
    yield child.pid
    child.kill()
    child.wait()


def test_programs_of_others_are_told(cli: Cli, machine: FakeDriver, stranger: int) -> None:
    machine.set("count=2", f"1.proc={stranger}:2048")
    ((level, said, help_),) = findings(examined(cli), "gpus")
    assert level == "note"
    assert "GPU 1 is used by a program that is not gpucore's: someone of " in said
    assert help_ == f"kill {stranger}, if it is not wanted"


def test_a_gpu_list_that_names_what_is_not_there_is_a_wrong_configuration(
    cli: Cli, machine: FakeDriver
) -> None:
    cli.write("gpucore.toml", 'gpus = "0 5"\n')
    ((level, said, help_),) = findings(examined(cli, code=2), "gpus")
    assert (level, said, help_) == ("wrong", "GPU `5` is not there", "there is GPU 0 to 1")


def test_a_wrong_configuration_is_told_and_the_rest_is_checked_all_the_same(
    cli: Cli, machine: FakeDriver
) -> None:
    cli.write("gpucore.toml", 'gpu = "0"\nthreads = "many"\n')
    document = examined(cli, code=2)
    assert [one[1] for one in findings(document, "configuration")] == [
        f"{cli.folder}/gpucore.toml:1: gpu: unknown key `gpu`",
        f'{cli.folder}/gpucore.toml:2: threads: `threads` = "many" is a text, not a whole number',
    ]
    assert document["gpus"]["state"] == "well"


def test_an_adapter_file_that_is_wrong_is_told(cli: Cli, machine: FakeDriver) -> None:
    cli.write("broken.toml", 'schema = 1\nname = "broken"\n')
    cli.write("gpucore.toml", 'adapters = ["broken.toml"]\npolicy = "none"\n')
    said = [one[1] for one in findings(examined(cli, code=2), "configuration")]
    assert any("the key `title` is missing" in one for one in said)
    assert "no policy is called `none`" in said


def test_a_program_that_the_configuration_names_and_that_is_not_there_is_told(
    cli: Cli, machine: FakeDriver
) -> None:
    cli.write("gpucore.toml", '[program.gctf]\nexecutable = "/nowhere/Gctf"\n[program.gctff]\n')
    document = examined(cli, code=1)
    note, wrong = findings(document, "programs")
    assert note[0] == "note"
    assert "[program.gctff], and no adapter is called so" in note[1]
    assert "did you mean `gctf`?" in note[2]
    assert wrong[0] == "wrong"
    assert "`/nowhere/Gctf` was not found" in wrong[1]
    assert "gpucore.toml" in wrong[2]


def test_programs_that_are_found_are_asked_for_their_versions_and_others_are_no_complaint(
    cli: Cli, machine: FakeDriver, tmp_path: Path
) -> None:
    script(tmp_path / "programs" / "topaz", "echo TOPAZ 0.2.5")
    document = examined(cli)
    rows = {row["program"]: row for row in document["programs"]["facts"]["programs"]}
    row = rows[str(tmp_path / "programs" / "topaz")]
    assert row["version"] == "0.2.5"
    assert "topaz_train" in row["adapters"]
    assert all(row["found"] for row in rows.values())


def test_a_plugin_that_did_not_load_is_told(cli: Cli) -> None:
    info = cli.folder / "site" / "my_lab-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-lab\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text("[gpucore]\nlab = my_lab\n")
    cli.write("site/my_lab.py", "raise RuntimeError('no licence')\n")
    ran = run_apart(
        "doctor", "--devices", "simulated:1", cwd=cli.folder, PYTHONPATH=str(cli.folder / "site")
    )
    assert ran.code == 1, ran.out
    assert "✗ plugins: the plugin `lab` of my-lab 2.5 is not used" in ran.out
    assert "no licence" in ran.out
    assert '  help: pip install --upgrade my-lab; or leave it out: plugins.disable = ["lab"]' in (
        ran.out
    )


def test_a_lease_directory_that_others_may_meddle_with_is_told(
    cli: Cli, machine: FakeDriver, tmp_path: Path
) -> None:
    place = tmp_path / "leases"
    place.mkdir(mode=0o700)
    place.chmod(0o770)
    cli.write("gpucore.toml", f'lease_directory = "{place}"\n')
    found = findings(examined(cli, code=2 if os.geteuid() else 0), "leases")
    if os.geteuid():
        assert found == [
            ("wrong", f"the lease directory {place} may be written by others (mode 0770)",
             f"`chmod 0700 {place}`")
        ]  # fmt: skip
    else:  # root's own may be a group's
        assert not found


def test_the_temporary_directory_is_the_one_that_programs_get(cli: Cli) -> None:
    document = examined(cli, code=3)
    assert document["temporary directory"]["facts"]["path"] == tempfile.gettempdir()


def test_verbose_tells_all_that_was_found_out_but_no_secret(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_TOKEN", "hunter2-of-the-lab")
    cli.write(
        "gpucore.toml",
        '[program.gctf]\nexecutable = "/bin/true"\nenv = { LAB_KEY = "hunter2-of-the-lab" }\n',
    )
    ran = cli("doctor", "-v", "--devices", "simulated:2")
    for told in ("gpus\n", "  driver: ", "  answer_seconds: ", "leases\n", "  shared_by: ",
                 "state directory\n", "  file_system: ", "  free_bytes: ", "  open_files: ",
                 "  processes: ", "programs\n", "plugins\n", "clock\n", '"origin": '):  # fmt: skip
        assert told in ran.out, told
    assert "hunter2" not in ran.out + ran.err
    assert "answer_seconds" not in cli("doctor", "--devices", "simulated:2").out
