"""Every error that NVML knows, on every call that is made of it: none is raised into a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pynvml
import pytest
from fake_drivers import fake_nvml

from gpucore.errors import DeviceError
from gpucore.system.device_watch import ReaderWatch
from gpucore.system.nvml import watch_nvml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_drivers import FakeDriver

    from gpucore.standard.readings import Snapshot

ENOUGH = 30.0

CODES = {
    1: "Uninitialized", 2: "InvalidArgument", 3: "NotSupported", 4: "NoPermission",
    5: "AlreadyInitialized", 6: "NotFound", 7: "InsufficientSize", 8: "InsufficientPower",
    9: "DriverNotLoaded", 10: "Timeout", 11: "IrqIssue", 12: "LibraryNotFound",
    13: "FunctionNotFound", 14: "CorruptedInforom", 15: "GpuIsLost", 16: "ResetRequired",
    17: "OperatingSystem", 18: "LibRmVersionMismatch", 19: "InUse", 20: "Memory", 21: "NoData",
    22: "VgpuEccNotSupported", 23: "InsufficientResources", 24: "FreqNotSupported",
    25: "ArgumentVersionMismatch", 26: "Deprecated", 27: "NotReady", 28: "GpuNotFound",
    29: "InvalidState", 30: "ResetTypeNotSupported", 999: "Unknown",
}  # fmt: skip
"""All of `nvmlReturn_t`, as pynvml names them."""

OF_THE_DRIVER = {"Uninitialized", "DriverNotLoaded", "LibraryNotFound", "LibRmVersionMismatch"}
OF_A_DEVICE = {"GpuIsLost", "ResetRequired", "GpuNotFound"}
OF_A_DEVICE_WITHOUT_MEMORY = OF_A_DEVICE | {"IrqIssue", "OperatingSystem", "Unknown"}

WHOLE = ("nvmlDeviceGetCount_v2", "nvmlInitWithFlags")
IDENTITY = ("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID")
FIELDS = {
    ("nvmlDeviceGetMigMode",): "mig",
    ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2"):
        "processes",
    ("nvmlDeviceGetUtilizationRates",): "utilisation",
    ("nvmlDeviceGetTemperatureV", "nvmlDeviceGetTemperature"): "temperature",
    ("nvmlDeviceGetPowerUsage",): "power_w",
    ("nvmlDeviceGetComputeMode",): "compute_mode",
    ("nvmlDeviceGetTotalEccErrors",): "ecc_uncorrected",
    ("nvmlDeviceGetRemappedRows",): "remap_pending",
    ("nvmlDeviceGetFieldValues",): "recovery_action",
    ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons"):
        "clock_reasons",
}  # fmt: skip
"""Calls, the later ones asked when the first do not tell, and what is None then."""

ASIDE = (
    "nvmlSystemGetDriverVersion",
    "nvmlSystemGetCudaDriverVersion_v2",
    "nvmlEventSetCreate",
    "nvmlDeviceRegisterEvents",
    "nvmlEventSetWait_v2",
)
"""Calls without which all the rest is told."""

FACTS = {
    "nvmlDeviceGetName": "name",
    "nvmlDeviceGetPciInfo_v3": "bus",
    "nvmlDeviceGetMemoryAffinity": "numa",
}
LINKS = (
    "nvmlDeviceGetP2PStatus",
    "nvmlDeviceGetTopologyCommonAncestor",
    "nvmlDeviceGetNvLinkState",
    "nvmlDeviceGetNvLinkRemotePciInfo_v2",
)
STATE = ("count=2", "*.recovery=0", "*.nvlink_to=s", "0.proc=1:100")


@pytest.fixture(scope="module")
def driver(nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> FakeDriver:
    return fake_nvml(nvml_library, tmp_path_factory.mktemp("driver"))


@pytest.fixture(scope="module")
def looking(driver: FakeDriver) -> Iterator[ReaderWatch]:
    """Return a look by one child process, which outlives every error."""
    watch = watch_nvml("", driver.environment(*STATE))
    assert isinstance(watch, ReaderWatch)
    watch._renewal = float("inf")
    yield watch
    watch.close()


@pytest.fixture
def watch(driver: FakeDriver, looking: ReaderWatch) -> ReaderWatch:
    driver.set(*STATE)
    if looking.read(ENOUGH).fault:
        assert not looking.read(ENOUGH).fault
    return looking


def failing(driver: FakeDriver, code: int, *calls: str, device: str = "0.") -> None:
    driver.set(*STATE, *(f"{device}error.{call}={code}" for call in calls))


def listed(watch: ReaderWatch) -> list[int]:
    """Return the numbers of the devices that are listed; none when that is an error."""
    try:
        return [int(one.uuid[-1]) for one in watch.devices({}, ENOUGH)]
    except DeviceError:
        return []
    finally:
        watch.read(ENOUGH)  # an error that was listed ended the child, and this begins another


def faults(snapshot: Snapshot) -> list[str]:
    return [reading.fault for reading in snapshot.readings]


@pytest.mark.slow
@pytest.mark.parametrize("call", WHOLE)
def test_an_error_of_the_driver_is_the_fault_of_all(
    driver: FakeDriver, watch: ReaderWatch, call: str
) -> None:
    for code, name in CODES.items():
        if call == "nvmlInitWithFlags":
            failing(driver, 1, "nvmlDeviceGetCount_v2", device="")  # it is asked for anew
            watch.read(ENOUGH)
            driver.set(*STATE, f"init_error={code}")
        else:
            failing(driver, code, call, device="")
        snapshot = watch.read(ENOUGH)
        assert (snapshot.fault, snapshot.readings) == (name, ())
    assert listed(watch) == []


@pytest.mark.slow
@pytest.mark.parametrize("call", IDENTITY)
def test_a_gpu_without_identity_has_a_fault_and_leaves_the_others_alone(
    driver: FakeDriver, watch: ReaderWatch, call: str
) -> None:
    for code, name in CODES.items():
        failing(driver, code, call)
        snapshot = watch.read(ENOUGH)
        if name in OF_THE_DRIVER:
            assert snapshot.fault == name
        elif name == "NoPermission":
            assert [int(one.uuid[-1]) for one in snapshot.readings] == [1]
        else:
            assert faults(snapshot) == [name, ""]
            assert listed(watch) == [1]
        driver.set(*STATE)
        watch.read(ENOUGH)


@pytest.mark.slow
def test_a_gpu_that_answers_no_more_is_known_by_its_place(
    driver: FakeDriver, watch: ReaderWatch
) -> None:
    before = watch.read(ENOUGH)
    failing(driver, 15, "nvmlDeviceGetHandleByIndex_v2")
    after = watch.read(ENOUGH)
    assert [one.uuid for one in after.readings] == [one.uuid for one in before.readings]
    assert faults(after) == ["GpuIsLost", ""]


@pytest.mark.slow
def test_memory_that_is_not_told_is_none_or_a_fault(driver: FakeDriver, watch: ReaderWatch) -> None:
    for code, name in CODES.items():
        failing(driver, code, "nvmlDeviceGetMemoryInfo")
        snapshot = watch.read(ENOUGH)
        if name in OF_THE_DRIVER:
            assert snapshot.fault == name
            continue
        fault = name if name in OF_A_DEVICE_WITHOUT_MEMORY else ""
        assert faults(snapshot) == [fault, ""]
        assert snapshot.readings[0].memory_free_mib is None
        assert snapshot.readings[1].memory_free_mib is not None
        assert listed(watch) == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize(("calls", "field"), list(FIELDS.items()), ids=list(FIELDS.values()))
def test_what_a_call_does_not_tell_is_none_and_a_gpu_that_is_gone_has_a_fault(
    driver: FakeDriver, watch: ReaderWatch, calls: tuple[str, ...], field: str
) -> None:
    assert getattr(watch.read(ENOUGH).readings[0], field) is not None
    for code, name in CODES.items():
        failing(driver, code, *calls)
        snapshot = watch.read(ENOUGH)
        if name in OF_THE_DRIVER:
            assert snapshot.fault == name
            continue
        assert faults(snapshot) == [name if name in OF_A_DEVICE else "", ""]
        assert getattr(snapshot.readings[0], field) is None
        assert getattr(snapshot.readings[1], field) is not None
        assert listed(watch) == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("calls", [calls for calls in FIELDS if len(calls) > 1], ids=lambda c: c[0])
def test_what_an_older_call_tells_is_told(
    driver: FakeDriver, watch: ReaderWatch, calls: tuple[str, str]
) -> None:
    if not hasattr(pynvml, calls[1]):
        pytest.skip(f"this nvidia-ml-py has no {calls[1]}")
    failing(driver, 13, calls[0])
    reading = watch.read(ENOUGH).readings[0]
    assert not reading.fault
    assert getattr(reading, FIELDS[calls]) is not None


@pytest.mark.slow
@pytest.mark.parametrize("call", ASIDE)
def test_an_error_aside_keeps_nothing_else_from_being_told(
    driver: FakeDriver, watch: ReaderWatch, call: str
) -> None:
    for code in CODES:
        failing(driver, code, call, device="0." if call == "nvmlDeviceRegisterEvents" else "")
        snapshot = watch.read(ENOUGH)
        assert not snapshot.fault
        assert faults(snapshot) == ["", ""]
        assert bool(snapshot.driver) == (call != "nvmlSystemGetDriverVersion")
        assert snapshot.readings[0].processes
        assert listed(watch) == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize(("call", "field"), list(FACTS.items()))
def test_a_fact_that_is_not_told_is_left_out(
    driver: FakeDriver, watch: ReaderWatch, call: str, field: str
) -> None:
    for code, name in CODES.items():
        failing(driver, code, call)
        if name in OF_THE_DRIVER:
            assert listed(watch) == []
            continue
        first, second = sorted(watch.devices({}, ENOUGH), key=lambda one: one.uuid)
        assert getattr(first, field) in {"", None}
        assert getattr(second, field) not in {"", None}


@pytest.mark.slow
@pytest.mark.parametrize("call", LINKS)
def test_links_that_are_not_told_are_no_trouble(
    driver: FakeDriver, watch: ReaderWatch, call: str
) -> None:
    for code in CODES:
        failing(driver, code, call)
        assert listed(watch) == [0, 1]
