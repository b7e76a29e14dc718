"""The device source ``amd`` on a stand-in for amdsmi: what it lists, masks, and says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from fake_drivers import amd_state

from gpucore.errors import DeviceError
from gpucore.standard import Gpu, GpuUse
from gpucore.standard.gpuforms import gpu_arguments, gpu_environment
from gpucore.system import amd as source
from gpucore.system.amd import AMD, watch_amd
from gpucore.system.nvml import NoDriverError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_drivers import FakeDriver

    from gpucore.system.device_watch import ReaderWatch

ENOUGH = 30.0


def devices(amd: FakeDriver, *rows: dict[str, Any], **more: str) -> list[Any]:
    amd.write(amd_state(*rows))
    return list(AMD.read("", amd.environment(**more)))


@pytest.fixture
def begin(amd: FakeDriver) -> Iterator[Callable[..., ReaderWatch]]:
    opened: list[ReaderWatch] = []

    def make(*rows: dict[str, Any], **more: object) -> ReaderWatch:
        amd.write(amd_state(*rows, **more))
        opened.append(watch_amd("", amd.environment()))
        return opened[-1]

    yield make
    for watch in opened:
        watch.close()


def test_all_that_is_known_of_a_device_is_told(amd: FakeDriver) -> None:
    one, two = devices(
        amd,
        {"bdf": "0000:c1:00.0", "name": "AMD A", "total": 65520, "numa": 1, "uuid": "GPU-1f"},
        {"bdf": "0000:41:00.0", "xgmi": [0], "numa": 1},
    )
    assert [one.index, two.index] == [0, 1]
    assert (one.bus, two.bus) == ("0000:41:00.0", "0000:c1:00.0")
    assert (two.name, two.memory_mib, two.numa, two.uuid) == ("AMD A", 65520, 1, "GPU-1f")
    assert {one.maker, two.maker} == {"amd"}
    assert one.links == (("GPU-1f", 120),)
    assert two.links == ((one.uuid, 20),)


@pytest.mark.parametrize(
    ("row", "uuid", "entry"),
    [
        ({"uuid": "GPU-4b2c"}, "GPU-4b2c", "GPU-4b2c"),
        ({"uuid": "GPU-XX", "serial": "0x4B2C"}, "GPU-0000000000004b2c", "GPU-0000000000004b2c"),
        ({"uuid": "", "serial": "0x0", "smi_uuid": "ff-1"}, "GPU-ff-1", "0"),
        ({"error": {"amdsmi_get_gpu_enumeration_info": "NOT_SUPPORTED"}, "serial": "N/A"},
         "GPU-00000000-0000-1000", "0"),
    ],
)  # fmt: skip
def test_a_device_has_the_identity_that_rocms_masks_know_if_it_has_one(
    amd: FakeDriver, row: dict[str, Any], uuid: str, entry: str
) -> None:
    (one,) = devices(amd, row)
    assert (one.uuid, one.mask_entry) == (uuid, entry)


def test_each_layer_of_rocm_counts_in_its_own_order(amd: FakeDriver) -> None:
    rows = (
        {"uuid": "GPU-a", "hsa": 3, "hip": 0},
        {"uuid": "GPU-b", "hsa": 2, "hip": 2},
        {"uuid": "GPU-c", "hsa": 4, "hip": 1},
    )

    def seen(**masks: str) -> list[str]:
        return [one.uuid[-1] for one in devices(amd, *rows, **masks)]

    assert seen() == ["a", "b", "c"]
    assert seen(ROCR_VISIBLE_DEVICES="0,2") == ["b", "c"]
    assert seen(HIP_VISIBLE_DEVICES="0,1") == ["a", "c"]
    assert seen(CUDA_VISIBLE_DEVICES="1") == ["c"]
    assert seen(CUDA_VISIBLE_DEVICES="1", HIP_VISIBLE_DEVICES="2") == ["b"]
    assert seen(ROCR_VISIBLE_DEVICES="0,2", HIP_VISIBLE_DEVICES="1") == ["c"]
    assert seen(HIP_VISIBLE_DEVICES="") == ["a", "b", "c"]
    assert seen(ROCR_VISIBLE_DEVICES="") == []


def test_a_step_on_them_is_told_by_rocms_variables(amd: FakeDriver) -> None:
    _, two, three = devices(amd, {"uuid": "GPU-a"}, {"uuid": "GPU-b"}, {"uuid": "GPU-c"})
    gpu = Gpu(use=GpuUse.OPTIONAL, form="space", isolation=False)
    assert gpu_environment(gpu, [three, two]) == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "ROCR_VISIBLE_DEVICES": "GPU-c,GPU-b",
        "HIP_VISIBLE_DEVICES": "0,1",
    }
    assert gpu_arguments(gpu, [three, two]) == ["0", "1"]


@pytest.mark.parametrize(
    ("state", "words", "kind"),
    [
        ({"no_library": True}, "libamd_smi.so was not found", NoDriverError),
        ({"error": {"amdsmi_init": "DRIVER_NOT_LOADED"}}, "driver is not loaded", DeviceError),
        ({"error": {"amdsmi_init": "NO_PERM"}}, "may not ask", DeviceError),
        ({"error": {"amdsmi_get_processor_handles": "IO"}}, "reports: .*IO", DeviceError),
    ],
)
def test_a_driver_that_fails_is_an_error_with_its_meaning(
    amd: FakeDriver, state: dict[str, object], words: str, kind: type[DeviceError]
) -> None:
    amd.write(amd_state({}, **state))
    with pytest.raises(DeviceError, match=words) as caught:
        AMD.read("", amd.environment())
    assert type(caught.value) is kind


def test_a_machine_without_amdsmi_says_what_to_install(tmp_path: Any) -> None:
    environment = {"PATH": os.defpath, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "amdsmi.py").write_text("raise ModuleNotFoundError('no module named amdsmi')")
    with pytest.raises(DeviceError, match="amdsmi is not installed") as caught:
        AMD.read("", environment)
    assert "[amd]" in caught.value.hint


@pytest.mark.slow
def test_a_driver_that_hangs_is_said_to_hang(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "amdsmi.py").write_text("import time\ntime.sleep(60)")
    monkeypatch.setattr(source, "DEADLINE", 0.3)
    with pytest.raises(DeviceError, match=r"the AMD driver did not answer within 0\.3 seconds"):
        AMD.read("", {"PATH": os.defpath, "PYTHONPATH": str(tmp_path)})


def test_two_devices_of_one_identity_are_refused(amd: FakeDriver) -> None:
    with pytest.raises(DeviceError, match="two AMD GPUs have the identity GPU-a") as caught:
        devices(amd, {"uuid": "GPU-a"}, {"uuid": "GPU-a"})
    assert "partition" in caught.value.hint


def test_a_look_tells_what_a_device_does(begin: Callable[..., ReaderWatch]) -> None:
    watch = begin(
        {"used": 1200, "busy": 97, "temperature": 71, "power": 310, "ecc": 2,
         "processes": [(os.getpid(), 800), (0, 1)]},
        {"no_edge": True, "temperature": 55_000},
    )  # fmt: skip
    snapshot = watch.read(ENOUGH)
    one, two = snapshot.readings
    assert (one.memory_used_mib, one.utilisation, one.temperature) == (1200, 97, 71)
    assert (one.power_w, one.ecc_uncorrected) == (310.0, 2)
    assert [(row.pid, row.memory_mib) for row in one.processes or ()] == [(os.getpid(), 800)]
    assert two.temperature == 55
    assert snapshot.driver == "6.12"


@pytest.mark.parametrize(
    ("call", "field"),
    [
        ("amdsmi_get_gpu_activity", "utilisation"),
        ("amdsmi_get_temp_metric", "temperature"),
        ("amdsmi_get_power_info", "power_w"),
        ("amdsmi_get_gpu_total_ecc_count", "ecc_uncorrected"),
        ("amdsmi_get_gpu_process_list", "processes"),
    ],
)
def test_what_a_card_does_not_tell_is_none(
    begin: Callable[..., ReaderWatch], call: str, field: str
) -> None:
    (one,) = begin({"error": {call: "NOT_SUPPORTED"}}).read(ENOUGH).readings
    assert not one.fault
    assert getattr(one, field) is None


def test_a_card_whose_memory_cannot_be_read_has_a_fault(begin: Callable[..., ReaderWatch]) -> None:
    one, two, three = (
        begin(
            {"error": {"amdsmi_get_gpu_vram_usage": "IO"}},
            {"error": {"amdsmi_get_gpu_vram_usage": "NOT_SUPPORTED"}},
            {},
        )
        .read(ENOUGH)
        .readings
    )
    assert (one.fault, two.fault, three.fault) == ("Io", "", "")
    assert two.memory_free_mib is None


def test_a_driver_that_cannot_be_asked_is_the_fault_of_all_until_it_can(
    amd: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin({}, error={"amdsmi_init": "DRIVER_NOT_LOADED"})
    assert watch.read(ENOUGH).fault == "DriverNotLoaded"
    amd.write(amd_state({}))
    assert not watch.read(ENOUGH).fault
