"""What amdsmi says of the devices, asked in a process of its own (`gpucore.system.device_child`).

As with NVML each call stands for itself: what a driver or a card does not tell is None.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

from gpucore.system.device_users import user_and_program

__all__ = ["Reader"]

_MIB = 2**20
_NOT_TOLD = 0xFFFFFFFF
_XGMI = 100
_NUMA_NEAR, _FAR = 20, 10
_MILLIDEGREES = 1000
_NAMES = {
    "FAIL_LOAD_MODULE": "LibraryNotFound",
    "NO_DRV": "DriverNotLoaded",
    "NO_PERM": "NoPermission",
}
"""What NVML calls the same."""
_HARMLESS = {"NotSupported", "NotYetImplemented", "NoPermission", "NoData", "FunctionNotFound"}


class _FaultError(Exception):
    """A call failed: the fault's name, and amdsmi's words."""


class Reader:
    """The library amdsmi, imported and initialised when it is first asked."""

    def __init__(self) -> None:
        self._smi: Any = None

    def devices(self) -> dict[str, object]:
        """Return the facts of each device."""
        try:
            handles = self._handles()
        except _FaultError as fault:
            return {"fault": fault.args[0], "text": fault.args[1]}
        rows = [self._facts(place, handle) for place, handle in enumerate(handles)]
        for row, handle in zip(rows, handles, strict=True):
            row["links"] = [
                (other["uuid"], self._nearness(row, handle, other, there))
                for other, there in zip(rows, handles, strict=True)
                if other is not row
            ]
        return {"devices": rows}

    def snapshot(self) -> dict[str, object]:
        """Return how each device is now."""
        now = time.time()
        try:
            handles = self._handles()
        except _FaultError as fault:
            return {"time": now, "fault": fault.args[0]}
        readings = [self._reading(handle) for handle in handles]
        driver = self._told("amdsmi_get_gpu_driver_info", handles[0]) if handles else {}
        return {"time": now, "readings": readings, "driver": _word(driver, "driver_version")}

    def _handles(self) -> list[Any]:
        if self._smi is None:
            try:
                smi = importlib.import_module("amdsmi")
            except ModuleNotFoundError as error:
                raise _FaultError("BindingNotFound", str(error)) from None
            except (KeyError, OSError) as error:  # the first where there is no ROCm
                raise _FaultError("LibraryNotFound", str(error)) from None
            except Exception as error:  # noqa: BLE001 - amdsmi is loaded from wherever ROCm lies
                raise _FaultError(type(error).__name__, str(error)) from None
            self._smi = smi
            try:
                self._call("amdsmi_init")
            except _FaultError:
                self._smi = None
                raise
        handles: list[Any] = self._call("amdsmi_get_processor_handles")
        return handles

    def _call(self, name: str, *arguments: Any) -> Any:
        try:
            return getattr(self._smi, name)(*arguments)
        except AttributeError:
            raise _FaultError("FunctionNotFound", f"this amdsmi has no {name}") from None
        except Exception as error:  # noqa: BLE001 - each of its classes, and those of its binding
            status = str(getattr(error, "err_info", "")).partition(" - ")[0].strip()
            status = status.removeprefix("AMDSMI_STATUS_")
            fault = _NAMES.get(status) or "".join(map(str.capitalize, status.split("_")))
            raise _FaultError(fault or type(error).__name__, str(error)) from None

    def _told(self, name: str, *arguments: Any) -> Any:
        """Return what amdsmi answers; None when it does not tell."""
        try:
            return self._call(name, *arguments)
        except _FaultError:
            return None

    def _facts(self, place: int, handle: Any) -> dict[str, Any]:
        asic = self._told("amdsmi_get_gpu_asic_info", handle)
        order = self._told("amdsmi_get_gpu_enumeration_info", handle)
        memory = self._told("amdsmi_get_gpu_vram_usage", handle)
        uuid, known = self._identity(handle, asic, order)
        return {
            "place": place,
            "uuid": uuid,
            "in_mask": known,
            "bus": str(self._told("amdsmi_get_gpu_device_bdf", handle) or ""),
            "name": _word(asic, "market_name"),
            "memory_mib": _number(memory, "vram_total") or 0,
            "numa": _counted(self._told("amdsmi_topo_get_numa_node_number", handle)),
            "hsa": _number(order, "hsa_id"),
            "hip": _number(order, "hip_id"),
        }

    def _identity(self, handle: Any, asic: Any, order: Any) -> tuple[str, bool]:
        """Return a GPU's identity, and whether ROCm's masks know it."""
        uuid = _word(order, "hip_uuid")
        if uuid.startswith("GPU-") and uuid != "GPU-XX":
            return uuid, True
        serial = _word(asic, "asic_serial").lower().removeprefix("0x")
        if serial.strip("0") and all(digit in "0123456789abcdef" for digit in serial):
            return f"GPU-{serial:0>16}", True
        uuid = str(self._told("amdsmi_get_gpu_device_uuid", handle) or "")
        return (f"GPU-{uuid}" if uuid else ""), False

    def _nearness(self, row: dict[str, Any], handle: Any, other: dict[str, Any], there: Any) -> int:
        link = _number(self._told("amdsmi_topo_get_link_type", handle, there), "type")
        kinds = getattr(self._smi, "AmdSmiLinkType", None)
        same = row["numa"] is not None and row["numa"] == other["numa"]
        score = _NUMA_NEAR if same else _FAR
        xgmi = getattr(kinds, "AMDSMI_LINK_TYPE_XGMI", None)
        return score + (_XGMI if link is not None and link == xgmi else 0)

    def _reading(self, handle: Any) -> dict[str, object]:
        asic = self._told("amdsmi_get_gpu_asic_info", handle)
        order = self._told("amdsmi_get_gpu_enumeration_info", handle)
        row: dict[str, object] = {"uuid": self._identity(handle, asic, order)[0]}
        try:
            memory = self._call("amdsmi_get_gpu_vram_usage", handle)
        except _FaultError as fault:
            if fault.args[0] not in _HARMLESS:
                return {**row, "fault": fault.args[0]}
            memory = None
        power = self._told("amdsmi_get_power_info", handle)
        errors = self._told("amdsmi_get_gpu_total_ecc_count", handle)
        watts = _number(power, "current_socket_power") or _number(power, "average_socket_power")
        return {
            **row,
            "memory_total_mib": _number(memory, "vram_total"),
            "memory_used_mib": _number(memory, "vram_used"),
            "utilisation": _number(self._told("amdsmi_get_gpu_activity", handle), "gfx_activity"),
            "temperature": self._temperature(handle),
            "power_w": None if watts is None else float(watts),
            "ecc_uncorrected": _number(errors, "uncorrectable_count"),
            "processes": self._processes(handle),
        }

    def _temperature(self, handle: Any) -> int | None:
        sensors = getattr(self._smi, "AmdSmiTemperatureType", None)
        metrics = getattr(self._smi, "AmdSmiTemperatureMetric", None)
        for sensor in ("EDGE", "HOTSPOT"):  # cards for data centres have the second alone
            value = self._told(
                "amdsmi_get_temp_metric",
                handle,
                getattr(sensors, sensor, None),
                getattr(metrics, "CURRENT", None),
            )
            if isinstance(value, int):
                return value // _MILLIDEGREES if value > _MILLIDEGREES else value
        return None

    def _processes(self, handle: Any) -> list[dict[str, object]] | None:
        rows = self._told("amdsmi_get_gpu_process_list", handle)
        if rows is None:
            return None
        found: list[dict[str, object]] = []
        for row in rows:
            pid = _number(row, "pid")
            if pid:
                held = _number(row.get("memory_usage"), "vram_mem")
                memory = None if held is None else -(-held // _MIB)
                found.append({"pid": pid, "memory_mib": memory, **user_and_program(pid)})
        return found


def _number(answer: Any, key: str) -> int | None:
    """Return a number of an answer; amdsmi writes `N/A` for what a card does not tell."""
    value = answer.get(key) if isinstance(answer, dict) else None
    return _counted(value)


def _counted(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _NOT_TOLD
    return value if known else None


def _word(answer: Any, key: str) -> str:
    value = answer.get(key) if isinstance(answer, dict) else None
    return "" if value in (None, "N/A") else str(value)
