"""A look at NVIDIA's devices that goes on: what happens to them meanwhile is seen."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gpucore.standard.devices import narrow
from gpucore.system.nvml import NVML, watch_nvml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fake_drivers import FakeDriver

    from gpucore.standard.readings import Snapshot
    from gpucore.system.device_watch import ReaderWatch

ENOUGH = 30.0


@pytest.fixture
def begin(nvidia: FakeDriver) -> Iterator[Callable[..., ReaderWatch]]:
    """Return what begins to look at a machine in some state."""
    opened: list[ReaderWatch] = []

    def make(*lines: str, renewal: float = float("inf")) -> ReaderWatch:
        watch = watch_nvml("", nvidia.environment(*lines))
        watch._renewal = renewal
        opened.append(watch)
        return watch

    yield make
    for watch in opened:
        watch.close()


def numbers(snapshot: Snapshot) -> list[int]:
    return [int(one.uuid[-1]) for one in snapshot.readings]


def xids(snapshot: Snapshot) -> list[tuple[str, int]]:
    return [(one.uuid, one.number) for one in snapshot.xids]


def test_all_that_is_to_be_seen_of_a_device_is_told(begin: Callable[..., ReaderWatch]) -> None:
    snapshot = begin(
        "driver=575.51.03", "cuda=12090", "count=1", "0.mem_used=1200.5", "0.mem_reserved=600",
        "0.util=97", "0.temp=71", "0.power=312.25", "0.compute_mode=3", "0.ecc_uncorr=4",
        "0.remap_pending=1", "0.remap_failed=0", "0.recovery=4", "0.clocks=72", "0.mig_pending=1",
    ).read(ENOUGH)  # fmt: skip
    (one,) = snapshot.readings
    assert (snapshot.driver, snapshot.cuda) == ("575.51.03", "12.9")
    assert (one.memory_total_mib, one.memory_used_mib, one.memory_free_mib) == (40960, 1801, 39159)
    assert (one.utilisation, one.temperature, one.power_w) == (97, 71, 312.25)
    assert (one.compute_mode, one.ecc_uncorrected) == ("exclusive_process", 4)
    assert (one.remap_pending, one.remap_failed) == (True, False)
    assert (one.recovery_action, one.clock_reasons) == ("drain_and_reset", 72)
    assert one.mig == (False, True)
    assert one.processes == ()


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "none"), (1, "gpu_reset"), (2, "node_reboot"), (3, "drain_p2p"), (4, "drain_and_reset"),
     (5, "recover_imex_domain"), (6, "bus_reset"), (7, "system_reboot"), (99, "action_99")],
)  # fmt: skip
def test_what_the_driver_asks_for_has_a_name(
    begin: Callable[..., ReaderWatch], number: int, name: str
) -> None:
    assert begin("count=1", f"0.recovery={number}").read(ENOUGH).readings[0].recovery_action == name


def test_a_process_is_told_with_its_user_and_program(begin: Callable[..., ReaderWatch]) -> None:
    (reading,) = begin("count=1", f"0.proc={os.getpid()}:812.5,4194304:7").read(ENOUGH).readings
    assert reading.processes is not None
    ours, gone = reading.processes
    program = Path("/proc/self/comm").read_text(encoding="utf-8").rstrip("\n")
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert (ours.pid, ours.memory_mib, ours.user, ours.program) == (os.getpid(), 813, me, program)
    assert (gone.pid, gone.memory_mib, gone.user, gone.program) == (4194304, 7, "", "")


def test_an_xid_is_told_once_with_its_device(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin("count=3", "0.xid=13")  # reported before anybody looked
    first = watch.read(ENOUGH)
    assert xids(first) == []
    nvidia.set("count=3", "2.xid=79")
    second = watch.read(ENOUGH)
    assert xids(second) == [(first.readings[2].uuid, 79)]
    assert first.time <= second.xids[0].time <= second.time
    assert xids(watch.read(ENOUGH)) == []
    nvidia.set("count=3", "2.xid=79", "2.xid_seq=1", "0.xid=31")
    assert xids(watch.read(ENOUGH)) == [
        (first.readings[0].uuid, 31),
        (first.readings[2].uuid, 79),
    ]


def test_an_xid_of_a_device_that_is_lost_is_told_with_it(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin("count=2")
    before = watch.read(ENOUGH)
    nvidia.set("count=2", "1.xid=79", "1.error=15")
    after = watch.read(ENOUGH)
    assert xids(after) == [(before.readings[1].uuid, 79)]
    assert [one.fault for one in after.readings] == ["", "GpuIsLost"]


def test_xids_go_on_after_an_error_of_their_call(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin("count=1")
    watch.read(ENOUGH)
    nvidia.set("count=1", "error.nvmlEventSetWait_v2=15")
    assert xids(watch.read(ENOUGH)) == []
    nvidia.set("count=1")
    watch.read(ENOUGH)
    nvidia.set("count=1", "0.xid=48")
    assert [number for _, number in xids(watch.read(ENOUGH))] == [48]


def test_a_device_vanishes_and_returns(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin("count=3")
    assert numbers(watch.read(ENOUGH)) == [0, 1, 2]
    nvidia.set("order=0,2")
    assert numbers(watch.read(ENOUGH)) == [0, 2]
    nvidia.set("count=3")
    assert numbers(watch.read(ENOUGH)) == [0, 1, 2]


def test_readings_keep_their_identity_when_the_order_changes(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    lines = ("0.mem_used=100", "1.mem_used=200", "2.mem_used=300")
    watch = begin("count=3", *lines)
    before = watch.read(ENOUGH)
    nvidia.set("order=2,0,1", *lines)
    after = watch.read(ENOUGH)
    assert numbers(after) == [2, 0, 1]
    assert after.of == before.of


def test_a_fault_is_not_laid_on_who_has_moved_to_the_place(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin("count=3")
    before = watch.read(ENOUGH)
    nvidia.set("order=1,0,2", "1.error=15")  # it was at the second place, and is at the first
    after = watch.read(ENOUGH)
    assert [one.fault for one in after.readings] == ["GpuIsLost", "", ""]
    assert after.readings[0].uuid == ""
    assert {one.uuid for one in before.readings} > {one.uuid for one in after.readings[1:]}


def test_a_driver_that_is_unloaded_and_comes_back_is_asked_again(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin("count=1")
    watch.read(ENOUGH)
    nvidia.set("count=1", "0.error=9", "init_error=9")
    assert watch.read(ENOUGH).fault == "DriverNotLoaded"
    assert watch.read(ENOUGH).fault == "DriverNotLoaded"
    nvidia.set("count=1")
    assert numbers(watch.read(ENOUGH)) == [0]


@pytest.mark.parametrize(
    "trouble", [("count=2", "init_error=18"), ("count=2", "1.error=15"), ("order=0",)]
)
def test_trouble_is_looked_at_by_another_process_after_a_while(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch], trouble: tuple[str, ...]
) -> None:
    watch = begin("count=2", renewal=0.0)
    watch.read(ENOUGH)
    first = watch._reader
    assert first is not None
    watch.read(ENOUGH)
    assert watch._reader is first  # all is well
    nvidia.set(*trouble, "0.error=1" if "init_error=18" in trouble else "")
    watch.read(ENOUGH)
    assert watch._reader is None
    nvidia.set("count=2")
    assert numbers(watch.read(ENOUGH)) == [0, 1]
    watch.read(ENOUGH)


def test_a_driver_that_hangs_keeps_nobody(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin("count=2")
    watch.read(ENOUGH)
    nvidia.set("count=2", "1.hang_ms.nvmlDeviceGetPowerUsage=60000")
    for _ in range(3):
        with pytest.raises(TimeoutError):
            watch.read(0.02)
    reader = watch._reader
    assert reader is not None
    watch.close()
    assert reader._child.returncode is not None


MIG = ("count=2", "1.mig=1", "1.migs=1:0:9856,5:0:4864,6:0:4864")


def test_each_mig_instance_is_a_device_and_its_gpu_is_none(nvidia: FakeDriver) -> None:
    devices = NVML.read("", nvidia.environment(*MIG, "1.numa=1", "1.mig0.name=MIG 2g.10gb"))
    gpu = "GPU-fa4e0000-0000-4000-8000-000000000001"
    assert [one.index for one in devices] == [0, 1, 2, 3]
    assert [one.parent for one in devices] == ["", gpu, gpu, gpu]
    assert [one.memory_mib for one in devices] == [40960, 9856, 4864, 4864]
    assert devices[1].name == "MIG 2g.10gb"
    assert all(one.uuid.startswith("MIG-") for one in devices[1:])
    assert [one.mask_entry for one in devices] == ["0", *(one.uuid for one in devices[1:])]
    assert {(one.bus, one.numa) for one in devices[1:]} == {("00000000:02:00.0", 1)}


def test_an_outer_mask_names_mig_instances(nvidia: FakeDriver) -> None:
    devices = NVML.read("", nvidia.environment(*MIG))
    mask = f"{devices[3].uuid},{devices[1].uuid}"
    some = NVML.read("", nvidia.environment(CUDA_VISIBLE_DEVICES=mask))
    assert [(one.index, one.uuid) for one in some] == [(0, devices[3].uuid), (1, devices[1].uuid)]
    assert [one.mask_entry for one in some] == mask.split(",")
    # As CUDA counts: a number is a GPU, and means its first instance.
    assert [one.uuid for one in narrow(devices, "1,0")] == [devices[1].uuid, devices[0].uuid]


def test_a_gpu_in_mig_mode_without_instances_is_no_device(nvidia: FakeDriver) -> None:
    (one,) = NVML.read("", nvidia.environment("count=2", "0.mig=1"))
    assert one.uuid.endswith("1")


def test_readings_of_instances_have_their_own_memory_and_their_gpus_health(
    begin: Callable[..., ReaderWatch],
) -> None:
    lines = ("1.temp=80", "1.recovery=1", "1.mig1.mem_used=1000", "1.mig1.proc=1:990")
    snapshot = begin(*MIG, *lines).read(ENOUGH)
    plain, gpu, *instances = snapshot.readings
    assert (plain.mig, gpu.mig) == ((False, False), (True, True))
    assert [one.memory_total_mib for one in instances] == [9856, 4864, 4864]
    assert [one.memory_used_mib for one in instances] == [0, 1000, 0]
    assert [len(one.processes or ()) for one in instances] == [0, 1, 0]
    assert {(one.temperature, one.recovery_action, one.mig) for one in instances} == {
        (80, "gpu_reset", (True, True))
    }


def test_a_mig_layout_that_changes_while_running_is_seen(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin("count=2")
    assert [one.uuid[:3] for one in watch.read(ENOUGH).readings] == ["GPU", "GPU"]
    nvidia.set(*MIG)
    assert [one.uuid[:3] for one in watch.read(ENOUGH).readings] == ["GPU", "GPU", *["MIG"] * 3]
    nvidia.set("count=2", "1.mig=1", "1.migs=1:0:9856", "1.mig_pending=0")
    gpu, instance = watch.read(ENOUGH).readings[1:]
    assert gpu.mig == instance.mig == (True, False)
    nvidia.set("count=2")
    assert [one.uuid[:3] for one in watch.read(ENOUGH).readings] == ["GPU", "GPU"]


def test_instances_of_a_lost_gpu_are_lost_with_it(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch]
) -> None:
    watch = begin(*MIG)
    before = watch.read(ENOUGH)
    nvidia.set(*MIG, "1.error=15")
    after = watch.read(ENOUGH)
    assert [one.uuid for one in after.readings] == [one.uuid for one in before.readings]
    assert [one.fault for one in after.readings] == ["", *["GpuIsLost"] * 4]


@pytest.mark.parametrize(
    ("numbers_of_it", "concerned"),
    [((), [2, 3, 4]), (("1.xid_gi=5",), [3]), (("1.xid_gi=6", "1.xid_ci=0"), [4]),
     (("1.xid_gi=6", "1.xid_ci=3"), [])],
)  # fmt: skip
def test_an_xid_of_a_gpu_is_told_of_the_instances_that_it_concerns(
    nvidia: FakeDriver,
    begin: Callable[..., ReaderWatch],
    numbers_of_it: tuple[str, ...],
    concerned: list[int],
) -> None:
    watch = begin(*MIG)
    before = watch.read(ENOUGH)
    nvidia.set(*MIG, "1.xid=94", *numbers_of_it)
    assert xids(watch.read(ENOUGH)) == [(before.readings[one].uuid, 94) for one in concerned]


@pytest.mark.slow
@pytest.mark.parametrize(
    "call",
    [
        "nvmlDeviceGetMaxMigDeviceCount",
        "nvmlDeviceGetMigDeviceHandleByIndex",
        "nvmlDeviceGetGpuInstanceId",
        "nvmlDeviceGetComputeInstanceId",
    ],
)
def test_no_error_of_a_call_about_instances_is_raised(
    nvidia: FakeDriver, begin: Callable[..., ReaderWatch], call: str
) -> None:
    watch = begin(*MIG)
    watch.read(ENOUGH)
    for code in (*range(1, 31), 999):
        nvidia.set(*MIG, f"1.error.{call}={code}")
        snapshot = watch.read(ENOUGH)
        if code in {1, 9, 12, 18}:
            assert snapshot.fault
            continue
        fault = {15: "GpuIsLost", 16: "ResetRequired", 28: "GpuNotFound"}.get(code, "")
        assert [one.fault for one in snapshot.readings[:2]] == ["", fault]
        nvidia.set(*MIG)
        assert len(watch.read(ENOUGH).readings) == 5
