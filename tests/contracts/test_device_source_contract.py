"""One contract for every device source: what `gpucore.plugins.offers.DeviceSource` promises."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from gpucore.errors import DeviceError
from gpucore.standard import Device
from gpucore.system import nvml
from gpucore.system.nvml import NVML, NoDriverError
from gpucore.system.simulated import SIMULATED

FAKE = Path(__file__).parent.parent / "fakes" / "fakenvml.c"


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """Return a folder with a stand-in for the driver's library."""
    compiler = shutil.which("gcc")
    if compiler is None:
        if os.environ.get("CI"):
            pytest.fail("gcc is needed for the stand-in of the driver's library")
        pytest.skip("there is no gcc")
    folder = tmp_path_factory.mktemp("library")
    name = "libnvidia-ml.so.1"
    options = ["-std=gnu11", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", "-lpthread"]
    subprocess.run(
        [compiler, str(FAKE), *options, f"-Wl,-soname,{name}", "-o", str(folder / name)],
        check=True,
    )
    return folder


@pytest.fixture
def driver(library, tmp_path):
    """Return what makes the environment of a machine with this driver."""

    def make(*lines, **more):
        state = tmp_path / "state.txt"
        state.write_text("".join(f"{line}\n" for line in lines))
        return {
            "PATH": os.defpath,
            "LD_LIBRARY_PATH": str(library),
            "FAKENVML_STATE": str(state),
            **more,
        }

    return make


@pytest.fixture(params=["simulated", "nvml"])
def source(request):
    """Return what reads four devices from a source, in an environment with more variables."""
    if request.param == "simulated":
        return lambda **more: SIMULATED.read("4", {"PATH": os.defpath, **more})
    driver = request.getfixturevalue("driver")
    return lambda **more: NVML.read("", driver("count=4", **more))


def test_devices_are_numbered_from_zero_and_have_an_identity_each(source):
    devices = source()
    assert all(isinstance(one, Device) for one in devices)
    assert [one.index for one in devices] == [0, 1, 2, 3]
    assert len({one.uuid for one in devices}) == 4
    assert all(one.uuid.startswith("GPU-") and one.name for one in devices)
    assert [one.mask_entry for one in devices] == ["0", "1", "2", "3"]


def test_devices_are_the_same_when_they_are_read_again(source):
    assert source() == source()


def test_an_outer_mask_narrows_and_numbers_the_devices_anew(source):
    every = source()
    some = source(CUDA_VISIBLE_DEVICES="2,0")
    assert [(one.index, one.uuid, one.mask_entry) for one in some] == [
        (0, every[2].uuid, "2"),
        (1, every[0].uuid, "0"),
    ]


def test_an_outer_mask_may_name_identities(source):
    wanted = source()[3].uuid
    (one,) = source(CUDA_VISIBLE_DEVICES=wanted)
    assert (one.index, one.uuid, one.mask_entry) == (0, wanted, wanted)


@pytest.mark.parametrize("mask", ["", "-1", "NoDevFiles", "17"])
def test_an_outer_mask_that_names_nothing_leaves_nothing(source, mask):
    assert list(source(CUDA_VISIBLE_DEVICES=mask)) == []


def test_made_up_devices_are_marked_and_real_ones_are_not(driver):
    assert all(one.simulated for one in SIMULATED.read("2", {}))
    assert not any(one.simulated for one in NVML.read("", driver("count=2")))


@pytest.mark.parametrize(
    "argument", ["", "x", "-1", "1.5", " 2", "٣", "99999", "0000099999", "9" * 5000]
)
def test_what_is_no_number_of_simulated_devices_is_refused(argument):
    with pytest.raises(DeviceError, match="simulated") as caught:
        SIMULATED.read(argument, {})
    assert caught.value.hint


def test_nvml_takes_no_argument():
    with pytest.raises(DeviceError, match="nvml:2"):
        NVML.read("2", {})


def test_a_machine_without_a_driver_says_so_and_what_to_do(tmp_path):
    with pytest.raises(NoDriverError, match="libnvidia-ml") as caught:
        NVML.read("", {"PATH": os.defpath, "LD_LIBRARY_PATH": str(tmp_path)})
    assert "simulated" in caught.value.hint
    assert caught.value.exit_code == 3


def test_nvml_devices_come_in_the_order_of_the_pci_bus(driver):
    devices = NVML.read("", driver("count=3", "0.bus=193", "1.bus=10", "2.bus=65"))
    assert [int(one.uuid[-1]) for one in devices] == [1, 2, 0]
    assert [one.index for one in devices] == [0, 1, 2]


def test_nvml_tells_name_and_memory(driver):
    devices = NVML.read("", driver("count=2", "0.name=NVIDIA A", "1.name=B", "1.mem_total=24576"))
    assert [(one.name, one.memory_mib) for one in devices] == [("NVIDIA A", 40960), ("B", 24576)]


def test_a_gpu_without_memory_of_its_own_is_still_a_gpu(driver):
    (one,) = NVML.read("", driver("count=1", "0.mem_error=3"))
    assert one.memory_mib == 0


def test_a_driver_without_devices_is_an_empty_answer_and_no_error(driver):
    assert list(NVML.read("", driver("count=0"))) == []


@pytest.mark.parametrize(
    ("line", "words", "advice"),
    [
        ("init_error=9", "not loaded", "modprobe"),
        ("init_error=4", "may not ask", "/dev/nvidia"),
        ("init_error=18", "different versions", "restart"),
        ("0.error=15", "fallen off the bus", "restart"),
        ("init_error=999", "reports", ""),
        ("0.error=999", "reports", ""),
    ],
)
def test_a_driver_that_fails_is_an_error_with_its_meaning(driver, line, words, advice):
    with pytest.raises(DeviceError, match=words) as caught:
        NVML.read("", driver("count=2", line))
    assert not isinstance(caught.value, NoDriverError)
    assert advice in caught.value.hint


@pytest.mark.slow
def test_a_driver_that_hangs_has_a_deadline_and_its_child_is_ended(driver, monkeypatch):
    children = []
    popen = subprocess.Popen

    def keep(*arguments, **more):
        children.append(popen(*arguments, **more))
        return children[-1]

    monkeypatch.setattr(nvml, "DEADLINE", 0.5)
    monkeypatch.setattr(nvml.subprocess, "Popen", keep)
    with pytest.raises(DeviceError, match="did not answer"):
        NVML.read("", driver("count=1", "0.hang_ms=600000"))
    assert children[0].returncode is not None


@pytest.mark.slow
def test_a_child_that_cannot_be_ended_is_not_waited_for(driver, monkeypatch):
    """As when it sleeps in the kernel: the signal reaches it only when the driver lets it go."""
    children = []

    class Unkillable(subprocess.Popen):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            children.append(self)

        def kill(self):
            pass

    monkeypatch.setattr(nvml, "DEADLINE", 0.1)
    monkeypatch.setattr(nvml, "_LAST_SECONDS", 0.1)
    monkeypatch.setattr(nvml.subprocess, "Popen", Unkillable)
    with pytest.raises(DeviceError, match="did not answer"):
        NVML.read("", driver("count=1", "0.hang_ms=600000"))
    (child,) = children
    assert child.poll() is None
    os.kill(child.pid, signal.SIGKILL)
    child.wait()


def test_what_lies_in_the_working_directory_is_not_imported(driver, tmp_path, monkeypatch):
    for name in ("pynvml.py", "json.py", "gpucore.py"):
        (tmp_path / name).write_text("raise SystemExit('planted')")
    monkeypatch.chdir(tmp_path)
    assert len(NVML.read("", driver("count=2"))) == 2


def test_a_child_that_breaks_is_an_error_with_its_last_words(driver, tmp_path):
    (tmp_path / "pynvml.py").write_text("raise RuntimeError('a broken installation')")
    with pytest.raises(DeviceError, match="a broken installation"):
        NVML.read("", driver("count=1", PYTHONPATH=str(tmp_path)))
