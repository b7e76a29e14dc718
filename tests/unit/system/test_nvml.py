"""The device source ``nvml`` on a stand-in for the driver's library: what it lists, and says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gpucore.errors import DeviceError
from gpucore.system import nvml
from gpucore.system.nvml import NVML, NoDriverError, meaning

if TYPE_CHECKING:
    from fake_drivers import FakeDriver


@pytest.fixture
def no_library(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the driver's library does not load, whatever the machine."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "libnvidia-ml.so.1").write_text("no library")
    return {"PATH": os.defpath, "LD_LIBRARY_PATH": str(folder)}


def test_a_machine_without_a_driver_says_so_and_what_to_do(
    no_library: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvml, "_CONTROL", tmp_path / "nvidiactl")
    with pytest.raises(NoDriverError, match="libnvidia-ml") as caught:
        NVML.read("", no_library)
    assert "simulated" in caught.value.hint
    assert caught.value.exit_code == 3


def test_a_driver_whose_library_is_missing_is_not_taken_for_no_driver(
    no_library: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(nvml, "_CONTROL", tmp_path / "nvidiactl")
    with pytest.raises(DeviceError, match="driver is loaded, but its library") as caught:
        NVML.read("", no_library)
    assert not isinstance(caught.value, NoDriverError)
    assert "--nv" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "words", "advice"),
    [
        ("init_error=9", "not loaded", "modprobe"),
        ("init_error=4", "may not ask", "/dev/nvidia"),
        ("init_error=18", "different versions", "restart"),
        ("init_error=17", "operating system keeps", "container"),
        ("0.error=15", "fallen off the bus", "restart"),
        ("0.error=16", "has to be reset", "--gpu-reset"),
        ("0.error=8", "external power", "cables"),
        ("0.error=11", "interrupts", "dmesg"),
        ("init_error=999", "reports: Unknown Error", ""),
        ("0.error=999", "reports: Unknown Error", ""),
        ("init_error=77", "reports: ", ""),
    ],
)
def test_a_driver_that_fails_is_an_error_with_its_meaning(
    nvidia: FakeDriver, line: str, words: str, advice: str
) -> None:
    with pytest.raises(DeviceError, match=words) as caught:
        NVML.read("", nvidia.environment("count=1", line))
    assert not isinstance(caught.value, NoDriverError)
    assert advice in caught.value.hint
    assert bool(caught.value.hint) == bool(advice)


def test_five_troubles_of_a_driver_have_five_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml, "_CONTROL", Path("/nowhere"))
    faults = ("LibraryNotFound", "DriverNotLoaded", "LibRmVersionMismatch", "NoPermission")
    told = {(meaning(fault).what, meaning(fault).hint) for fault in faults}
    assert len(told) == len(faults)
    assert all(what and hint for what, hint in told)


@pytest.mark.slow
def test_a_driver_that_hangs_is_said_to_hang(
    nvidia: FakeDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nvml, "DEADLINE", 0.5)
    with pytest.raises(DeviceError, match=r"did not answer within 0\.5 seconds") as caught:
        NVML.read("", nvidia.environment("count=1", "0.hang_ms=60000"))
    assert "dmesg" in caught.value.hint


def test_devices_come_in_the_order_of_the_pci_bus(nvidia: FakeDriver) -> None:
    devices = NVML.read("", nvidia.environment("count=3", "0.bus=193", "1.bus=10", "2.bus=65"))
    assert [int(one.uuid[-1]) for one in devices] == [1, 2, 0]
    assert [one.index for one in devices] == [0, 1, 2]
    assert [one.bus for one in devices] == sorted(one.bus for one in devices)


def test_an_index_stays_when_the_driver_counts_in_another_order(nvidia: FakeDriver) -> None:
    before = NVML.read("", nvidia.environment("count=4"))
    assert NVML.read("", nvidia.environment("order=2,0,3,1")) == before


def test_all_that_is_known_of_a_device_is_told(nvidia: FakeDriver) -> None:
    devices = NVML.read(
        "",
        nvidia.environment(
            "count=4",
            "0.name=NVIDIA A", "1.name=B", "1.mem_total=24576",
            "0.numa=1", "0.compute_mode=3", "1.compute_mode=2", "2.compute_mode=1",
        ),
    )  # fmt: skip
    assert [(one.name, one.memory_mib) for one in devices][:2] == [
        ("NVIDIA A", 40960),
        ("B", 24576),
    ]
    assert [one.numa for one in devices] == [1, 0, 0, 0]
    assert [one.compute_mode for one in devices] == [
        "exclusive_process", "prohibited", "exclusive_process", "default",
    ]  # fmt: skip
    assert {one.maker for one in devices} == {"nvidia"}


def test_links_tell_which_devices_are_near(nvidia: FakeDriver) -> None:
    # 0 and 1 hang on one switch, 3 on another NUMA node; 0 and 2 have two NVLinks, 0 and 1 one.
    devices = NVML.read(
        "",
        nvidia.environment(
            "count=4", "0.switch=0", "1.switch=0", "2.switch=2", "3.switch=3",
            "3.numa=1", "0.nvlink_to=2,2,1", "2.nvlink_to=0,0", "1.nvlink_to=0",
        ),
    )  # fmt: skip
    near = [{int(uuid[-1]): score for uuid, score in one.links} for one in devices]
    assert near[0] == {1: 150, 2: 220, 3: 10}
    assert near[2] == {0: 220, 1: 20, 3: 10}
    assert near[3] == {0: 10, 1: 10, 2: 10}
    for one in range(4):
        assert all(near[other][one] == score for other, score in near[one].items())


def test_links_through_a_switch_count_for_each_device_behind_it(nvidia: FakeDriver) -> None:
    devices = NVML.read("", nvidia.environment("count=3", "*.nvlink_to=s,s,s,s"))
    assert {score // 100 for one in devices for _, score in one.links} == {4}
    assert all(len(one.links) == 2 for one in devices)


def test_a_gpu_without_memory_of_its_own_is_still_a_gpu(nvidia: FakeDriver) -> None:
    (one,) = NVML.read("", nvidia.environment("count=1", "0.mem_error=3"))
    assert one.memory_mib == 0


def test_a_driver_without_devices_is_an_empty_answer_and_no_error(nvidia: FakeDriver) -> None:
    assert NVML.read("", nvidia.environment("count=0")) == ()


def test_a_gpu_that_does_not_tell_its_identity_leaves_the_others_their_numbers(
    nvidia: FakeDriver, caplog: pytest.LogCaptureFixture
) -> None:
    devices = NVML.read("", nvidia.environment("count=4", "1.error=15"))
    assert [one.index for one in devices] == [0, 2, 3]
    # CUDA may count without it: so numbers name nothing any more.
    assert all(one.mask_entry == one.uuid for one in devices)
    (warning,) = caplog.messages
    assert warning.startswith("GPU 1 is left out: a GPU has fallen off the bus; restart")


def test_a_gpu_that_can_tell_no_more_than_its_identity_is_listed(nvidia: FakeDriver) -> None:
    lines = ("count=2", "1.error.nvmlDeviceGetMemoryInfo=15")
    devices = NVML.read("", nvidia.environment(*lines))
    assert [one.index for one in devices] == [0, 1]


def test_a_gpu_that_this_user_may_not_use_is_none_of_the_users(nvidia: FakeDriver) -> None:
    devices = NVML.read(
        "", nvidia.environment("count=3", "1.error.nvmlDeviceGetHandleByIndex_v2=4")
    )
    assert [(one.index, int(one.uuid[-1])) for one in devices] == [(0, 0), (1, 2)]
    assert [one.mask_entry for one in devices] == ["0", "1"]


def test_gpus_none_of_which_this_user_may_use_are_not_taken_for_none(nvidia: FakeDriver) -> None:
    with pytest.raises(DeviceError, match="may not ask"):
        NVML.read("", nvidia.environment("count=2", "*.error.nvmlDeviceGetHandleByIndex_v2=4"))


def test_a_name_that_is_no_utf8_is_no_trouble(nvidia: FakeDriver) -> None:
    nvidia.state.write_bytes(b"count=1\n0.name=A\xff100\n")
    (one,) = NVML.read("", nvidia.environment())
    assert one.memory_mib == 40960


def test_what_lies_in_the_working_directory_is_not_imported(
    nvidia: FakeDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pynvml.py", "json.py", "gpucore.py", "nvml_child.py"):
        (tmp_path / name).write_text("raise SystemExit('planted')")
    monkeypatch.chdir(tmp_path)
    assert len(NVML.read("", nvidia.environment("count=2"))) == 2


def test_a_child_that_breaks_is_an_error_with_its_last_words(
    nvidia: FakeDriver, tmp_path: Path
) -> None:
    (tmp_path / "pynvml.py").write_text("raise RuntimeError('a broken installation')")
    with pytest.raises(DeviceError, match=r"could not be asked: .*a broken installation"):
        NVML.read("", nvidia.environment("count=1", PYTHONPATH=str(tmp_path)))


def test_a_binding_without_a_call_is_as_good_as_a_driver_without_it(
    nvidia: FakeDriver, tmp_path: Path
) -> None:
    (tmp_path / "pynvml.py").write_text(
        "import importlib.util, sys\n"
        "paths = [one for one in sys.path if not one.startswith(sys.argv[0]) and one != "
        f"{str(tmp_path)!r}]\n"
        "import importlib.machinery\n"
        "spec = importlib.machinery.PathFinder.find_spec('pynvml', paths)\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['pynvml'] = module\n"
        "spec.loader.exec_module(module)\n"
        "del module.nvmlDeviceGetMemoryAffinity, module.nvmlDeviceGetComputeMode\n"
    )
    (one,) = NVML.read("", nvidia.environment("count=1", PYTHONPATH=str(tmp_path)))
    assert (one.numa, one.compute_mode) == (None, "default")
