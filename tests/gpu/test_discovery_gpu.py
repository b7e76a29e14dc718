"""What gpucore says of real NVIDIA GPUs, beside what nvidia-smi and CUDA say of them."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cuda_program
import pytest
from command_line import environment, run_apart

from gpucore.errors import DeviceError
from gpucore.standard.devices import unmasked
from gpucore.standard.gpuforms import visible_environment
from gpucore.system.nvml import NVML, watch_nvml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gpucore.standard import Device
    from gpucore.standard.readings import Reading

pytestmark = [pytest.mark.gpu, pytest.mark.slow]

PROGRAM = [sys.executable, cuda_program.__file__]


@pytest.fixture(scope="module")
def devices() -> tuple[Device, ...]:
    """The NVIDIA GPUs of this machine, whatever a mask hides."""
    try:
        found = NVML.read("", unmasked(os.environ))
    except DeviceError as error:
        pytest.skip(f"there is no NVIDIA GPU: {error.what}")
    if not found:
        pytest.skip("there is no NVIDIA GPU")
    return tuple(found)


@pytest.fixture(scope="module")
def gpus(devices: tuple[Device, ...]) -> tuple[Device, ...]:
    """Those that are not MIG instances, of which nvidia-smi says most."""
    found = tuple(one for one in devices if not one.parent)
    if not found:
        pytest.skip("all NVIDIA GPUs are cut into MIG instances")
    return found


@pytest.fixture
def readings(devices: tuple[Device, ...]) -> Iterator[dict[str, Reading]]:
    watch = watch_nvml("", unmasked(os.environ))
    snapshot = watch.read(30.0)
    assert not snapshot.fault
    assert snapshot.driver
    assert snapshot.cuda
    yield snapshot.of
    watch.close()


@pytest.fixture
def own_leases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


def nvidia_smi(*fields: str) -> list[list[str]]:
    """Return what nvidia-smi says of each GPU."""
    program = shutil.which("nvidia-smi")
    if program is None:
        pytest.skip("there is no nvidia-smi")
    argv = [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]


@pytest.fixture
def cuda() -> None:
    """CUDA's library, which comes with the driver."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        pytest.skip(f"there is no CUDA: {error}")


def sees(**masks: str) -> list[str]:
    """Return the UUIDs that a CUDA program sees, without their prefix."""
    done = subprocess.run(
        [*PROGRAM, "1"],
        env={**unmasked(environment()), "CUDA_DEVICE_ORDER": "PCI_BUS_ID", **masks},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 2}, done.stderr
    return json.loads(done.stdout.splitlines()[0])["uuids"] if done.stdout else []


def test_devices_are_those_that_nvidia_smi_lists(gpus: tuple[Device, ...]) -> None:
    told = nvidia_smi("index", "uuid", "name", "memory.total", "pci.bus_id", "mig.mode.current")
    whole = [row[:5] for row in told if row[5] != "Enabled"]
    assert [[one.uuid, one.name, str(one.memory_mib), one.bus] for one in gpus] == [
        row[1:] for row in whole
    ]
    if len(whole) == len(told):
        assert [str(one.index) for one in gpus] == [row[0] for row in whole]


def test_compute_modes_are_those_that_nvidia_smi_tells(gpus: tuple[Device, ...]) -> None:
    told = dict(nvidia_smi("uuid", "compute_mode"))
    names = {"default": "Default", "exclusive_process": "Exclusive_Process",
             "prohibited": "Prohibited"}  # fmt: skip
    assert [names[one.compute_mode] for one in gpus] == [told[one.uuid] for one in gpus]


def test_readings_are_what_nvidia_smi_tells(
    gpus: tuple[Device, ...], readings: dict[str, Reading]
) -> None:
    for uuid, total, free, temperature in nvidia_smi(
        "uuid", "memory.total", "memory.free", "temperature.gpu"
    ):
        if uuid not in {one.uuid for one in gpus}:
            continue
        reading = readings[uuid]
        assert not reading.fault
        assert reading.memory_total_mib == int(total)
        assert reading.memory_free_mib is not None
        # Others may take some meanwhile; what the driver keeps is never taken for free.
        assert abs(reading.memory_free_mib - int(free)) <= max(int(total) // 50, 64)
        assert reading.temperature is not None
        assert abs(reading.temperature - int(temperature)) <= 15
        assert reading.utilisation is not None
        assert reading.clock_reasons is not None


def test_every_device_can_be_looked_at(
    devices: tuple[Device, ...], readings: dict[str, Reading]
) -> None:
    assert {one.uuid for one in devices} <= set(readings)


@pytest.mark.usefixtures("cuda")
def test_a_cuda_program_sees_the_device_that_a_mask_entry_names(
    devices: tuple[Device, ...],
) -> None:
    for device in devices:
        (seen,) = sees(**visible_environment([device]))
        assert device.uuid.endswith(seen)


@pytest.mark.usefixtures("cuda")
def test_a_cuda_program_obeys_numbers_and_identities(gpus: tuple[Device, ...]) -> None:
    last = gpus[-1]
    if last.mask_entry.isdecimal():
        assert sees(CUDA_VISIBLE_DEVICES=last.mask_entry) == [last.uuid.removeprefix("GPU-")]
    assert sees(CUDA_VISIBLE_DEVICES=last.uuid) == [last.uuid.removeprefix("GPU-")]
    assert sees(CUDA_VISIBLE_DEVICES="") == []


@pytest.mark.usefixtures("cuda")
def test_an_outer_mask_leaves_what_a_cuda_program_sees(gpus: tuple[Device, ...]) -> None:
    for mask in ("0", gpus[-1].uuid, f"{gpus[-1].uuid},{gpus[0].uuid}", "0,17"):
        ours = NVML.read("", {**unmasked(os.environ), "CUDA_VISIBLE_DEVICES": mask})
        seen = sees(CUDA_VISIBLE_DEVICES=mask)
        assert [one.uuid.partition("-")[2] for one in ours] == seen


@pytest.mark.usefixtures("cuda", "own_leases")
def test_a_program_that_computes_is_seen_with_its_memory_and_its_lease(
    gpus: tuple[Device, ...], tmp_path: Path
) -> None:
    uuid = gpus[0].uuid
    argv = [sys.executable, "-m", "gpucore.cli", "exec", "--", *PROGRAM, "700"]
    with subprocess.Popen(
        argv,
        cwd=tmp_path,
        env={**environment(), "CUDA_VISIBLE_DEVICES": uuid},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        pid = json.loads(process.stdout.readline())["pid"]
        assert json.loads(process.stdout.readline()) == {"taken": 700}
        ran = run_apart("gpus", "--json", cwd=tmp_path, CUDA_VISIBLE_DEVICES=uuid)
        process.stdin.close()
        assert process.wait() == 0
    (device,) = json.loads(ran.out)["devices"]
    assert device["state"] == "leased"
    lease = next(one for one in device["uses"] if one["ours"])
    assert lease["what"].startswith("exec ")
    assert device["memory_used_mib"] >= 700
    others = [one["pid"] for one in device["uses"] if not one["ours"]]
    if lease["memory_mib"] is None and not any(Path(f"/proc/{one}").exists() for one in others):
        pytest.skip("the driver tells process numbers that count outside this container")
    assert lease["pid"] == pid
    assert lease["memory_mib"] >= 700


def test_showing_the_devices_of_this_machine_has_an_answer(
    devices: tuple[Device, ...], tmp_path: Path
) -> None:
    ran = run_apart("gpus", cwd=tmp_path)
    assert ran.code == 0
    assert all(one.uuid in ran.out for one in devices)
