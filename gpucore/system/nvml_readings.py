"""What NVML tells of a device at one moment."""

from __future__ import annotations

from typing import Any

import pynvml

from gpucore.system.device_users import user_and_program
from gpucore.system.nvml_calls import MIB, DeviceFaultError, Instance, call, first, memory_of
from gpucore.system.nvml_facts import mode

__all__ = ["add_state", "instance_reading"]

_RECOVERY_ACTION = 230
_RECOVERIES = {
    0: "none",
    1: "gpu_reset",
    2: "node_reboot",
    3: "drain_p2p",
    4: "drain_and_reset",
    5: "recover_imex_domain",
    6: "bus_reset",
    7: "system_reboot",
}


def _add_memory(row: dict[str, object], handle: Any) -> None:
    memory = memory_of(handle)
    if memory is not None:
        row["memory_total_mib"] = int(memory.total) // MIB
        # What the driver keeps for itself is used, too: the rest is what a program can have.
        row["memory_used_mib"] = -(-int(memory.used) // MIB)
    row["processes"] = _processes(handle)


def add_state(row: dict[str, object], handle: Any) -> None:
    """Add all there is to read of a GPU, until a fault of it ends that."""
    mig = call("nvmlDeviceGetMigMode", handle)
    row["mig"] = None if mig is None else [bool(mig[0]), bool(mig[1])]
    _add_memory(row, handle)
    rates = call("nvmlDeviceGetUtilizationRates", handle)
    row["utilisation"] = None if rates is None else int(rates.gpu)
    row["temperature"] = first(
        ("nvmlDeviceGetTemperatureV", handle, 0), ("nvmlDeviceGetTemperature", handle, 0)
    )
    power = call("nvmlDeviceGetPowerUsage", handle)
    row["power_w"] = None if power is None else power / 1000
    row["compute_mode"] = mode(handle)
    row["ecc_uncorrected"] = call("nvmlDeviceGetTotalEccErrors", handle, 1, 0)
    rows = call("nvmlDeviceGetRemappedRows", handle)
    if rows is not None:
        row["remap_pending"], row["remap_failed"] = bool(rows[2]), bool(rows[3])
    row["recovery_action"] = _recovery(handle)
    row["clock_reasons"] = first(
        ("nvmlDeviceGetCurrentClocksEventReasons", handle),
        ("nvmlDeviceGetCurrentClocksThrottleReasons", handle),  # drivers before 535
    )


def instance_reading(gpu: dict[str, object], one: Instance) -> dict[str, object]:
    """Return the reading of an instance: the GPU's health, its own memory and processes."""
    row = {**gpu, "uuid": one.uuid, "utilisation": None}
    row.update(memory_total_mib=None, memory_used_mib=None, processes=None)
    try:
        _add_memory(row, one.handle)
    except DeviceFaultError as fault:
        row["fault"] = fault.args[0]
    return row


def _recovery(handle: Any) -> str | None:
    fields = call("nvmlDeviceGetFieldValues", handle, [_RECOVERY_ACTION])
    if fields is None or fields[0].nvmlReturn != pynvml.NVML_SUCCESS:
        return None
    action = int(fields[0].value.uiVal)
    return _RECOVERIES.get(action, f"action_{action}")


def _processes(handle: Any) -> list[dict[str, object]] | None:
    rows = first(
        ("nvmlDeviceGetComputeRunningProcesses_v3", handle),
        ("nvmlDeviceGetComputeRunningProcesses_v2", handle),  # drivers before 510
    )
    if rows is None:
        return None
    return [
        {
            "pid": int(row.pid),
            "memory_mib": None if row.usedGpuMemory is None else -(-row.usedGpuMemory // MIB),
            **user_and_program(int(row.pid)),
        }
        for row in rows
    ]
